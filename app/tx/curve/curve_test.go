package curve

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/emmansun/gmsm/sm2"
	"github.com/ethereum/go-ethereum/crypto"
)

// The oracles are the libraries that validators use.

func oracleECDSA(key []byte, digest [32]byte, sig []byte) (parses, ok bool) {
	p, err := crypto.DecompressPubkey(key)
	if err != nil {
		return false, false
	}
	return true, crypto.VerifySignature(crypto.FromECDSAPub(p), digest[:], sig)
}

func oracleSM2(key, msg, sig []byte) (parses, ok bool) {
	p, err := sm2.NewPublicKey(key)
	if err != nil {
		return false, false
	}
	if len(sig) != 64 {
		return true, false
	}
	return true, sm2.VerifyWithSM2(p, nil, msg, new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
}

func agree(t *testing.T, key, msg []byte, digest [32]byte, sig []byte) (ok bool) {
	t.Helper()
	if len(key) == 33 {
		k, err := Secp256k1.Parse(key)
		parses, want := oracleECDSA(key, digest, sig)
		if got := err == nil; got != parses {
			t.Fatalf("secp256k1 key %x: %v, the library says %v", key, err, parses)
		}
		if err != nil {
			return false
		}
		if ok = k.VerifyECDSA(digest, sig); ok != want {
			t.Fatalf("secp256k1 key %x digest %x signature %x: %v, the library says %v", key, digest, sig, ok, want)
		}
	}
	if len(key) == 65 {
		k, err := SM2.Parse(key)
		parses, want := oracleSM2(key, msg, sig)
		if got := err == nil; got != parses {
			t.Fatalf("sm2 key %x: %v, the library says %v", key, err, parses)
		}
		if err != nil {
			return false
		}
		if ok = k.VerifySM2(msg, sig); ok != want {
			t.Fatalf("sm2 key %x message %x signature %x: %v, the library says %v", key, msg, sig, ok, want)
		}
	}
	return ok
}

// random is a source that a test can repeat.
type random struct{ *rand.Rand }

func (r random) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return len(b), nil
}

// sample makes a key of each curve and a signature of msg or digest by each.
func sample(t testing.TB, seed uint64) (keys, sigs [2][]byte, msg []byte, digest [32]byte) {
	t.Helper()
	r := random{rand.New(rand.NewPCG(seed, 4))}
	msg = make([]byte, r.IntN(100))
	r.Read(msg)
	r.Read(digest[:])
	secret := make([]byte, 32)
	r.Read(secret)
	p, err := crypto.ToECDSA(secret)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := crypto.Sign(digest[:], p)
	if err != nil {
		t.Fatal(err)
	}
	keys[0], sigs[0] = crypto.CompressPubkey(&p.PublicKey), sig[:64]
	q, err := sm2.NewPrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	x, y, err := sm2.SignWithSM2(r, &q.PrivateKey, nil, msg)
	if err != nil {
		t.Fatal(err)
	}
	keys[1] = uncompressed(q)
	sigs[1] = append(x.FillBytes(make([]byte, 32)), y.FillBytes(make([]byte, 32))...)
	return keys, sigs, msg, digest
}

func uncompressed(k *sm2.PrivateKey) []byte {
	b := make([]byte, 65)
	b[0] = 4
	k.X.FillBytes(b[1:33])
	k.Y.FillBytes(b[33:])
	return b
}

func TestAgree(t *testing.T) {
	for seed := range uint64(6) {
		keys, sigs, msg, digest := sample(t, seed)
		for i, c := range []*Curve{Secp256k1, SM2} {
			key, sig := keys[i], sigs[i]
			if !agree(t, key, msg, digest, sig) {
				t.Fatalf("seed %d: a good signature fails", seed)
			}
			r := rand.New(rand.NewPCG(seed, 5))
			for range 6 {
				bad := bytes.Clone(sig)
				bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
				if agree(t, key, msg, digest, bad) {
					t.Fatalf("seed %d: signature %x also verifies", seed, bad)
				}
				bad = bytes.Clone(key)
				bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
				agree(t, bad, msg, digest, sig)
			}
			agree(t, key, msg, digest, sig[:63])
			agree(t, key, msg, digest, append(bytes.Clone(sig), 0))
			other := digest
			other[0] ^= 1
			agree(t, key, append(msg, 0), other, sig)

			// Numbers at the edges, and the same modulo n.
			one, two := big.NewInt(1), big.NewInt(2)
			half := new(big.Int).Rsh(c.n, 1)
			rr, ss := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
			edges := []*big.Int{new(big.Int), one, half, new(big.Int).Add(half, one), new(big.Int).Sub(c.n, one), c.n,
				new(big.Int).Add(c.n, one), new(big.Int).Sub(c.n, ss), new(big.Int).Sub(c.n, rr), new(big.Int).Sub(c.p, one), c.p,
				new(big.Int).Sub(new(big.Int).Lsh(one, 256), one), two}
			for _, e := range edges {
				b := e.FillBytes(make([]byte, 32))
				agree(t, key, msg, digest, append(bytes.Clone(b), sig[32:]...))
				agree(t, key, msg, digest, append(bytes.Clone(sig[:32]), b...))
				copy(other[:], b)
				agree(t, key, msg, other, sig)
				bad := bytes.Clone(key)
				copy(bad[1:], b)
				agree(t, bad, msg, digest, sig)
			}
		}
	}
}

// Keys near the generator, and digests that send the sum through infinity or a
// doubling.
func TestAgreeAtInfinity(t *testing.T) {
	for secret := range int64(4) {
		b := big.NewInt(secret + 1).FillBytes(make([]byte, 32))
		p, err := crypto.ToECDSA(b)
		if err != nil {
			t.Fatal(err)
		}
		key := crypto.CompressPubkey(&p.PublicKey)
		k, err := Secp256k1.Parse(key)
		if err != nil {
			t.Fatal(err)
		}
		n := Secp256k1.n
		for r := int64(1); r < 4; r++ {
			// e = -r·secret makes u1·G + u2·key infinity; e = r·secret doubles.
			for _, sign := range []int64{1, -1} {
				e := new(big.Int).Mod(big.NewInt(sign*r*(secret+1)), n)
				sig := append(big.NewInt(r).FillBytes(make([]byte, 32)), big.NewInt(7).FillBytes(make([]byte, 32))...)
				agree(t, key, nil, [32]byte(e.FillBytes(make([]byte, 32))), sig)
			}
		}
		if x := k.combine(new(big.Int).Sub(n, big.NewInt(secret+1)), big.NewInt(1)); x != nil {
			t.Errorf("-%d·G + key is %x, want infinity", secret+1, x)
		}
	}
}

func FuzzAgree(f *testing.F) {
	keys, sigs, msg, digest := sample(f, 1)
	for i := range keys {
		f.Add(keys[i], msg, digest[:], sigs[i])
	}
	f.Fuzz(func(t *testing.T, key, msg, digest, sig []byte) {
		if len(digest) == 32 {
			agree(t, key, msg, [32]byte(digest), sig)
		}
	})
}
