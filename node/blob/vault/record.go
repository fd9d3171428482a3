package vault

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/crypto/chacha20poly1305"

	"zhenglian/node/blob"
)

// A StoreKey wraps the data keys of a store.
type StoreKey [chacha20poly1305.KeySize]byte

// id tells which store key wrapped a data key; it gives nothing of the key away.
func (k *StoreKey) id() (id [8]byte) {
	s := sha256.Sum256(append([]byte("zhenglian store key v1\x00"), k[:]...))
	return [8]byte(s[:8])
}

func (k *StoreKey) aead() cipher.AEAD {
	a, err := chacha20poly1305.NewX(k[:])
	if err != nil {
		panic(err) // only for another length
	}
	return a
}

// LoadKey reads a store key: a file of 64 hexadecimal digits that only its owner
// can read. It is made if there is none.
func LoadKey(path string) (*StoreKey, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, fmt.Errorf("store key: %w", err)
		}
		k := new(StoreKey)
		rand.Read(k[:])
		if err := renameio.WriteFile(path, []byte(hex.EncodeToString(k[:])+"\n"), 0o600); err != nil {
			return nil, fmt.Errorf("store key: %w", err)
		}
		return k, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store key: %w", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("store key: others can read %s: chmod 600", path)
	}
	k := new(StoreKey)
	if raw, err := hex.DecodeString(strings.TrimSuffix(string(b), "\n")); err != nil || len(raw) != len(k) {
		return nil, fmt.Errorf("store key: %s does not hold 64 hexadecimal digits", path)
	} else {
		copy(k[:], raw)
	}
	return k, nil
}

// A record is what is kept of a file beside its bytes: where they are, and the key
// that opens them. It is 96 bytes:
//
//	 0  magic    4  "zlk1"
//	 4  store    8  id of the store key: first bytes of SHA-256("zhenglian store key v1" ‖ 00 ‖ key)
//	12  object  16  name of the object, which is these bytes in hex
//	28  bytes    8  length of the file, big-endian, at most 2^50
//	36  nonce   24
//	60  wrapped 32  XChaCha20-Poly1305 of the data key (16) under the store key;
//	                additional data: bytes 0 to 36 ‖ SHA-256 of the file (32)
//	92  end      4  "end\n"
//
// The data key is the file key of the object, a file in the age format
// (c2sp.org/age, version 1) with one recipient stanza, `-> zhenglian-store`,
// without arguments and body: ChaCha20-Poly1305 in pieces of 64 KiB. A record
// for one digest does not open under another.
type record struct {
	object [16]byte
	bytes  int64
	key    [16]byte
}

const (
	recordMagic = "zlk1"
	recordEnd   = "end\n"
	recordSize  = 96
)

var errRecord = errors.New("data key: the record is damaged")

func (r *record) name() string { return hex.EncodeToString(r.object[:]) }

// seal encodes a record with the given nonce.
func (r *record) seal(k *StoreKey, d blob.Digest, nonce [24]byte) []byte {
	b := make([]byte, 0, recordSize)
	id := k.id()
	b = append(b, recordMagic...)
	b = append(b, id[:]...)
	b = append(b, r.object[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.bytes))
	ad := append(bytes.Clone(b), d[:]...)
	b = append(b, nonce[:]...)
	b = k.aead().Seal(b, nonce[:], r.key[:], ad)
	return append(b, recordEnd...)
}

// openRecord decodes the record of the file d.
func openRecord(k *StoreKey, d blob.Digest, b []byte) (*record, error) {
	id := k.id()
	switch {
	case len(b) != recordSize || string(b[:4]) != recordMagic || string(b[92:]) != recordEnd:
		return nil, errRecord
	case !bytes.Equal(b[4:12], id[:]):
		return nil, fmt.Errorf("data key: wrapped by another store key (%x, not %x)", b[4:12], id)
	}
	r := &record{object: [16]byte(b[12:28]), bytes: int64(binary.BigEndian.Uint64(b[28:36]))}
	if r.bytes < 0 || r.bytes > maxBytes {
		return nil, errRecord
	}
	key, err := k.aead().Open(nil, b[36:60], b[60:92], append(bytes.Clone(b[:36]), d[:]...))
	if err != nil {
		return nil, errRecord
	}
	r.key = [16]byte(key)
	return r, nil
}

const maxBytes = 1 << 50 // of one file, as on the ledger
