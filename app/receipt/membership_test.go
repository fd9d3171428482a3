package receipt

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"zhenglian/app/tx"

	"github.com/cosmos/iavl"
	iavldb "github.com/cosmos/iavl/db"
	ics23 "github.com/cosmos/ics23/go"
)

// The oracle of these tests is the library that defines ICS-23. It panics on
// some hostile proofs; for an oracle that is a refusal.

func oracle(act func() bool) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return act()
}

// oracleParse reads a proof that is in its one encoding.
func oracleParse(proof []byte) *ics23.CommitmentProof {
	p := new(ics23.CommitmentProof)
	if p.Unmarshal(proof) != nil {
		return nil
	}
	if again, err := p.Marshal(); err != nil || !bytes.Equal(again, proof) {
		return nil
	}
	return p
}

func oraclePresent(proof []byte, root tx.Digest, key, value []byte) bool {
	return oracle(func() bool {
		p := oracleParse(proof)
		return p != nil && p.GetExist() != nil && ics23.VerifyMembership(ics23.IavlSpec, root[:], p, key, value)
	})
}

func oracleAbsent(proof []byte, root tx.Digest, key []byte) bool {
	return oracle(func() bool {
		p := oracleParse(proof)
		return p != nil && p.GetNonexist() != nil && bytes.Equal(p.GetNonexist().Key, key) &&
			ics23.VerifyNonMembership(ics23.IavlSpec, root[:], p, key)
	})
}

// agree compares both readings of a proof, under root and under the root that the
// proof itself leads to, so that more than the last comparison is compared.
func agree(t *testing.T, proof []byte, root tx.Digest, key, value []byte) {
	t.Helper()
	roots := []tx.Digest{root}
	oracle(func() bool {
		own, err := oracleParse(proof).Calculate()
		if err == nil && len(own) == len(root) {
			roots = append(roots, tx.Digest(own))
		}
		return true
	})
	for _, root := range roots {
		if got, want := provePresent(proof, root, key, value) == nil, oraclePresent(proof, root, key, value); got != want {
			t.Fatalf("present: %v; the library says %v\nproof %x\nkey %x value %x", got, want, proof, key, value)
		}
		if got, want := proveAbsent(proof, root, key) == nil, oracleAbsent(proof, root, key); got != want {
			t.Fatalf("absent: %v; the library says %v\nproof %x\nkey %x", got, want, proof, key)
		}
	}
}

// A grove is a tree of n keys "k00001", "k00003", … and its root.
type grove struct {
	*iavl.ImmutableTree
	root tx.Digest
	n    int
}

func newGrove(t testing.TB, n int) *grove {
	t.Helper()
	tree := iavl.NewMutableTree(iavldb.NewMemDB(), 0, true, iavl.NewNopLogger())
	var version int64
	for i := range n {
		if _, err := tree.Set(groveKey(2*i+1), fmt.Appendf(nil, "value %d", i)); err != nil {
			t.Fatal(err)
		}
		if i%7 == 6 || i == n-1 { // nodes of several versions
			var err error
			if _, version, err = tree.SaveVersion(); err != nil {
				t.Fatal(err)
			}
		}
	}
	im, err := tree.GetImmutable(version)
	if err != nil {
		t.Fatal(err)
	}
	return &grove{im, tx.Digest(im.Hash()), n}
}

func groveKey(i int) []byte { return fmt.Appendf(nil, "k%05d", i) }

// prove returns the proof of key i, present if i is odd, and its value.
func (g *grove) prove(t testing.TB, i int) (proof, value []byte) {
	t.Helper()
	var p *ics23.CommitmentProof
	var err error
	if i%2 == 1 {
		if value, err = g.Get(groveKey(i)); err == nil {
			p, err = g.GetMembershipProof(groveKey(i))
		}
	} else {
		p, err = g.GetNonMembershipProof(groveKey(i))
	}
	if err != nil {
		t.Fatal(err)
	}
	proof, err = p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return proof, value
}

// TestMembership proves every key of trees of many shapes, and every gap.
func TestMembership(t *testing.T) {
	for n := 1; n <= 40; n++ {
		g := newGrove(t, n)
		for i := 0; i <= 2*n; i++ {
			proof, value := g.prove(t, i)
			var err error
			if value != nil {
				err = provePresent(proof, g.root, groveKey(i), value)
			} else {
				err = proveAbsent(proof, g.root, groveKey(i))
			}
			if err != nil {
				t.Fatalf("tree of %d, key %d: %v", n, i, err)
			}
			agree(t, proof, g.root, groveKey(i), value)
			for _, other := range []int{i - 1, i + 1, i + 2} {
				agree(t, proof, g.root, groveKey(other), value)
			}
		}
	}
}

// TestMembershipTampered changes proofs in each byte, and in their parts.
func TestMembershipTampered(t *testing.T) {
	g := newGrove(t, 23)
	for _, i := range []int{0, 1, 2, 21, 22, 23, 45, 46} {
		proof, value := g.prove(t, i)
		key := groveKey(i)
		for at := range proof {
			for _, bit := range []byte{1, 2, 0x80} {
				b := bytes.Clone(proof)
				b[at] ^= bit
				agree(t, b, g.root, key, value)
			}
			agree(t, proof[:at], g.root, key, value)
		}
		for seed := range uint64(300) {
			r := rand.New(rand.NewPCG(seed, uint64(i)))
			p := oracleParse(proof)
			deform(r, p)
			b, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			agree(t, b, g.root, key, value)
		}
	}
}

// deform changes a proof in a way that leaves it a message.
func deform(r *rand.Rand, p *ics23.CommitmentProof) {
	var ep *ics23.ExistenceProof
	if n := p.GetNonexist(); n != nil {
		switch r.IntN(6) {
		case 0:
			n.Left = nil
		case 1:
			n.Right = nil
		case 2:
			n.Left, n.Right = n.Right, n.Left
		case 3:
			n.Left = n.Right
		}
		if ep = n.Left; ep == nil || n.Right != nil && r.IntN(2) == 0 {
			ep = n.Right
		}
	} else {
		ep = p.GetExist()
	}
	if ep == nil {
		return
	}
	if len(ep.Path) > 0 {
		i := r.IntN(len(ep.Path))
		s := ep.Path[i]
		switch r.IntN(9) {
		case 0:
			ep.Path = append(ep.Path[:i], ep.Path[i+1:]...)
		case 1:
			ep.Path = append(ep.Path, s)
		case 2:
			s.Suffix = nil
		case 3:
			s.Suffix = append(s.Suffix, make([]byte, 33)...)
		case 4:
			s.Prefix = append(s.Prefix, make([]byte, r.IntN(40))...)
		case 5:
			s.Prefix = s.Prefix[:r.IntN(len(s.Prefix)+1)]
		case 6:
			s.Hash = ics23.HashOp(r.IntN(10))
		case 7:
			s.Prefix[0] = byte(r.Uint32())
		case 8:
			s.Prefix, s.Suffix = append([]byte{byte(2 * (i + 1)), 2, 2, 32}, make([]byte, 33*r.IntN(2))...), make([]byte, 33*r.IntN(3))
		}
	}
	if l := ep.Leaf; r.IntN(4) == 0 {
		switch r.IntN(7) {
		case 0:
			l.Hash = ics23.HashOp(r.IntN(10))
		case 1:
			l.PrehashKey = ics23.HashOp(r.IntN(3))
		case 2:
			l.PrehashValue = ics23.HashOp(r.IntN(3))
		case 3:
			l.Length = ics23.LengthOp(r.IntN(9))
		case 4:
			l.Prefix = append(l.Prefix, 0)
		case 5:
			l.Prefix = nil
		case 6:
			ep.Leaf = nil
		}
	}
}

// FuzzMembership compares the reading of any proof with the library's.
func FuzzMembership(f *testing.F) {
	g := newGrove(f, 23)
	for _, i := range []int{0, 1, 21, 22, 46} {
		proof, value := g.prove(f, i)
		f.Add(proof, groveKey(i), value)
	}
	f.Fuzz(func(t *testing.T, proof, key, value []byte) { agree(t, proof, g.root, key, value) })
}
