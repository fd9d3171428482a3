package list

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"zhenglian/app/tx"
)

// An Epoch names the key of a list in a period.
type Epoch struct {
	Chain  string
	List   tx.List
	Number int64 // from 1
}

func (e Epoch) check() error {
	switch {
	case e.Chain == "" || len(e.Chain) > 50:
		return errors.New("epoch: chain id is missing or too long")
	case !e.List.Valid():
		return fmt.Errorf("epoch: %v is none of the lists", e.List)
	case e.Number < 1 || e.Number > tx.MaxEpoch:
		return fmt.Errorf("epoch %d: want 1 or more", e.Number)
	}
	return nil
}

// name appends what distinguishes the epoch, after a word that says for what.
func (e Epoch) name(what string) []byte {
	b := append([]byte(what), 0)
	b = append(append(b, e.Chain...), 0)
	b = append(append(b, e.List.String()...), 0)
	return binary.BigEndian.AppendUint32(b, uint32(e.Number))
}

// A Key is the secret key of an epoch.
type Key [32]byte

// NewKey makes a key from the system's randomness.
func NewKey() (k Key, err error) {
	_, err = rand.Read(k[:])
	return k, err
}

// Commitment is what the ledger holds of a key.
func (k Key) Commitment(e Epoch) tx.Digest {
	return sha256.Sum256(append(e.name("zhenglian epoch key v1"), k[:]...))
}

// String does not show the key.
func (Key) String() string { return "(epoch key)" }

// GoString does not show the key.
func (Key) GoString() string { return "(epoch key)" }

// A Tagger makes the tags of one type of identifiers under one epoch. It is not
// safe for concurrent use; [Tagger.Clone] makes another.
type Tagger struct {
	epoch Epoch
	typ   Type
	key   []byte
	mac   hash.Hash
	buf   []byte
}

// NewTagger derives the key for the type.
func NewTagger(e Epoch, k Key, t Type) (*Tagger, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	if _, err := ParseType(string(t)); err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, k[:], nil, string(append(e.name("zhenglian tag v1"), t...)), sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive tag key: %w", err)
	}
	return (&Tagger{epoch: e, typ: t, key: key}).Clone(), nil
}

// Clone returns a Tagger that makes the same tags.
func (t *Tagger) Clone() *Tagger {
	return &Tagger{epoch: t.epoch, typ: t.typ, key: t.key, mac: hmac.New(sha256.New, t.key)}
}

// Epoch returns the epoch of the tags.
func (t *Tagger) Epoch() Epoch { return t.epoch }

// Type returns the type of the identifiers.
func (t *Tagger) Type() Type { return t.typ }

// Tag returns the tag of an identifier, which it brings into normal form.
func (t *Tagger) Tag(id []byte) (tag tx.Digest, err error) {
	if t.buf, err = appendNormal(t.buf[:0], t.typ, id); err != nil {
		return tag, err
	}
	return t.tag(t.buf), nil
}

// tag returns the tag of an identifier in normal form.
func (t *Tagger) tag(normal []byte) (tag tx.Digest) {
	t.mac.Reset()
	t.mac.Write(normal)
	t.mac.Sum(tag[:0])
	return tag
}
