package keys

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/scrypt"

	"zhenglian/app/tx"
)

// Costs of scrypt as the logarithm of N, with r = 8: 2^logN KiB of memory.
const (
	defaultLogN = 17 // 128 MiB, about half a second
	maxLogN     = 20 // a file that asks for more is refused, not obeyed
)

// secretJSON is either plain or all the others; see the package documentation.
type secretJSON struct {
	Plain  string      `json:"plain,omitempty"`
	Scrypt *scryptJSON `json:"scrypt,omitempty"`
	Nonce  string      `json:"nonce,omitempty"`
	Box    string      `json:"box,omitempty"`
}

type scryptJSON struct {
	LogN int    `json:"log_n"`
	Salt string `json:"salt"` // hex, 16 bytes
}

func (s *secretJSON) check() error {
	isHex := func(v string, n int) bool {
		b, err := hex.DecodeString(v)
		return err == nil && len(b) == n
	}
	if s.Plain != "" {
		if s.Scrypt != nil || s.Nonce != "" || s.Box != "" {
			return errors.New("both plain and encrypted")
		}
		if !isHex(s.Plain, 32) {
			return errors.New("plain: want 64 hex digits")
		}
		return nil
	}
	switch {
	case s.Scrypt == nil || !isHex(s.Scrypt.Salt, 16):
		return errors.New("scrypt: want a salt of 32 hex digits")
	case s.Scrypt.LogN < 10 || s.Scrypt.LogN > maxLogN:
		return fmt.Errorf("scrypt: log_n %d; want 10 to %d", s.Scrypt.LogN, maxLogN)
	case !isHex(s.Nonce, chacha20poly1305.NonceSizeX):
		return errors.New("nonce: want 48 hex digits")
	case !isHex(s.Box, 32+chacha20poly1305.Overhead):
		return errors.New("box: want 96 hex digits")
	}
	return nil
}

// sealSecret encrypts the secret of k, or writes it plainly when the
// passphrase is empty.
func sealSecret(k Key, passphrase []byte, logN int) (*secretJSON, error) {
	if len(passphrase) == 0 {
		return &secretJSON{Plain: hex.EncodeToString(k.Secret())}, nil
	}
	random := make([]byte, 16+chacha20poly1305.NonceSizeX)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	salt, nonce := random[:16], random[16:]
	key, err := scrypt.Key(passphrase, salt, 1<<logN, 8, 1, chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	box := aead.Seal(nil, nonce, k.Secret(), k.File().additional())
	return &secretJSON{
		Scrypt: &scryptJSON{logN, hex.EncodeToString(salt)},
		Nonce:  hex.EncodeToString(nonce),
		Box:    hex.EncodeToString(box),
	}, nil
}

// additional is what the box is bound to.
func (f *File) additional() []byte {
	return []byte("zhenglian key v1\x00" + string(f.Member) + "\x00" + f.Account.String())
}

// Open returns the key with its secret, and checks that the secret makes the
// public key. The passphrase is used only when the file is encrypted.
func (f *File) Open(passphrase []byte) (Key, error) {
	fail := func(err error) (Key, error) { return Key{}, fmt.Errorf("open key %s: %w", f.Name, err) }
	var secret []byte
	switch {
	case f.secret == nil:
		return fail(ErrPublicOnly)
	case f.secret.Plain != "":
		secret, _ = hex.DecodeString(f.secret.Plain) // check has seen it
	case len(passphrase) == 0:
		return fail(ErrLocked)
	default:
		salt, _ := hex.DecodeString(f.secret.Scrypt.Salt)
		nonce, _ := hex.DecodeString(f.secret.Nonce)
		box, _ := hex.DecodeString(f.secret.Box)
		key, err := scrypt.Key(passphrase, salt, 1<<f.secret.Scrypt.LogN, 8, 1, chacha20poly1305.KeySize)
		if err != nil {
			return fail(err)
		}
		aead, err := chacha20poly1305.NewX(key)
		if err != nil {
			return fail(err)
		}
		if secret, err = aead.Open(nil, nonce, box, f.additional()); err != nil {
			return fail(ErrPassphrase)
		}
	}
	p, err := tx.NewPrivateKey(f.Public.Type, secret)
	if err != nil {
		return fail(err)
	}
	if !bytes.Equal(p.Public().Bytes, f.Public.Bytes) {
		return fail(fmt.Errorf("%w: the secret does not make the public key", ErrMalformed))
	}
	return Key{Name: f.Name, Member: f.Member, PrivateKey: p, Roles: f.Roles}, nil
}
