package list

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/emmansun/gmsm/sm2"
	eth "github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/crypto/ecies"

	"zhenglian/app/tx"
)

// Errors of sealed copies that callers branch on.
var (
	// ErrNotFor is a copy that is sealed to another account.
	ErrNotFor = errors.New("the copy is sealed to another account")
	// ErrSealed is a copy that does not open: it was tampered with, or is of
	// another epoch than it says.
	ErrSealed = errors.New("the copy does not open")
	// ErrCommitment is a key that is not the one committed to on the ledger.
	ErrCommitment = errors.New("the key is not the one that the ledger holds a commitment to")
	// ErrCannotSeal is a key type that only signs.
	ErrCannotSeal = errors.New("a key of this type only signs: seal to a secp256k1 or sm2 account of the member")
)

// A Sealed is the key of an epoch for one account. As a file it is canonical
// JSON, whose SHA-256 the ledger holds:
//
//	account     hex     the only account that can open it
//	chain       string
//	commitment  hex     to the key, as on the ledger
//	epoch       int
//	list        string
//	sealed      hex     see the package documentation
//	v           int     1
type Sealed struct {
	Epoch      Epoch
	Account    tx.AccountID
	Commitment tx.Digest
	Sealed     []byte
}

// maxSealed bounds the encrypted bytes. ECIES takes 177, SM2 some 175.
const maxSealed = 512

// plain begins what is encrypted.
func (s *Sealed) context() [32]byte {
	return sha256.Sum256(append(s.Epoch.name("zhenglian sealed key v1"), s.Account[:]...))
}

// Seal encrypts the key of an epoch to an account.
func Seal(e Epoch, k Key, to tx.PublicKey) (*Sealed, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	s := &Sealed{Epoch: e, Account: to.Account(), Commitment: k.Commitment(e)}
	context := s.context()
	plain := append(context[:], k[:]...)
	var err error
	switch to.Type {
	case tx.Secp256k1:
		p, perr := eth.DecompressPubkey(to.Bytes)
		if perr != nil {
			return nil, fmt.Errorf("seal: %w", perr)
		}
		s.Sealed, err = ecies.Encrypt(rand.Reader, ecies.ImportECDSAPublic(p), plain, nil, nil)
	case tx.SM2:
		p, perr := sm2.NewPublicKey(to.Bytes)
		if perr != nil {
			return nil, fmt.Errorf("seal: %w", perr)
		}
		s.Sealed, err = sm2.EncryptASN1(rand.Reader, p, plain)
	default:
		return nil, fmt.Errorf("seal to %s: %w", s.Account, ErrCannotSeal)
	}
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return s, nil
}

// Open decrypts the copy with the key of its account and checks that it is the
// key of the epoch that the copy names, and the one it commits to. Compare
// Commitment with the ledger's.
func (s *Sealed) Open(with *tx.PrivateKey) (k Key, err error) {
	if with.Public().Account() != s.Account {
		return k, fmt.Errorf("%w: %s", ErrNotFor, s.Account)
	}
	var plain []byte
	switch with.Public().Type {
	case tx.Secp256k1:
		p, perr := eth.ToECDSA(with.Secret())
		if perr != nil {
			return k, perr
		}
		plain, err = ecies.ImportECDSA(p).Decrypt(s.Sealed, nil, nil)
	case tx.SM2:
		p, perr := sm2.NewPrivateKey(with.Secret())
		if perr != nil {
			return k, perr
		}
		plain, err = p.Decrypt(nil, s.Sealed, sm2.ASN1DecrypterOpts)
	default:
		return k, ErrCannotSeal
	}
	context := s.context()
	if err != nil || len(plain) != len(context)+len(k) || !bytes.Equal(plain[:len(context)], context[:]) {
		return k, ErrSealed
	}
	copy(k[:], plain[len(context):])
	if k.Commitment(s.Epoch) != s.Commitment {
		return Key{}, ErrCommitment
	}
	return k, nil
}

// Encode returns the file.
func (s *Sealed) Encode() []byte {
	w := tx.Writer{}
	w.Open()
	w.Hex("account", s.Account[:])
	w.String("chain", s.Epoch.Chain)
	w.Hex("commitment", s.Commitment[:])
	w.Int("epoch", s.Epoch.Number)
	w.String("list", s.Epoch.List.String())
	w.Hex("sealed", s.Sealed)
	w.Int("v", 1)
	w.Close()
	return w.B
}

// Digest is the digest of the file, as the ledger holds it.
func (s *Sealed) Digest() tx.Digest { return sha256.Sum256(s.Encode()) }

// ParseSealed reads a file that Encode wrote, and nothing else; one line feed
// may follow.
func ParseSealed(b []byte) (*Sealed, error) {
	s := new(Sealed)
	r := tx.NewReader(bytes.TrimSuffix(b, []byte("\n")))
	o := r.Object()
	o.Need("account")
	r.HexSome(s.Account[:])
	o.Need("chain")
	s.Epoch.Chain = r.Slug(1, 50, '-')
	o.Need("commitment")
	r.HexSome(s.Commitment[:])
	o.Need("epoch")
	s.Epoch.Number = r.Int(1, tx.MaxEpoch)
	o.Need("list")
	s.Epoch.List, _ = tx.ParseList(r.String(32))
	if !s.Epoch.List.Valid() {
		r.Fail(tx.CodeUnknownTag, "list")
	}
	o.Need("sealed")
	s.Sealed = r.HexBytes(maxSealed)
	o.Need("v")
	if r.Int(0, 1<<31) != 1 {
		r.Fail(tx.CodeVersion, "want 1")
	}
	o.End()
	r.End()
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("sealed key: %w", err)
	}
	return s, nil
}
