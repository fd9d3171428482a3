package receipt

import (
	"bytes"
	"errors"
	"testing"

	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"

	"github.com/cosmos/iavl"
	iavldb "github.com/cosmos/iavl/db"
	ics23 "github.com/cosmos/ics23/go"
)

// rebuild makes the receipt that a ledger would give whose state differs by
// change, which may drop a row, and by additional rows, in a chain that its
// validators really signed.
func (l *ledger) rebuild(r *Receipt, change func(key, value []byte) []byte, add ...Row) *Receipt {
	l.T.Helper()
	v := l.at(r.Entry.Height)
	tree := iavl.NewMutableTree(iavldb.NewMemDB(), 1000, true, iavl.NewNopLogger())
	err := v.Iterate([]byte{0}, []byte{0xff}, func(k, value []byte) bool {
		if value = change(k, value); value != nil {
			if _, err := tree.Set(bytes.Clone(k), bytes.Clone(value)); err != nil {
				l.T.Fatal(err)
			}
		}
		return true
	})
	if err != nil {
		l.T.Fatal(err)
	}
	for _, a := range add {
		if _, err := tree.Set(a.Key, a.Value); err != nil {
			l.T.Fatal(err)
		}
	}
	root, _, err := tree.SaveVersion()
	if err != nil {
		l.T.Fatal(err)
	}
	c := clone(l.T, r)
	c.StateRoot = tx.Digest(root)
	keys, err := Keys(r.Entry, tree.Get)
	if err != nil {
		l.T.Fatal(err)
	}
	c.Rows = nil
	for _, k := range keys {
		c.Rows = append(c.Rows, proveIn(l.T, tree.ImmutableTree, k))
	}
	return l.resign(c)
}

func proveIn(t testing.TB, tree *iavl.ImmutableTree, key []byte) Row {
	t.Helper()
	value, err := tree.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	var p *ics23.CommitmentProof
	if value != nil {
		p, err = tree.GetMembershipProof(key)
	} else {
		p, err = tree.GetNonMembershipProof(key)
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return Row{Key: key, Value: value, Proof: b}
}

// resign makes the app hash of c's roots, and a block for it that is signed.
func (l *ledger) resign(c *Receipt) *Receipt {
	l.T.Helper()
	h := l.header(c.Entry.Height + 1)
	got := appHash(c.LogSize, c.LogRoot, c.StateRoot)
	h.AppHash = got[:]
	c.Block = l.sign(h)
	return c
}

func (l *ledger) stateProof(height int64, key []byte) *StateProof {
	v := l.at(height)
	return &StateProof{V: Version, Chain: l.trust.Chain, Height: height, LogSize: v.Head().LogSize, LogRoot: v.Head().LogRoot, StateRoot: v.Head().StateRoot,
		Block: l.sign(l.header(height + 1)), Row: prove(l.T, v, key)}
}

func TestStateProof(t *testing.T) {
	l, r := sample(t)
	for _, key := range [][]byte{row.ParamsKey(), row.MemberKey("hangzhou-amr"), row.MemberKey("nobody"), row.MatterKey(1 << 40), row.AccountKey(tx.AccountID{})} {
		p := l.stateProof(l.Height, key)
		want, err := l.at(l.Height).Get(key)
		if err != nil {
			t.Fatal(err)
		}
		for _, encode := range []func() ([]byte, error){p.EncodeJSON, p.EncodeCBOR} {
			b, err := encode()
			if err != nil {
				t.Fatal(err)
			}
			q, err := ParseStateProof(b)
			if err != nil {
				t.Fatal(err)
			}
			got, err := VerifyRow(q, key, l.trust)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("key %x: got %q, %v, want %q", key, got, err, want)
			}
			if err := VerifyAbsence(q, key, l.trust); (err == nil) != (want == nil) || want != nil && !errors.Is(err, ErrPresent) {
				t.Errorf("key %x: absence: %v", key, err)
			}
			if _, err := VerifyRow(q, append(key, 1), l.trust); err == nil {
				t.Errorf("key %x: answers for another key", key)
			}
		}
	}
	key := row.MatterKey(r.Entry.Seq)
	for name, change := range map[string]func(p *StateProof){
		"other height":     func(p *StateProof) { p.Height-- },
		"other log":        func(p *StateProof) { p.LogSize++ },
		"other root":       func(p *StateProof) { p.StateRoot = l.at(1).Head().StateRoot; p.StateRoot[0] ^= 1 },
		"value added":      func(p *StateProof) { p.Row.Value = []byte("{}") },
		"other chain":      func(p *StateProof) { p.Chain = "zhenglian-other" },
		"other app hash":   func(p *StateProof) { p.Block.Header.AppHash = bytes.Repeat([]byte{7}, 32) },
		"fewer signatures": func(p *StateProof) { p.Block.Commit.Signatures = p.Block.Commit.Signatures[1:] },
		"empty proof":      func(p *StateProof) { p.Row.Proof = nil },
	} {
		p := l.stateProof(l.Height, key)
		change(p)
		if err := VerifyAbsence(p, key, l.trust); err == nil {
			t.Errorf("%s: verified", name)
		}
	}
}

// A head is verified once, then rows under its root; together they are a state proof.
func TestStateHead(t *testing.T) {
	l, r := sample(t)
	p := l.stateProof(l.Height, row.MatterKey(r.Entry.Seq))
	for _, encode := range []func() ([]byte, error){p.Head().EncodeJSON, p.Head().EncodeCBOR} {
		b, err := encode()
		if err != nil {
			t.Fatal(err)
		}
		h, err := ParseStateHead(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Verify(l.trust); err != nil {
			t.Error(err)
		}
		if err := p.Row.Verify(h.StateRoot); err != nil {
			t.Error(err)
		}
		if _, err := ParseStateHead(append(b, ' ', '1')); err == nil {
			t.Error("something follows, and it was read")
		}
	}
	for name, change := range map[string]func(h *StateHead){
		"version":          func(h *StateHead) { h.V++ },
		"other height":     func(h *StateHead) { h.Height-- },
		"no height":        func(h *StateHead) { h.Height = 0 },
		"other log":        func(h *StateHead) { h.LogSize++ },
		"other log root":   func(h *StateHead) { h.LogRoot[0] ^= 1 },
		"other root":       func(h *StateHead) { h.StateRoot[0] ^= 1 },
		"other chain":      func(h *StateHead) { h.Chain = "zhenglian-other" },
		"fewer signatures": func(h *StateHead) { h.Block.Commit.Signatures = h.Block.Commit.Signatures[1:] },
	} {
		h := l.stateProof(l.Height, row.ParamsKey()).Head()
		change(h)
		if err := h.Verify(l.trust); err == nil {
			t.Errorf("%s: verified", name)
		}
	}
	long := p.Row
	long.Proof = nil
	if long.Verify(p.StateRoot) == nil {
		t.Error("a row without proof: verified")
	}
}

// Proofs that the library must not be trusted with, or must refuse.
func TestBadProofs(t *testing.T) {
	l, _ := sample(t)
	v := l.at(l.Height)
	root := tx.Digest(v.Head().StateRoot)
	exist := func(key []byte) *ics23.ExistenceProof {
		_, p, err := v.Prove(key)
		if err != nil {
			t.Fatal(err)
		}
		return p.GetExist()
	}
	absent := row.MemberKey("m")
	_, p, err := v.Prove(absent)
	if err != nil {
		t.Fatal(err)
	}
	left, right := p.GetNonexist().Left, p.GetNonexist().Right
	first, last := exist(row.ParamsKey()), exist(row.RollKey("regulator"))
	non := func(left, right *ics23.ExistenceProof) []byte {
		b, err := (&ics23.CommitmentProof{Proof: &ics23.CommitmentProof_Nonexist{Nonexist: &ics23.NonExistenceProof{Key: absent, Left: left, Right: right}}}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	renamed, err := (&ics23.CommitmentProof{Proof: &ics23.CommitmentProof_Nonexist{Nonexist: &ics23.NonExistenceProof{Key: row.MemberKey("n"), Left: left, Right: right}}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	short := *left
	short.Path = nil
	for name, proof := range map[string][]byte{
		"left neighbour not adjacent":  non(first, right),
		"right neighbour not adjacent": non(left, last),
		"only the left neighbour":      non(left, nil),
		"only the right neighbour":     non(nil, right),
		"neighbours swapped":           non(right, left),
		"the same neighbour twice":     non(left, left),
		"left path cut off":            non(&short, right),
		"both paths cut off":           non(&short, &short),
		"no neighbours":                non(nil, nil),
		"of another key":               renamed,
		"empty":                        {},
		"unknown field":                append(non(left, right), 0x7a, 1, 0),
		"not protobuf":                 {0xff},
	} {
		r := Row{Key: absent, Proof: proof}
		if r.verify(root) == nil {
			t.Errorf("%s: verified", name)
		}
	}
	good := Row{Key: absent, Proof: non(left, right)}
	if err := good.verify(root); err != nil {
		t.Errorf("good proof: %v", err)
	}
	member := prove(t, v, row.MemberKey("hangzhou-amr"))
	for name, r := range map[string]Row{
		"value changed":    {Key: member.Key, Value: append(bytes.Clone(member.Value), ' '), Proof: member.Proof},
		"value left out":   {Key: member.Key, Proof: member.Proof},
		"other key":        {Key: row.MemberKey("hangzhou-ams"), Value: member.Value, Proof: member.Proof},
		"absence of it":    {Key: member.Key, Proof: good.Proof},
		"absence as value": {Key: absent, Value: []byte("{}"), Proof: good.Proof},
	} {
		if r.verify(root) == nil {
			t.Errorf("%s: verified", name)
		}
	}
	if h := v.Head().StateRoot; member.verify(tx.Digest(h)) != nil || member.verify(tx.Digest(store.Hash{})) == nil {
		t.Error("a row depends on something else than its root")
	}
}
