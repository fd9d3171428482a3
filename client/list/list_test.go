package list

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmttypes "github.com/cometbft/cometbft/types"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/span"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

const testChain = "zhenglian-test"

// A chain is a store with one validator that signs whatever it holds.
type chain struct {
	testing.TB
	*store.Store
	key   ed25519.PrivateKey
	trust *receipt.Trust
}

func newChain(t testing.TB) *chain {
	t.Helper()
	s, err := store.Open("/s", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	c := &chain{TB: t, Store: s, key: ed25519.NewKeyFromSeed(make([]byte, 32))}
	if c.trust, err = receipt.NewTrust(testChain, 1, []receipt.Validator{{PubKey: [32]byte(c.key.Public().(ed25519.PublicKey)), Power: 1}}); err != nil {
		t.Fatal(err)
	}
	return c
}

// block commits the rows; a nil value deletes.
func (c *chain) block(set func(put func(key, value []byte))) {
	c.Helper()
	b := c.Begin(c.View().Head().Height + 1)
	set(func(key, value []byte) {
		if value == nil {
			b.Delete(key)
		} else {
			b.Set(key, value)
		}
	})
	if _, err := b.Commit(); err != nil {
		c.Fatal(err)
	}
}

func subjectOf(n int) row.Subject {
	return row.Subject{{Seq: uint64(n), State: row.Published, From: tx.Civil(2026, 4, 1), Until: tx.Civil(2029, 4, 1)}}
}

// fill lists subjects from number from on, under tags of the tagger.
func (c *chain) fill(l tx.List, g *Tagger, from, n int) {
	c.block(func(put func(key, value []byte)) {
		put(row.ParamsKey(), []byte("{}"))
		put(row.ListKey(l), row.List{Entries: int64(n)}.Encode())
		for i := from; i < from+n; i++ {
			put(row.SubjectKey(l, g.tag([]byte(uscc(i)))), subjectOf(i).Encode())
		}
	})
}

// head is the signed state of the newest height, or of an older one.
func (c *chain) head(height int64) (*store.View, *receipt.StateHead) {
	c.Helper()
	v, err := c.At(height)
	if err != nil {
		c.Fatal(err)
	}
	some := func(what string) []byte { d := sha256.Sum256([]byte(what)); return d[:] }
	s := v.Head()
	set := c.trust.ValidatorsHash()
	at := time.Unix(1_800_000_000+height, 0).UTC()
	h := receipt.Header{
		BlockVersion: 11, AppVersion: 1, ChainID: testChain, Height: height + 1, Time: receipt.TimeOf(at),
		LastBlockID:    receipt.BlockID{Hash: some("block"), PartsTotal: 1, PartsHash: some("parts")},
		LastCommitHash: some("commit"), DataHash: some("data"), ValidatorsHash: set[:], NextValidatorsHash: set[:],
		ConsensusHash: some("consensus"), AppHash: s.AppHash[:], LastResultsHash: some("results"), EvidenceHash: some("evidence"),
		ProposerAddress: make([]byte, 20),
	}
	hash := h.Hash()
	b := receipt.SignedBlock{Header: h, Commit: receipt.Commit{PartsTotal: 1, PartsHash: some("these")}}
	vote := &cmttypes.Vote{Type: cmtproto.PrecommitType, Height: height + 1, Timestamp: at,
		BlockID: cmttypes.BlockID{Hash: hash[:], PartSetHeader: cmttypes.PartSetHeader{Total: 1, Hash: some("these")}}}
	sig := ed25519.Sign(c.key, cmttypes.VoteSignBytes(testChain, vote.ToProto()))
	b.Commit.Signatures = []receipt.Signature{{Time: receipt.TimeOf(at), Sig: sig}}
	return v, &receipt.StateHead{V: receipt.Version, Chain: testChain, Height: height, LogSize: s.LogSize,
		LogRoot: tx.Digest(s.LogRoot), StateRoot: tx.Digest(s.StateRoot), Block: b}
}

func (c *chain) snapshot(height int64, l tx.List) []byte {
	c.Helper()
	v, h := c.head(height)
	var b bytes.Buffer
	if err := WriteSnapshot(&b, h, l, func(w *span.Writer) error { return v.Span(Prefix(l), 0, w) }); err != nil {
		c.Fatal(err)
	}
	return b.Bytes()
}

func (c *chain) delta(from, to int64, l tx.List) []byte {
	c.Helper()
	old, base := c.head(from)
	v, h := c.head(to)
	var b bytes.Buffer
	if err := WriteDelta(&b, h, l, Base{from, base.StateRoot}, func(w *span.Writer) error {
		return v.Span(Prefix(l), old.Head().TreeVersion, w)
	}); err != nil {
		c.Fatal(err)
	}
	return b.Bytes()
}

func (c *chain) read(height int64, l tx.List) *Set {
	c.Helper()
	s, err := ReadSnapshot(bytes.NewReader(c.snapshot(height, l)), l, c.trust)
	if err != nil {
		c.Fatal(err)
	}
	return s
}

// uscc is a valid credit code.
func uscc(n int) string {
	const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	b := fmt.Appendf(nil, "91330100%09d", n)
	sum, weight := 0, 1
	for _, c := range b {
		sum += bytes.IndexByte([]byte(alphabet), c) * weight
		weight = weight * 3 % 31
	}
	return string(append(b, alphabet[(31-sum%31)%31]))
}

func testEpoch(l tx.List, n int64) Epoch { return Epoch{Chain: testChain, List: l, Number: n} }

// testKey is the key of an epoch in tests and vectors.
func testKey(n int64) Key {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte("test key "), uint64(n)))
}

func testTagger(t testing.TB, l tx.List, n int64, typ Type) *Tagger {
	t.Helper()
	g, err := NewTagger(testEpoch(l, n), testKey(n), typ)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

const L = tx.SeriousDishonest

func TestSnapshot(t *testing.T) {
	c := newChain(t)
	g := testTagger(t, L, 1, USCC)
	c.fill(L, g, 0, 500)
	c.fill(tx.NegativeIndex, g, 0, 20)
	s := c.read(2, L)
	if s.Len() != 500 || s.List() != L || s.Head().Height != 2 {
		t.Fatalf("got %d subjects of %s at %d", s.Len(), s.List(), s.Head().Height)
	}
	for i := range 1000 {
		tag, err := g.Tag([]byte(uscc(i)))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Get(tag); (i < 500) != (got != nil) || s.Has(tag) != (got != nil) || got != nil && got[0] != subjectOf(i)[0] {
			t.Fatalf("subject %d: got %v", i, got)
		}
	}
	n := 0
	for tag, subject := range s.All() {
		if !s.Has(tag) || len(subject) != 1 {
			t.Fatalf("%v %v", tag, subject)
		}
		n++
	}
	if n != 500 {
		t.Errorf("All shows %d", n)
	}
	// An empty list is proven to be empty.
	if s := c.read(2, tx.IndustryNotice); s.Len() != 0 || s.Has(tx.Digest{1}) {
		t.Errorf("the empty list holds %d", s.Len())
	}
	again, err := s.Encode()
	if err != nil || !bytes.Equal(again, c.snapshot(2, L)) {
		t.Errorf("the set writes another snapshot, %v", err)
	}
}

// From every height to every later one a delta leads to the snapshot.
func TestDelta(t *testing.T) {
	c := newChain(t)
	g := testTagger(t, L, 1, USCC)
	c.fill(L, g, 0, 300)
	tagOf := func(i int) []byte { return row.SubjectKey(L, g.tag([]byte(uscc(i)))) }
	c.block(func(put func(k, v []byte)) { put(tagOf(7), nil); put(tagOf(1000), subjectOf(1000).Encode()) })
	c.block(func(func(k, v []byte)) {}) // nothing
	c.block(func(put func(k, v []byte)) { put(row.MatterKey(5), []byte("{}")) })
	c.block(func(put func(k, v []byte)) {
		for i := range 300 {
			put(tagOf(i), nil)
		}
	})
	c.block(func(put func(k, v []byte)) { put(tagOf(8), subjectOf(8).Encode()) })
	for to := int64(1); to <= 6; to++ {
		whole := c.snapshot(to, L)
		for from := int64(1); from <= to; from++ {
			s, err := c.read(from, L).Apply(bytes.NewReader(c.delta(from, to, L)), c.trust)
			if err != nil {
				t.Fatalf("%d to %d: %v", from, to, err)
			}
			if b, err := s.Encode(); err != nil || !bytes.Equal(b, whole) {
				t.Errorf("%d to %d: another snapshot, %v", from, to, err)
			}
		}
	}
	one, two := c.read(1, L), c.read(2, L)
	var gone, came int
	for ch := range two.Changes(one) {
		switch {
		case ch.Was == nil:
			came++
		case ch.Now == nil:
			gone++
		}
	}
	if gone != 1 || came != 1 {
		t.Errorf("%d gone, %d came", gone, came)
	}
	for range one.Changes(one) {
		t.Error("a set differs from itself")
	}
	if n := len(c.delta(1, 2, L)); n > 5000 {
		t.Errorf("a delta of two rows takes %d bytes", n)
	}
}

// What a lying gateway may send.
func TestRefused(t *testing.T) {
	c := newChain(t)
	g := testTagger(t, L, 1, USCC)
	c.fill(L, g, 0, 40)
	c.block(func(put func(k, v []byte)) { put(row.SubjectKey(L, g.tag([]byte(uscc(1)))), nil) })
	other := newChain(t)
	other.key = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	other.fill(L, g, 0, 40)
	v, h := c.head(2)
	make := func(h *receipt.StateHead, l tx.List, rows func(*span.Writer) error) []byte {
		var b bytes.Buffer
		if err := WriteSnapshot(&b, h, l, rows); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	forged := *h
	forged.StateRoot[0] ^= 1
	good := c.snapshot(2, L)
	for name, x := range map[string]struct {
		b    []byte
		want error
	}{
		"nothing":              {nil, ErrFile},
		"a delta":              {c.delta(1, 2, L), ErrFile},
		"cut off":              {good[:len(good)-1], ErrFile},
		"cut in its head":      {good[:40], ErrFile},
		"something follows":    {append(bytes.Clone(good), 0), ErrFile},
		"of another list":      {c.snapshot(2, tx.NegativeIndex), ErrWrongList},
		"rows of another list": {make(h, L, func(w *span.Writer) error { return v.Span(Prefix(tx.NegativeIndex), 0, w) }), ErrProof},
		"rows of one subject":  {make(h, L, func(w *span.Writer) error { return v.Span(append(Prefix(L), 0x50), 0, w) }), ErrProof},
		"of another height":    {make(h, L, func(w *span.Writer) error { o, _ := c.head(1); return o.Span(Prefix(L), 0, w) }), ErrProof},
		"another root":         {make(&forged, L, func(w *span.Writer) error { return v.Span(Prefix(L), 0, w) }), ErrProof},
		"of other validators":  {other.snapshot(1, L), ErrProof},
	} {
		if _, err := ReadSnapshot(bytes.NewReader(x.b), L, c.trust); !errors.Is(err, x.want) {
			t.Errorf("%s: got %v, want %v", name, err, x.want)
		}
	}
	s := c.read(1, L)
	for name, x := range map[string]struct {
		b    []byte
		want error
	}{
		"a snapshot":           {good, ErrFile},
		"from another height":  {c.delta(2, 2, L), ErrBase},
		"of another list":      {c.delta(1, 2, tx.NegativeIndex), ErrWrongList},
		"of other validators":  {other.delta(1, 1, L), ErrProof},
		"cut off":              {good[:60], ErrFile},
		"an older one":         {c.delta(2, 1, L), ErrBase},
		"rows of another list": {func() []byte { d := c.delta(1, 2, tx.NegativeIndex); return d }(), ErrWrongList},
	} {
		if _, err := s.Apply(bytes.NewReader(x.b), c.trust); !errors.Is(err, x.want) {
			t.Errorf("delta, %s: got %v, want %v", name, err, x.want)
		}
	}
	// A row that is no subject: a broken chain, not a broken file.
	c.block(func(put func(k, v []byte)) { put(row.SubjectKey(L, tx.Digest{9}), []byte("{}")) })
	if _, err := ReadSnapshot(bytes.NewReader(c.snapshot(3, L)), L, c.trust); !errors.Is(err, ErrProof) {
		t.Errorf("a row that is no subject: %v", err)
	}
}

// TestTampered changes every byte of a snapshot and of a delta.
func TestTampered(t *testing.T) {
	c := newChain(t)
	g := testTagger(t, L, 1, USCC)
	c.fill(L, g, 0, 6)
	c.block(func(put func(k, v []byte)) { put(row.SubjectKey(L, g.tag([]byte(uscc(1)))), nil) })
	base := c.read(1, L)
	for name, x := range map[string]struct {
		b    []byte
		read func(b []byte) (*Set, error)
	}{
		"snapshot": {c.snapshot(2, L), func(b []byte) (*Set, error) { return ReadSnapshot(bytes.NewReader(b), L, c.trust) }},
		"delta":    {c.delta(1, 2, L), func(b []byte) (*Set, error) { return base.Apply(bytes.NewReader(b), c.trust) }},
	} {
		want, err := x.read(x.b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range x.b {
			for bit := range 8 {
				b := bytes.Clone(x.b)
				b[i] ^= 1 << bit
				if s, err := x.read(b); err == nil && (s.Base() != want.Base() || s.tree.Root() != want.tree.Root() || s.Len() != want.Len()) {
					t.Errorf("%s: bit %d of byte %d: another set", name, bit, i)
				}
			}
			if _, err := x.read(x.b[:i]); err == nil {
				t.Errorf("%s: read from %d bytes of %d", name, i, len(x.b))
			}
		}
	}
}

func TestSweeper(t *testing.T) {
	c := newChain(t)
	one, two := testTagger(t, L, 1, USCC), testTagger(t, L, 2, USCC)
	c.block(func(put func(k, v []byte)) {
		put(row.ParamsKey(), []byte("{}"))
		put(row.SubjectKey(L, one.tag([]byte(uscc(1)))), subjectOf(1).Encode())
		put(row.SubjectKey(L, two.tag([]byte(uscc(2)))), subjectOf(2).Encode())
		// One of its two entries has been tagged anew.
		put(row.SubjectKey(L, one.tag([]byte(uscc(4)))), subjectOf(4).Encode())
		put(row.SubjectKey(L, two.tag([]byte(uscc(4)))), subjectOf(5).Encode())
	})
	s := c.read(1, L)
	w, err := NewSweeper(s, two, one)
	if err != nil {
		t.Fatal(err)
	}
	w = w.Clone()
	for i, epoch := range []int64{0, 1, 2, 0} {
		h, err := w.Check(USCC, []byte(" "+uscc(i)))
		if err != nil || (h != nil) != (epoch != 0) || h != nil && (h.Epoch != epoch || h.Subject[0].Seq != uint64(i)) {
			t.Errorf("subject %d: %v, %v", i, h, err)
		}
	}
	if h, err := w.Check(USCC, []byte(uscc(4))); err != nil || h == nil || h.Epoch != 2 || len(h.Subject) != 2 || h.Subject[0].Seq != 5 || h.Subject[1].Seq != 4 {
		t.Errorf("entries under two keys: %+v, %v", h, err)
	}
	if _, err := w.Check(USCC, []byte("91330100000000001A")); !errors.Is(err, ErrIdentifier) {
		t.Errorf("an identifier that is none: %v", err)
	}
	if _, err := w.Check(Phone, []byte("13800000000")); err == nil {
		t.Error("checked without a key for the type")
	}
	for name, g := range map[string][]*Tagger{
		"no key": nil, "key of another list": {testTagger(t, tx.NegativeIndex, 1, USCC)}, "one key twice": {one, one.Clone()},
	} {
		if _, err := NewSweeper(s, g...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// listed is a list of 140 000 subjects, filled block by block.
func listed(b *testing.B) *chain {
	c := newChain(b)
	g := testTagger(b, L, 1, USCC)
	for i := 0; i < 140_000; i += 10_000 {
		c.fill(L, g, i, 10_000)
	}
	return c
}

func BenchmarkList(b *testing.B) {
	c := listed(b)
	height := c.View().Head().Height
	snapshot := c.snapshot(height, L)
	b.Run("snapshot/read", func(b *testing.B) {
		for b.Loop() {
			if _, err := ReadSnapshot(bytes.NewReader(snapshot), L, c.trust); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(snapshot)), "bytes")
	})
	b.Run("snapshot/write", func(b *testing.B) {
		for b.Loop() {
			c.snapshot(height, L)
		}
	})
	s := c.read(height, L)
	w, err := NewSweeper(s, testTagger(b, L, 1, USCC))
	if err != nil {
		b.Fatal(err)
	}
	ids := make([][]byte, 1<<20)
	for i := range ids {
		ids[i] = []byte(uscc(i * 7))
	}
	hits := 0
	b.Run("sweep", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			h, err := w.Check(USCC, ids[i%len(ids)])
			if err != nil {
				b.Fatal(err)
			}
			if h != nil {
				hits++
			}
		}
	})
	if hits == 0 {
		b.Error("nobody was found")
	}
}
