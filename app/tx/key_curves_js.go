//go:build !signer

package tx

import "zhenglian/app/tx/curve"

// In a browser the curves are those of package curve, which is small, and there
// are no secret keys, unless the program is built to sign.

type secpKey curve.Key

func parseSecp(b []byte) (*secpKey, error) {
	k, err := curve.Secp256k1.Parse(b)
	return (*secpKey)(k), err
}

// verify checks R‖S with low S.
func (k *secpKey) verify(digest [32]byte, sig []byte) bool {
	return (*curve.Key)(k).VerifyECDSA(digest, sig)
}

type sm2Key curve.Key

func parseSM2(b []byte) (*sm2Key, error) {
	k, err := curve.SM2.Parse(b)
	return (*sm2Key)(k), err
}

// verify checks R‖S of 64 bytes.
func (k *sm2Key) verify(msg, sig []byte) bool { return (*curve.Key)(k).VerifySM2(msg, sig) }
