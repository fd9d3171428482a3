// Package curve verifies ECDSA signatures on secp256k1 and SM2 signatures with
// nothing but math/big.
//
// It exists for the verifier in the browser: the libraries that validators use
// bring precomputed tables and other curves, 1 MB compressed, for a program that
// checks a handful of signatures. It answers as they do, which tests compare,
// takes milliseconds for a signature, and sees public values only: none of it
// runs in constant time, so no secret may ever come here.
package curve

import (
	"errors"
	"math/big"

	"github.com/emmansun/gmsm/sm3"
)

// A Curve is y² = x³ + ax + b over the field of p elements, with a generator of
// prime order n and cofactor 1.
type Curve struct{ p, a, b, n, gx, gy *big.Int }

// The curves: SEC 2 §2.4.1 and GB/T 32918.5.
var (
	Secp256k1 = &Curve{
		p:  hex("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f"),
		a:  new(big.Int),
		b:  big.NewInt(7),
		n:  hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"),
		gx: hex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"),
		gy: hex("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"),
	}
	SM2 = &Curve{
		p:  hex("fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff"),
		a:  hex("fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc"),
		b:  hex("28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93"),
		n:  hex("fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123"),
		gx: hex("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"),
		gy: hex("bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"),
	}
)

func hex(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 16)
	if !ok {
		panic("curve: " + s) // the constants are above
	}
	return n
}

// A Key is a public key: a point of the curve other than infinity.
type Key struct {
	*Curve
	x, y *big.Int
}

var errPoint = errors.New("not a point of the curve")

// Parse reads a key of 33 bytes, compressed, or of 65, uncompressed (SEC 1 §2.3.4).
func (c *Curve) Parse(b []byte) (*Key, error) {
	compressed := len(b) == 33 && (b[0] == 2 || b[0] == 3)
	if !compressed && (len(b) != 65 || b[0] != 4) {
		return nil, errPoint
	}
	k := &Key{Curve: c, x: new(big.Int).SetBytes(b[1:33])}
	if k.x.Cmp(c.p) >= 0 {
		return nil, errPoint
	}
	square := c.mod(new(big.Int).Mul(k.x, k.x)) // y² = (x² + a) x + b
	square.Add(square, c.a)
	square = c.mod(square.Mul(square, k.x))
	square = c.mod(square.Add(square, c.b))
	if compressed {
		if k.y = new(big.Int).ModSqrt(square, c.p); k.y == nil {
			return nil, errPoint
		}
		if k.y.Bit(0) != uint(b[0]&1) {
			k.y.Sub(c.p, k.y)
		}
		return k, nil
	}
	k.y = new(big.Int).SetBytes(b[33:])
	if k.y.Cmp(c.p) >= 0 || c.mod(new(big.Int).Mul(k.y, k.y)).Cmp(square) != 0 {
		return nil, errPoint
	}
	return k, nil
}

// VerifyECDSA checks a signature R‖S of 64 bytes over a digest of 32 (SEC 1
// §4.1.4). Of the two values of S only the low one is accepted.
func (k *Key) VerifyECDSA(digest [32]byte, sig []byte) bool {
	r, s, ok := k.scalars(sig)
	if !ok || s.Cmp(new(big.Int).Rsh(k.n, 1)) > 0 {
		return false
	}
	w := new(big.Int).ModInverse(s, k.n)
	u1 := new(big.Int).SetBytes(digest[:])
	u1.Mod(u1.Mul(u1, w), k.n)
	u2 := new(big.Int).Mul(r, w)
	u2.Mod(u2, k.n)
	x := k.combine(u1, u2)
	return x != nil && x.Mod(x, k.n).Cmp(r) == 0
}

// defaultID is the user id that GM/T 0009 §10 sets where none was agreed.
const defaultID = "1234567812345678"

// VerifySM2 checks a signature R‖S of 64 bytes over a message, with SM3 and the
// default user id (GB/T 32918.2 §7).
func (k *Key) VerifySM2(msg, sig []byte) bool {
	r, s, ok := k.scalars(sig)
	if !ok {
		return false
	}
	t := new(big.Int).Add(r, s)
	if t.Mod(t, k.n).Sign() == 0 {
		return false
	}
	x := k.combine(s, t)
	if x == nil {
		return false
	}
	x.Add(x, k.messageHash(msg))
	return x.Mod(x, k.n).Cmp(r) == 0
}

// messageHash is e = SM3(Z ‖ msg), where Z binds user id, curve and key.
func (k *Key) messageHash(msg []byte) *big.Int {
	z := sm3.New()
	z.Write([]byte{0, byte(8 * len(defaultID))})
	z.Write([]byte(defaultID))
	for _, v := range []*big.Int{k.a, k.b, k.gx, k.gy, k.x, k.y} {
		z.Write(v.FillBytes(make([]byte, 32)))
	}
	h := sm3.New()
	h.Write(z.Sum(nil))
	h.Write(msg)
	return new(big.Int).SetBytes(h.Sum(nil))
}

// scalars splits a signature into numbers from 1 to n-1.
func (c *Curve) scalars(sig []byte) (r, s *big.Int, ok bool) {
	if len(sig) != 64 {
		return nil, nil, false
	}
	r, s = new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
	return r, s, r.Sign() > 0 && r.Cmp(c.n) < 0 && s.Sign() > 0 && s.Cmp(c.n) < 0
}

func (c *Curve) mod(v *big.Int) *big.Int { return v.Mod(v, c.p) }

// combine returns the x coordinate of u·G + v·key, nil for infinity. It goes
// through both scalars at once, bit by bit.
func (k *Key) combine(u, v *big.Int) *big.Int {
	g, q := &jacobian{k.gx, k.gy, big.NewInt(1)}, &jacobian{k.x, k.y, big.NewInt(1)}
	both := k.add(g, q)
	sum := infinity()
	for i := max(u.BitLen(), v.BitLen()) - 1; i >= 0; i-- {
		sum = k.double(sum)
		switch u.Bit(i)<<1 | v.Bit(i) {
		case 1:
			sum = k.add(sum, q)
		case 2:
			sum = k.add(sum, g)
		case 3:
			sum = k.add(sum, both)
		}
	}
	if sum.z.Sign() == 0 {
		return nil
	}
	inv := new(big.Int).ModInverse(sum.z, k.p)
	inv = k.mod(inv.Mul(inv, inv))
	return k.mod(inv.Mul(inv, sum.x))
}

// A jacobian is the point (x/z², y/z³), infinity when z is 0.
type jacobian struct{ x, y, z *big.Int }

func infinity() *jacobian { return &jacobian{big.NewInt(1), big.NewInt(1), new(big.Int)} }

// double returns 2p.
func (c *Curve) double(p *jacobian) *jacobian {
	if p.z.Sign() == 0 || p.y.Sign() == 0 {
		return infinity()
	}
	mul := c.mul
	yy := mul(p.y, p.y)
	s := mul(p.x, yy) // 4 x y²
	s = c.mod(s.Lsh(s, 2))
	zz := mul(p.z, p.z)
	m := mul(p.x, p.x) // 3 x² + a z⁴
	m.Add(m, new(big.Int).Lsh(m, 1))
	m = c.mod(m.Add(m, mul(c.a, mul(zz, zz))))
	x := mul(m, m)
	x = c.mod(x.Sub(x, new(big.Int).Lsh(s, 1)))
	y := mul(m, s.Sub(s, x))
	y4 := mul(yy, yy)
	y = c.mod(y.Sub(y, y4.Lsh(y4, 3)))
	z := mul(p.y, p.z)
	return &jacobian{x, y, c.mod(z.Lsh(z, 1))}
}

// add returns p + q.
func (c *Curve) add(p, q *jacobian) *jacobian {
	switch {
	case p.z.Sign() == 0:
		return q
	case q.z.Sign() == 0:
		return p
	}
	mul := c.mul
	pz, qz := mul(p.z, p.z), mul(q.z, q.z)
	u1, u2 := mul(p.x, qz), mul(q.x, pz)
	s1, s2 := mul(p.y, mul(qz, q.z)), mul(q.y, mul(pz, p.z))
	h := c.mod(new(big.Int).Sub(u2, u1))
	r := c.mod(new(big.Int).Sub(s2, s1))
	if h.Sign() == 0 {
		if r.Sign() == 0 {
			return c.double(p)
		}
		return infinity()
	}
	hh := mul(h, h)
	hhh := mul(hh, h)
	v := mul(u1, hh)
	x := mul(r, r)
	x.Sub(x, hhh)
	x = c.mod(x.Sub(x, new(big.Int).Lsh(v, 1)))
	y := mul(r, v.Sub(v, x))
	y = c.mod(y.Sub(y, mul(s1, hhh)))
	return &jacobian{x, y, mul(h, mul(p.z, q.z))}
}

func (c *Curve) mul(a, b *big.Int) *big.Int { return c.mod(new(big.Int).Mul(a, b)) }
