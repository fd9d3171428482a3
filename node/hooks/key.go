package hooks

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Secrets are not kept: those of a hook are derived from one key, which is in a
// file of its own, away from the database and its copies.
//
//	secret  HKDF-SHA256(key, no salt, "zhenglian hook secret v1" ‖ 00 ‖ chain ‖ 00 ‖ hook ‖ 00 ‖ generation), 32 bytes
//	seed    HKDF-SHA256(key, no salt, "zhenglian hook seed v1" ‖ 00 ‖ chain ‖ 00 ‖ hook), 32 bytes: of the Ed25519 key
//	other   HKDF-SHA256(key, no salt, "zhenglian hook receiver v1" ‖ 00 ‖ chain ‖ 00 ‖ name), 32 bytes: of a receiver of [Poster], whose seed is as that of a hook of its name
//	check   HKDF-SHA256(key, no salt, "zhenglian hook check v1" ‖ 00 ‖ chain), 32 bytes: in the database, to know the key again
type key struct {
	secret []byte
	chain  string
}

const keyBytes = 32

func newKey(secret []byte, chain string) (key, error) {
	if len(secret) != keyBytes {
		return key{}, fmt.Errorf("a key of %d bytes, from which secrets are made; want %d", len(secret), keyBytes)
	}
	return key{secret, chain}, nil
}

func (k key) derive(what string, parts ...string) []byte {
	info := strings.Join(append([]string{"zhenglian hook " + what + " v1", k.chain}, parts...), "\x00")
	b, err := hkdf.Key(sha256.New, k.secret, nil, info, secretBytes)
	if err != nil {
		panic(err) // the length is a constant
	}
	return b
}

func (k key) hook(id string, generation int64) []byte {
	return k.derive("secret", id, strconv.FormatInt(generation, 10))
}

func (k key) receiver(name string) []byte { return k.derive("receiver", name) }

func (k key) seed(id string) []byte { return k.derive("seed", id)[:ed25519.SeedSize] }

func (k key) check() []byte { return k.derive("check") }

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

// LoadKey reads the key from a file of 64 hex digits that only its owner can
// read, and makes it when there is none.
func LoadKey(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		b = random(keyBytes)
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		_, err = fmt.Fprintf(f, "%x\n", b)
		return b, errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		return nil, err
	}
	if i, err := os.Stat(path); err != nil || i.Mode().Perm()&0o077 != 0 {
		return nil, errors.Join(err, fmt.Errorf("others can read %s, from which secrets are made: chmod 600", path))
	}
	b, err = hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(b) != keyBytes {
		return nil, fmt.Errorf("%s: want %d hex digits", path, 2*keyBytes)
	}
	return b, nil
}
