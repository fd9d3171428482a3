// Package index is the read model of a gateway: it finds statements by what is
// in them. It is made from the log alone, proves nothing, and may be deleted at
// any time: it is rebuilt.
//
// # Tables
//
// One SQLite file in WAL mode. Everybody may read it while the node runs; the
// node is the only one who writes.
//
//	statements  seq, id, height, kind, member, at (ms), matter, about
//	            one row for each log entry. matter is the entry that opened its
//	            matter, NULL for an endorsement; about is the entry it endorses.
//	terms       field, value, seq: entry seq, of evidence or traceability, has this
//	            value in this field. Fields are numbered: see the constants.
//	orphans     seq, kind, member, other: hand-overs that only one side has signed
//	cursor      log_size entries are indexed, the last of which has id last and
//	            was accepted at height
//
// What an entry says is read from the store, not repeated here.
//
// # Following
//
// Run reads the entries that are committed and not yet indexed, in batches, and
// moves the cursor in the same SQL transaction as the rows. So a crash at any
// moment leaves a prefix of the log indexed, and the next Run goes on there.
// Between batches it rests as long as the last one took: indexing takes at most
// half of one core from the chain, and falls behind rather than slow it.
//
// Open starts from nothing when the file is missing or damaged, has another
// schema, or was made from another log.
package index
