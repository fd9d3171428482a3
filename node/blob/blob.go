package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// Errors that callers branch on. Drivers wrap them with the digest concerned.
var (
	// ErrNotFound: no blob with that digest is stored.
	ErrNotFound = errors.New("blob not found")
	// ErrDigestMismatch: the body given to Put does not hash to the digest
	// given; a truncated body ends here too.
	ErrDigestMismatch = errors.New("blob body does not match its digest")
	// ErrTooLarge: the body given to Put is longer than the store accepts.
	ErrTooLarge = errors.New("blob too large")
	// ErrCorrupt: the stored bytes no longer hash to their digest.
	ErrCorrupt = errors.New("stored blob is corrupt")
)

// Digest is the SHA-256 of a blob's bytes and its only name.
type Digest [sha256.Size]byte

// ParseDigest reads the text form: exactly 64 lower-case hexadecimal digits.
// Upper case is refused so that a digest has one spelling.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	if len(s) != 2*len(d) {
		return Digest{}, fmt.Errorf("blob digest has %d characters, want %d", len(s), 2*len(d))
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return Digest{}, fmt.Errorf("blob digest has %q at position %d, want lower-case hexadecimal", c, i)
		}
	}
	if _, err := hex.Decode(d[:], []byte(s)); err != nil {
		return Digest{}, fmt.Errorf("blob digest: %w", err)
	}
	return d, nil
}

// Sum returns the digest of b.
func Sum(b []byte) Digest { return sha256.Sum256(b) }

// String returns the text form that ParseDigest reads.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler with the rules of ParseDigest.
func (d *Digest) UnmarshalText(text []byte) error {
	p, err := ParseDigest(string(text))
	if err != nil {
		return err
	}
	*d = p
	return nil
}

// Info describes a stored blob.
type Info struct {
	Digest Digest
	Bytes  int64 // length
}

// A Store keeps blobs. Its methods are safe for concurrent use.
type Store interface {
	// Put stores the bytes of body under d. When it returns nil, the blob is
	// visible and survives a power failure. It reads body to its end unless
	// it fails; errors: ErrDigestMismatch, ErrTooLarge, the error of body,
	// ctx.Err(), or a failure of the store.
	Put(ctx context.Context, d Digest, body io.Reader) (Info, error)

	// Get opens the blob d, or fails with ErrNotFound. The reader ends in
	// io.EOF only if all bytes read hash to d, in ErrCorrupt otherwise.
	// The caller closes it.
	Get(ctx context.Context, d Digest) (io.ReadCloser, Info, error)

	// Stat tells whether the blob d is stored and how long it is, or fails
	// with ErrNotFound. It does not read the bytes.
	Stat(ctx context.Context, d Digest) (Info, error)
}
