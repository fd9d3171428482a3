//go:build !js || signer

package tx

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"math/big"

	"github.com/cloudflare/circl/sign/mldsa/mldsa65"
	"github.com/emmansun/gmsm/sm2"
	eth "github.com/ethereum/go-ethereum/crypto"
)

// A Signer signs statements for one account. A PrivateKey is one; a token or a
// key service can be another.
type Signer interface {
	Public() PublicKey
	// Sign returns the signature over PAE(payload) in the form of the key type.
	Sign(payload []byte) ([]byte, error)
}

// A PrivateKey is a secret key in memory.
type PrivateKey struct {
	pub   PublicKey
	seed  []byte // what Secret returns
	secp  *ecdsa.PrivateKey
	sm2   *sm2.PrivateKey
	mldsa *mldsa65.PrivateKey
}

// GenerateKey makes a key from the system's randomness.
func GenerateKey(t KeyType) (*PrivateKey, error) {
	for {
		seed := make([]byte, 32)
		if _, err := rand.Read(seed); err != nil {
			return nil, err
		}
		k, err := NewPrivateKey(t, seed)
		if err == nil || t != Secp256k1 && t != SM2 {
			return k, err
		}
		// The scalar was zero or not below the group order: once in 2^32 (sm2)
		// or 2^128 draws. Draw again.
	}
}

// NewPrivateKey makes a key from its 32 secret bytes: the scalar of a secp256k1
// or sm2 key, the seed ξ of an ML-DSA-65 key (FIPS 204 §5.1).
func NewPrivateKey(t KeyType, secret []byte) (*PrivateKey, error) {
	if len(secret) != 32 {
		return nil, errorf(CodeMalformedKey, "secret of %d bytes, want 32", len(secret))
	}
	k := &PrivateKey{seed: append([]byte(nil), secret...)}
	switch t {
	case Secp256k1:
		p, err := eth.ToECDSA(secret)
		if err != nil {
			return nil, errorf(CodeMalformedKey, "not a secp256k1 scalar")
		}
		k.secp = p
		k.pub = PublicKey{t, eth.CompressPubkey(&p.PublicKey)}
	case SM2:
		p, err := sm2.NewPrivateKey(secret)
		if err != nil {
			return nil, errorf(CodeMalformedKey, "not an sm2 scalar")
		}
		k.sm2 = p
		pub := make([]byte, 65)
		pub[0] = 4
		p.X.FillBytes(pub[1:33])
		p.Y.FillBytes(pub[33:])
		k.pub = PublicKey{t, pub}
	case MLDSA65:
		pk, sk := mldsa65.NewKeyFromSeed((*[mldsa65.SeedSize]byte)(secret))
		k.mldsa = sk
		k.pub = PublicKey{t, pk.Bytes()}
	default:
		return nil, errorf(CodeMalformedKey, "key type %q", clip(string(t)))
	}
	return k, nil
}

// Public returns the public key.
func (k *PrivateKey) Public() PublicKey { return k.pub }

// Secret returns the 32 secret bytes. Whoever calls it keeps them secret.
func (k *PrivateKey) Secret() []byte { return append([]byte(nil), k.seed...) }

// Sign implements Signer. secp256k1 signatures are deterministic (RFC 6979).
func (k *PrivateKey) Sign(payload []byte) ([]byte, error) { return k.SignAs(PayloadType, payload) }

// SignAs signs a payload of another type than a statement.
func (k *PrivateKey) SignAs(payloadType string, payload []byte) ([]byte, error) {
	pae := PAEAs(payloadType, payload)
	switch k.pub.Type {
	case Secp256k1:
		d := sha256.Sum256(pae)
		sig, err := eth.Sign(d[:], k.secp)
		if err != nil {
			return nil, err
		}
		return sig[:64], nil // the 65th byte helps recovery, which we never do
	case SM2:
		r, s, err := sm2.SignWithSM2(rand.Reader, &k.sm2.PrivateKey, nil, pae)
		if err != nil {
			return nil, err
		}
		sig := make([]byte, 64)
		r.FillBytes(sig[:32])
		s.FillBytes(sig[32:])
		return sig, nil
	default:
		return k.mldsa.Sign(rand.Reader, pae, crypto.Hash(0))
	}
}

// Seal signs a statement with every signer and returns its envelope.
func Seal(statement []byte, signers ...Signer) (*Envelope, error) {
	e := &Envelope{Payload: statement}
	for _, s := range signers {
		sig, err := s.Sign(statement)
		if err != nil {
			return nil, err
		}
		e.Signatures = append(e.Signatures, Signature{s.Public().Account(), sig})
	}
	e.Sort()
	return e, e.check()
}

// LowS returns the low-S twin of a 64-byte secp256k1 signature, for signers
// (hardware, openssl) that do not make it themselves.
func LowS(sig []byte) []byte {
	if len(sig) != 64 {
		return sig
	}
	s := new(big.Int).SetBytes(sig[32:])
	if s.Cmp(new(big.Int).SetBytes([]byte(secpHalfN))) <= 0 {
		return sig
	}
	out := append([]byte(nil), sig...)
	s.Sub(eth.S256().Params().N, s).FillBytes(out[32:])
	return out
}
