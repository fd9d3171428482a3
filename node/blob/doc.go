// Package blob keeps evidence files off chain.
//
// A statement on the ledger carries only digests; the bytes they stand for
// (screenshots, archives, videos) are blobs. A blob is immutable and is
// addressed by the SHA-256 of its bytes, so whoever receives one can check it
// without trusting the store that served it.
//
// # Promise
//
//   - Put hashes while it streams. Nothing is visible under a digest before all
//     bytes arrived, hashed to that digest and reached the disk. A wrong,
//     truncated or oversized body leaves nothing behind.
//   - Put of a blob that is already there reads and checks the body all the
//     same, so its answer does not reveal whether the blob existed, and a copy
//     that rotted on disk is replaced by the good one.
//   - Get hashes again while it streams. A reader that reaches io.EOF has read
//     exactly the bytes that were asked for; bytes that changed on disk end in
//     ErrCorrupt instead. A caller that stops before io.EOF has verified nothing.
//
// # Directory driver
//
// [Dir] keeps one file per blob:
//
//	DIR/LOCK                       held by the one process that uses DIR
//	DIR/incoming/<random>          bodies still arriving; emptied by OpenDir
//	DIR/sha256/ab/cd/<64 hex>      blobs, mode 0440
//
// A Put writes to incoming, fsyncs the file, renames it to its place and fsyncs
// the directories down to it before it returns. incoming is one directory
// beside the blobs rather than each blob's own directory, so that clearing what
// a crash left behind costs a listing of the leftovers and not a walk over
// 65 536 directories. All of DIR must lie on one file system.
//
// Names are made from [Digest] values only, never from strings, and every file
// is opened through an [os.Root], so neither a hostile name nor a symbolic link
// planted under DIR leads outside it.
//
// Other drivers run the suite in package blobtest.
package blob
