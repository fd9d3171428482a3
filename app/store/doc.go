// Package store is the versioned, authenticated storage of the ledger: an
// append-only log, one state tree and the rows beside them, in one database.
//
// # What is committed
//
// A block leaves a [Head]: how long the log is, its root, the root of the state
// tree, and the application hash over both.
//
//	log    RFC 6962 Merkle tree; leaf = SHA-256(0x00 ‖ uint64be(height) ‖ envelope)
//	state  IAVL tree (ICS-23 proofs of membership and of absence)
//	L      SHA-256(0x00 ‖ "log"   ‖ uint64be(log size) ‖ log root)
//	S      SHA-256(0x00 ‖ "state" ‖ state root)
//	app    SHA-256(0x01 ‖ L ‖ S)
//
// The root of an empty log and of an empty tree is SHA-256 of nothing.
//
// # Writing
//
// There is one writer. It opens a [Block], appends envelopes and sets keys, asks
// for the hash, and commits or discards:
//
//	b := s.Begin(height)
//	if _, known, err := b.Seq(id); err == nil && !known {
//		seq := b.Append(id, envelope)
//		b.Set(key, value)
//	}
//	head, err := b.Hash()   // FinalizeBlock answers head.AppHash
//	head, err = b.Commit()  // durable when it returns
//
// State writes stay in an overlay until Hash, which applies their net effect in
// key order. The root of an IAVL tree depends on the order of insertion, and IAVL
// hashes the version into a leaf even when its value did not change; so the order
// is fixed here, a write that changes nothing is dropped here, and a second Hash
// starts again from the committed tree. The application hash is a function of the
// previous head, the entries and the net writes, and of nothing else.
//
// A block without state writes does not touch the tree: Head.TreeVersion, IAVL's
// own consecutive counter, then stays as it was.
//
// # Atomic commit
//
// Entries, ids, log tiles, tree nodes and the head travel in one Pebble batch that
// is written with one sync. IAVL's batches are redirected into it (see treeDB). A
// crash leaves the previous head or the new one, never something between. Open
// nevertheless trusts nothing: it rebuilds the right edge of the log from entries
// and tiles and compares its root with the head, and it loads exactly the tree
// version that the head names.
//
// # Reading
//
// A [View] is one committed head. Views are cheap, never expire and are safe beside
// the writer without locks or snapshots, because every row except "latest" is
// written once and never changed.
//
// # Rows
//
// One byte of prefix, integers big-endian:
//
//	key                           value
//	'm' "format"                  uint32 layout of this table (1)
//	'm' "latest"                  int64 height of the newest head
//	'b' height(8)                 head: height(8) log size(8) tree version(8) log root(32) state root(32) app hash(32) block hash(32) time(8)
//	'e' seq(8)                    entry: height(8) envelope
//	'i' id(32)                    seq(8)
//	'h' level(1) index(8)         full log tile: 256 hashes of tree level 8·level (C2SP tlog-tiles)
//	't' IAVL key                  IAVL node or root reference
//	'm' "flat"                    first byte and length of the state keys that have flat rows
//	'f' state key ^height(8)      value of the key from that height on; empty: none
//
// Only full tiles are stored. The partial tiles of the right edge live in memory
// and are rebuilt on Open from at most 255 entries and 255 tiles a level, so an
// ordinary block writes no tile twice.
//
// A row of 'i' whose seq is not below the committed log size does not exist.
//
// # Pruning
//
// Nothing is pruned: every height keeps its head and its tree version.
package store
