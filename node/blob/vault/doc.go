// Package vault is the store of a member's evidence: encrypted, logged, kept as long
// as it must be, and erased when the ledger says so.
//
// # Where things are
//
//	DIR/LOCK            held by the one process that uses DIR
//	DIR/keys/ab/cd/D    96 bytes for the file with SHA-256 D: where its bytes are, and their key, wrapped
//	DIR/custody.db      the custody log (package client/custody), retention, holds; SQLite
//	DIR/objects/…       the encrypted bytes, unless they are in an S3 bucket (package bucket)
//	DIR/incoming/…      what is being written
//	the store key       another file, which opens the keys (LoadKey)
//
// The record in keys decides: a file is stored if and only if its record is there.
// Objects have random names and contents that nobody can read, so that whoever keeps
// them learns neither what they are nor which digests the ledger has of them. Objects
// are files in the age format (c2sp.org/age), records are in record.go.
//
// # Order
//
//	Put      object, line, record, answer
//	Get      line, bytes
//	Delete   line and note that the key is doomed, in one piece; key; object
//	Erase    the same; and the digest may not come back
//
// A crash between two steps leaves an object without a record, a line about a file that
// was not acknowledged, or a doomed key; Open destroys doomed keys, Sweep removes
// objects without records. Nothing acknowledged is lost, no act is without its line.
//
// # Erasure
//
// Without its key an object is noise, also where object lock keeps it for years, and in
// backups of the bucket. What must not survive is the record: a backup of DIR/keys
// that is older than the erasure, together with the store key, undoes it. See
// node/README.md.
package vault
