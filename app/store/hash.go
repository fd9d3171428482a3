package store

import (
	"crypto/sha256"
	"encoding/binary"
)

// Hash is a SHA-256 digest.
type Hash = [32]byte

// emptyRoot is the root of an empty log (RFC 6962 section 2.1) and of an empty IAVL tree.
var emptyRoot = Hash(sha256.Sum256(nil))

// MaxEnvelope is the longest envelope the log takes, in bytes. A C2SP entry bundle
// gives an entry a 16-bit length, and an entry is the envelope behind its height.
const MaxEnvelope = 1<<16 - 1 - 8

// LeafHash is the leaf of an entry in the log:
// SHA-256(0x00 ‖ uint64be(height) ‖ envelope).
func LeafHash(height int64, envelope []byte) Hash {
	return sha256.Sum256(appendLeaf(make([]byte, 0, 1+8+len(envelope)), height, envelope))
}

// appendLeaf appends what LeafHash hashes. From the second byte on it is the entry's row.
func appendLeaf(b []byte, height int64, envelope []byte) []byte {
	b = append(b, 0x00)
	b = binary.BigEndian.AppendUint64(b, uint64(height))
	return append(b, envelope...)
}

// AppHash is the application hash: the RFC 6962 root of two leaves,
// "log" ‖ uint64be(logSize) ‖ logRoot and "state" ‖ stateRoot.
func AppHash(logSize uint64, logRoot, stateRoot Hash) Hash {
	var l [1 + 3 + 8 + 32]byte
	copy(l[1:], "log")
	binary.BigEndian.PutUint64(l[4:], logSize)
	copy(l[12:], logRoot[:])

	var s [1 + 5 + 32]byte
	copy(s[1:], "state")
	copy(s[6:], stateRoot[:])

	lh, sh := sha256.Sum256(l[:]), sha256.Sum256(s[:])
	var n [1 + 32 + 32]byte
	n[0] = 0x01
	copy(n[1:], lh[:])
	copy(n[33:], sh[:])
	return sha256.Sum256(n[:])
}
