package genesis_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"

	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// A founder is a founder with its keys.
type founder struct {
	id   tx.MemberID
	keys []*tx.PrivateKey // two admins, one officer
	val  ed25519.PrivateKey
}

func newFounder(t testing.TB, id tx.MemberID) *founder {
	t.Helper()
	f := &founder{id: id}
	for i, typ := range []tx.KeyType{tx.Secp256k1, tx.SM2, tx.MLDSA65} {
		seed := sha256.Sum256(fmt.Append(nil, id, i))
		k, err := tx.NewPrivateKey(typ, seed[:])
		if err != nil {
			t.Fatal(err)
		}
		f.keys = append(f.keys, k)
	}
	seed := sha256.Sum256([]byte(id + " validator"))
	f.val = ed25519.NewKeyFromSeed(seed[:])
	return f
}

func (f *founder) part(division string, roles ...string) genesis.Part {
	k := tx.ValidatorKey(f.val.Public().(ed25519.PublicKey))
	return genesis.Part{
		Member: genesis.Member{ID: f.id, NameZH: "成员", NameEN: string(f.id), Roles: roles, Division: division},
		Accounts: []genesis.Account{
			genesis.NewAccount(f.id, f.keys[0].Public(), "admin"), genesis.NewAccount(f.id, f.keys[1].Public(), "admin"),
			genesis.NewAccount(f.id, f.keys[2].Public(), "officer"),
		},
		Validator: &k, Peer: "0123456789abcdef0123456789abcdef01234567@127.0.0.1:26656",
	}
}

func (f *founder) sign(t testing.TB, p *genesis.SignedPart) {
	t.Helper()
	for _, k := range f.keys {
		if err := p.Sign(k); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Prove(ed25519.Sign(f.val, p.Message())); err != nil {
		t.Fatal(err)
	}
}

func terms() *genesis.Terms {
	return &genesis.Terms{V: 1, Chain: "found-1", Start: tx.TimeOf(time.Date(2026, 12, 1, 1, 0, 0, 0, time.UTC)),
		Founders: []genesis.Founder{
			{Member: "a-city", Roles: []string{"regulator"}, Power: 10}, {Member: "b-city", Roles: []string{"partner-city", "regulator"}, Power: 10},
			{Member: "court", Roles: []string{"court"}, Power: 10}, {Member: "shop", Roles: []string{"platform"}, Power: 10},
		},
		State: genesis.State{Params: genesis.DefaultParams(), Policies: genesis.DefaultPolicies()}}
}

// founding makes the founders of terms and their signed parts.
func founding(t testing.TB, tm *genesis.Terms) (fs []*founder, parts []*genesis.SignedPart) {
	t.Helper()
	for i, d := range []string{"330100", "610400", "", ""} {
		f := newFounder(t, tm.Founders[i].Member)
		p, err := genesis.NewPart(tm, f.part(d, tm.Founders[i].Roles...))
		if err != nil {
			t.Fatal(err)
		}
		f.sign(t, p)
		fs, parts = append(fs, f), append(parts, p)
	}
	return fs, parts
}

// Everybody who assembles makes the same bytes, in whatever order the parts
// came to him, and from files.
func TestFounding(t *testing.T) {
	tm := terms()
	_, parts := founding(t, tm)
	want, err := genesis.Assemble(tm, parts)
	if err != nil {
		t.Fatal(err)
	}
	read, err := genesis.ParseTerms(tm.Encode())
	if err != nil || read.Digest() != tm.Digest() {
		t.Fatalf("terms from their file: %v", err)
	}
	var again []*genesis.SignedPart
	for _, i := range []int{2, 0, 3, 1} {
		p, err := genesis.ParsePart(parts[i].Encode())
		if err != nil {
			t.Fatal(err)
		}
		if p.Digest() != parts[i].Digest() {
			t.Error("a part from its file is another")
		}
		again = append(again, p)
	}
	got, err := genesis.Assemble(read, again)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("assembled again: %v, same %v", err, bytes.Equal(got, want))
	}
	doc, err := cmttypes.GenesisDocFromJSON(got)
	if err != nil {
		t.Fatal(err)
	}
	s, err := genesis.Parse(doc.AppState)
	if err != nil || len(s.Members) != 4 || len(s.Accounts) != 12 || len(s.Validators) != 4 || len(doc.Validators) != 4 {
		t.Errorf("%v: %+v", err, s)
	}
	if len(tm.Notes()) != 0 {
		t.Error(tm.Notes())
	}
	tm.State.Policies[0].Expr, tm.State.Params.PendingBlocks = "admin@issuer", 7
	if len(tm.Notes()) != 2 {
		t.Error("another policy and another parameter noted as", tm.Notes())
	}
	tm = terms()
	tm.Founders[0].Power = 30
	if len(tm.Notes()) != 1 {
		t.Error("half the power noted as", tm.Notes())
	}
}

// What a founder, or somebody on the way, could do to the others.
func TestFoundingRefuses(t *testing.T) {
	tm := terms()
	fs, parts := founding(t, tm)
	remake := func(i int, change func(*genesis.Part)) func() error {
		return func() error {
			p := fs[i].part([]string{"330100", "610400", "", ""}[i], tm.Founders[i].Roles...)
			change(&p)
			s, err := genesis.NewPart(tm, p)
			if err != nil {
				return err
			}
			for _, k := range fs[i].keys {
				_ = s.Sign(k)
			}
			if p.Validator != nil {
				_ = s.Prove(ed25519.Sign(fs[i].val, s.Message()))
			}
			ps := slices.Clone(parts)
			ps[i] = s
			_, err = genesis.Assemble(tm, ps)
			return err
		}
	}
	edit := func(i int, old, new string) func() error {
		return func() error {
			b := bytes.Replace(parts[i].Encode(), []byte(old), []byte(new), 1)
			p, err := genesis.ParsePart(b)
			if err != nil {
				return err
			}
			ps := slices.Clone(parts)
			ps[i] = p
			_, err = genesis.Assemble(tm, ps)
			return err
		}
	}
	assemble := func(t *genesis.Terms, ps ...*genesis.SignedPart) func() error {
		return func() error { _, err := genesis.Assemble(t, ps); return err }
	}
	other := terms()
	other.State.Params.PendingBlocks++
	stranger := fs[3].keys[0].Public()
	for _, tt := range []struct {
		name string
		do   func() error
		want tx.Code
	}{
		{"a founder is missing", assemble(tm, parts[:3]...), tx.CodeFounder},
		{"a founder twice", assemble(tm, append(slices.Clone(parts), parts[0])...), tx.CodeFounder},
		{"parts of other terms", assemble(other, parts...), tx.CodeTerms},
		{"more power than agreed", assemble(func() *genesis.Terms { o := terms(); o.Founders[0].Power = 11; return o }(), parts...), tx.CodeTerms},
		{"another role", remake(3, func(p *genesis.Part) { p.Member.Roles = []string{"court"} }), tx.CodeFounder},
		{"another member", remake(3, func(p *genesis.Part) { p.Member.ID = "court" }), tx.CodeFounder},
		{"a stranger", remake(3, func(p *genesis.Part) { p.Member.ID = "nobody" }), tx.CodeFounder},
		{"an account of another member", remake(0, func(p *genesis.Part) { p.Accounts[0].Member = "shop" }), tx.CodeNotParty},
		{"a key that it does not hold", remake(0, func(p *genesis.Part) { p.Accounts[2] = genesis.NewAccount("a-city", stranger, "officer") }), tx.CodeUnsigned},
		{"the validator of another", remake(0, func(p *genesis.Part) {
			k := tx.ValidatorKey(fs[1].val.Public().(ed25519.PublicKey))
			p.Validator = &k
		}), tx.CodeUnsigned},
		{"no validator", remake(0, func(p *genesis.Part) { p.Validator = nil }), tx.CodeFounder},
		{"one admin", remake(0, func(p *genesis.Part) { p.Accounts = p.Accounts[1:] }), tx.CodeFounder},
		{"an account twice", remake(0, func(p *genesis.Part) { p.Accounts = append(p.Accounts, p.Accounts[0]) }), tx.CodeFounding},
		{"a city that is taken", remake(1, func(p *genesis.Part) { p.Member.Division = "330100" }), tx.CodeFounding},
		{"a superior that is none", remake(2, func(p *genesis.Part) { p.Member.Superior = "nobody" }), tx.CodeFounding},
		{"unknown role of an account", remake(2, func(p *genesis.Part) { p.Accounts[0].Roles = []string{"admin", "king"} }), tx.CodeFounding},
		{"a peer of two lines", remake(2, func(p *genesis.Part) { p.Peer = "a\nb" }), tx.CodeFounding},
		{"another payload type", edit(0, "founding-part", "statement"), tx.CodePayloadType},
		{"an unknown field", edit(0, `"payload"`, `"note": 1, "payload"`), tx.CodeFounding},
		{"a field twice", edit(0, `"payloadType"`, `"payloadType": "x", "payloadType"`), tx.CodeFounding},
		{"governance that nobody can satisfy", func() error {
			o := terms()
			for i, p := range o.State.Policies {
				if p.Kind == tx.GovPolicy {
					o.State.Policies[i].Expr = "admin@=gone"
				}
			}
			_, ps := founding(t, o)
			_, err := genesis.Assemble(o, ps)
			return err
		}, tx.CodeUngovernable},
		{"terms with members", func() error {
			o := terms()
			o.State.Members = []genesis.Member{{ID: "a-city"}}
			return o.Validate()
		}, tx.CodeFounding},
		{"terms without power", func() error {
			o := terms()
			for i := range o.Founders {
				o.Founders[i].Power = 0
			}
			return o.Validate()
		}, tx.CodeFounder},
		{"founders out of order", func() error {
			o := terms()
			o.Founders[0], o.Founders[1] = o.Founders[1], o.Founders[0]
			return o.Validate()
		}, tx.CodeFounder},
		{"a chain id that no statement can name", func() error { o := terms(); o.Chain = "Found 1"; return o.Validate() }, tx.CodeFounding},
	} {
		if err := tt.do(); tx.CodeOf(err) != tt.want {
			t.Errorf("%s: %v, want E%d", tt.name, err, tt.want)
		}
	}

	// Every signature counts: each is broken in turn, and left out in turn.
	for i := range 4 {
		p, _ := genesis.NewPart(tm, parts[0].Part)
		for j, k := range fs[0].keys {
			if j != i {
				_ = p.Sign(k)
			}
		}
		if i != 3 {
			_ = p.Prove(ed25519.Sign(fs[0].val, p.Message()))
		}
		if err := p.Verify(tm); tx.CodeOf(err) != tx.CodeUnsigned || len(p.Missing()) != 1 {
			t.Errorf("without signature %d: %v", i, err)
		}
	}
	if err := parts[0].Prove(ed25519.Sign(fs[1].val, parts[0].Message())); tx.CodeOf(err) != tx.CodeUnsigned {
		t.Errorf("the proof of another validator: %v", err)
	}
	if err := parts[0].Sign(fs[1].keys[0]); tx.CodeOf(err) != tx.CodeNoAccount {
		t.Errorf("the signature of another member: %v", err)
	}
}

// No bit of a signed part can be changed on its way.
func TestPartTampered(t *testing.T) {
	tm := terms()
	_, parts := founding(t, tm)
	b := parts[1].Encode()
	for i := 0; i < len(b); i += 7 {
		c := bytes.Clone(b)
		c[i] ^= 1
		p, err := genesis.ParsePart(c)
		if err == nil {
			if err = p.Verify(tm); err == nil && p.Digest() != parts[1].Digest() {
				t.Fatalf("byte %d changed, and it still verifies as something else", i)
			}
		}
	}
}

func FuzzFounding(f *testing.F) {
	tm := terms()
	_, parts := founding(f, tm)
	f.Add(parts[0].Encode(), tm.Encode())
	f.Fuzz(func(t *testing.T, part, terms []byte) {
		if p, err := genesis.ParsePart(part); err == nil {
			_ = p.Verify(tm)
			if q, err := genesis.ParsePart(p.Encode()); err != nil || q.Digest() != p.Digest() {
				t.Fatalf("a part does not survive its file: %v", err)
			}
		}
		if a, err := genesis.ParseTerms(terms); err == nil {
			if b, err := genesis.ParseTerms(a.Encode()); err != nil || b.Digest() != a.Digest() {
				t.Fatalf("terms do not survive their file: %v", err)
			}
		}
	})
}
