package tx

import (
	"bytes"
	"crypto/sha256"

	"github.com/cloudflare/circl/sign/mldsa/mldsa65"
)

// A KeyType names a signature scheme. It is a property of the registered
// account, never of a signature: a signature says who signed, the ledger says
// how that account signs.
type KeyType string

// The key types.
//
//	type       public key                    signature            what is signed
//	secp256k1  33 bytes, SEC 1 compressed    64 bytes R‖S, low S  SHA-256(PAE)   (ES256K, RFC 8812)
//	sm2        65 bytes, SEC 1 uncompressed  64 bytes R‖S         PAE, with SM3 and the default user id (GB/T 32918.2)
//	mldsa65    1952 bytes                    3309 bytes           PAE, empty context (FIPS 204)
const (
	Secp256k1 KeyType = "secp256k1"
	SM2       KeyType = "sm2"
	MLDSA65   KeyType = "mldsa65"
)

// A PublicKey is an account's key as registered.
type PublicKey struct {
	Type  KeyType
	Bytes []byte
}

// Account returns the id of the account that this key makes: the first 20
// bytes of SHA-256("zhenglian account v1" ‖ 0x00 ‖ type ‖ 0x00 ‖ key).
func (k PublicKey) Account() AccountID {
	h := sha256.New()
	h.Write([]byte("zhenglian account v1\x00"))
	h.Write([]byte(k.Type))
	h.Write([]byte{0})
	h.Write(k.Bytes)
	var d [32]byte
	h.Sum(d[:0])
	return AccountID(d[:20])
}

// A Verifier checks signatures of one key. Building it does the work that is
// the same for every signature: a secp256k1 key is decompressed once, which
// makes each check about a sixth cheaper.
type Verifier struct {
	typ   KeyType
	secp  *secpKey
	sm2   *sm2Key
	mldsa *mldsa65.PublicKey
}

// Verifier checks that k is well formed, in the one encoding its type allows,
// and returns its verifier.
func (k PublicKey) Verifier() (*Verifier, error) {
	v := &Verifier{typ: k.Type}
	switch k.Type {
	case Secp256k1:
		if len(k.Bytes) != 33 {
			return nil, errorf(CodeMalformedKey, "secp256k1 key of %d bytes, want 33", len(k.Bytes))
		}
		p, err := parseSecp(k.Bytes)
		if err != nil {
			return nil, errorf(CodeMalformedKey, "secp256k1 key is not a point of the curve")
		}
		v.secp = p
	case SM2:
		if len(k.Bytes) != 65 || k.Bytes[0] != 4 {
			return nil, errorf(CodeMalformedKey, "sm2 key of %d bytes, want 65 starting with 04", len(k.Bytes))
		}
		p, err := parseSM2(k.Bytes)
		if err != nil {
			return nil, errorf(CodeMalformedKey, "sm2 key is not a point of the curve")
		}
		v.sm2 = p
	case MLDSA65:
		p := new(mldsa65.PublicKey)
		if err := p.UnmarshalBinary(k.Bytes); err != nil {
			return nil, errorf(CodeMalformedKey, "mldsa65 key of %d bytes, want %d", len(k.Bytes), mldsa65.PublicKeySize)
		}
		v.mldsa = p
	default:
		return nil, errorf(CodeMalformedKey, "key type %q", clip(string(k.Type)))
	}
	return v, nil
}

// secpHalfN is half the order of secp256k1, big endian: the largest s of a low-S
// signature.
const secpHalfN = "\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x5d\x57\x6e\x73\x57\xa4\x50\x1d\xdf\xe9\x2f\x46\x68\x1b\x20\xa0"

// Verify checks sig over payload, whose PAEDigest is digest.
func (v *Verifier) Verify(payload []byte, digest [32]byte, sig []byte) error {
	return v.verify(PayloadType, payload, digest, sig)
}

// VerifyAs checks sig over a payload of another type than a statement.
func (v *Verifier) VerifyAs(payloadType string, payload, sig []byte) error {
	return v.verify(payloadType, payload, sha256.Sum256(PAEAs(payloadType, payload)), sig)
}

func (v *Verifier) verify(payloadType string, payload []byte, digest [32]byte, sig []byte) error {
	ok := false
	switch v.typ {
	case Secp256k1:
		if len(sig) == 64 {
			ok = v.secp.verify(digest, sig)
			if !ok && bytes.Compare(sig[32:], []byte(secpHalfN)) > 0 {
				return errorf(CodeHighS, "")
			}
		}
	case SM2:
		if len(sig) == 64 {
			ok = v.sm2.verify(PAEAs(payloadType, payload), sig)
		}
	case MLDSA65:
		ok = mldsa65.Verify(v.mldsa, PAEAs(payloadType, payload), nil, sig)
	}
	if !ok {
		return errorf(CodeSignature, "")
	}
	return nil
}
