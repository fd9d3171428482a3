//go:build !js || signer

package tx

import (
	"crypto/ecdsa"
	"math/big"

	"github.com/emmansun/gmsm/sm2"
	"github.com/ethereum/go-ethereum/crypto"
)

// secpKey is a secp256k1 key: 65 bytes, uncompressed.
type secpKey [65]byte

func parseSecp(b []byte) (*secpKey, error) {
	p, err := crypto.DecompressPubkey(b)
	if err != nil {
		return nil, err
	}
	k := secpKey(crypto.FromECDSAPub(p))
	return &k, nil
}

// verify checks R‖S with low S.
func (k *secpKey) verify(digest [32]byte, sig []byte) bool {
	return crypto.VerifySignature(k[:], digest[:], sig)
}

type sm2Key ecdsa.PublicKey

func parseSM2(b []byte) (*sm2Key, error) {
	p, err := sm2.NewPublicKey(b)
	return (*sm2Key)(p), err
}

// verify checks R‖S of 64 bytes.
func (k *sm2Key) verify(msg, sig []byte) bool {
	r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
	return sm2.VerifyWithSM2((*ecdsa.PublicKey)(k), nil, msg, r, s)
}
