package witness

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"zhenglian/app/receipt"
)

// A Signer holds the secret of a key of signed notes.
type Signer struct {
	key    receipt.NoteKey
	secret ed25519.PrivateKey
}

// NewSigner names a secret. alg is receipt.AlgLog or receipt.AlgWitness.
func NewSigner(name string, alg byte, secret ed25519.PrivateKey) (*Signer, error) {
	k, err := receipt.NewNoteKey(name, alg, secret.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	return &Signer{k, secret}, nil
}

// Key is the public key.
func (s *Signer) Key() receipt.NoteKey { return s.key }

// LoadKey reads an Ed25519 key in PKCS #8 (openssl genpkey -algorithm ed25519). With
// create, one that is not there is made, in a file that only its owner reads.
func LoadKey(path string, create bool) (ed25519.PrivateKey, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && create {
		if b, err = makeKey(path); err != nil {
			return nil, fmt.Errorf("make key %s: %w", path, err)
		}
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%s: not PEM", path)
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	secret, ok := k.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: not an Ed25519 key", path)
	}
	return secret, nil
}

func makeKey(path string) ([]byte, error) {
	_, secret, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		return nil, err
	}
	b := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return b, writeDurably(path, b, 0o600)
}

// line is a signature line of a note.
func (s *Signer) line(sig []byte) string {
	b := binary.BigEndian.AppendUint32(nil, s.key.KeyHash())
	return "— " + s.key.Name() + " " + base64.StdEncoding.EncodeToString(append(b, sig...)) + "\n"
}

// Sign is the note of a checkpoint, signed by a log.
func (s *Signer) Sign(c receipt.Checkpoint) []byte {
	text := c.Text()
	return []byte(text + "\n" + s.line(ed25519.Sign(s.secret, []byte(text))))
}

// Cosign is the line of a witness under a checkpoint.
func (s *Signer) Cosign(c receipt.Checkpoint, at time.Time) string {
	sig := binary.BigEndian.AppendUint64(nil, uint64(at.Unix()))
	return s.line(append(sig, ed25519.Sign(s.secret, receipt.CosignedText(at.Unix(), c.Text()))...))
}

// writeDurably replaces a file so that after a crash the old one or the new one is
// there, and after it returns the new one.
func writeDurably(path string, b []byte, mode fs.FileMode) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = f.Chmod(mode); err != nil {
		return err
	}
	if _, err = f.Write(b); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
