// Package receipt holds the proof that a statement is on the ledger, and its
// verification without a network, a clock or any trust in who hands it over.
//
// # What a receipt shows
//
//	statement ──signatures── accounts, members, policy   Rows, proven under StateRoot
//	    │                                    │
//	log leaf ──Path── LogRoot            StateRoot
//	                     └──── app hash ────┘
//	                              │
//	                     header Height+1 ──── signatures of validators ──── Trust
//
// The application hash after block H is in header H+1, so a receipt for an
// entry of block H carries header H+1 and the precommits for it. The time of
// that header is when the entry was sealed: it is the median of the votes that
// committed block H.
//
//	log leaf   SHA-256(0x00 ‖ uint64be(height) ‖ envelope in wire form)
//	app hash   SHA-256(0x01 ‖ L ‖ S)
//	L          SHA-256(0x00 ‖ "log"   ‖ uint64be(log size) ‖ log root)
//	S          SHA-256(0x00 ‖ "state" ‖ state root)
//
// # Two encodings
//
// A [Receipt] is written as canonical JSON (.receipt.json) or as deterministic
// CBOR (.receipt.cbor). [Parse] recognises either. There is one sequence of
// bytes for a receipt in each, except that white space between JSON tokens is
// free, because people indent files, and so are the escapes by which encoding/json
// keeps <, > and & out of HTML. CBOR maps have the integer keys of the struct
// tags. The full form carries Rows; [Receipt.Compact] leaves them out and is small
// enough for a printed code.
//
// # Making one
//
// The node fills the fields with plain values. Which rows to prove is not for it
// to decide: [Keys] walks the same path as the verifier and lists the keys that it
// asks for, and the verifier accepts exactly those rows in that order.
//
// # Checking one
//
//	report := receipt.Verify(bytes, trust, receipt.Options{Files: files})
//	if report.Verdict == receipt.NotVerified { … }
//
// The same input gives the same report, byte for byte. Keys that occur in a
// proof are never believed: each is compared with the key that the statement
// and the key table call for. [StateProof] is the smaller sibling for one row
// of state, or for its absence.
//
// CometBFT's header hash, vote bytes and validator set hash are computed here
// and not imported, so that a court tool is small; tests compare them with
// CometBFT's own. Signatures are checked with the standard library's Ed25519
// (RFC 8032), which is stricter than CometBFT's (ZIP-215): a validator could make
// a freak signature that only its peers accept. Such a receipt fails; none
// passes wrongly.
package receipt
