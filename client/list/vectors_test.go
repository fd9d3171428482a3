package list

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/tx"
)

var update = flag.Bool("update", false, "write the vectors anew")

const vectorDir = "testdata/vectors"

func readVectors(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(vectorDir, name))
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func writeVectors(t *testing.T, name string, v any) {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err == nil {
		err = os.MkdirAll(vectorDir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(vectorDir, name), append(b, '\n'), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A tagVector is an identifier, its normal form and its tag; without a tag it
// is refused.
type tagVector struct {
	Chain  string    `json:"chain"`
	List   tx.List   `json:"list"`
	Epoch  int64     `json:"epoch"`
	Key    string    `json:"key"` // hex
	Type   Type      `json:"type"`
	ID     string    `json:"id"`
	Normal string    `json:"normal,omitempty"`
	Tag    tx.Digest `json:"tag,omitzero"`
}

var tagInputs = []struct {
	list  tx.List
	epoch int64
	typ   Type
	id    string
	good  bool
}{
	{L, 1, USCC, "91350100M000100Y43", true},
	{L, 1, USCC, " 91350100-m000100y43 ", true},
	{L, 1, USCC, "９１３５０１００Ｍ０００１００Ｙ４３", true},
	{L, 2, USCC, "91350100M000100Y43", true},
	{tx.NegativeIndex, 1, USCC, "91350100M000100Y43", true},
	{L, 1, USCC, "91350100M000100Y4Z", false},
	{L, 1, USCC, "91350100M000100Y4", false},
	{L, 1, USCC, "", false},
	{L, 1, USCC, "91350100M000100Y4三", false},
	{L, 1, Person, "11010519491231002X", true},
	{L, 1, Person, "11010519491231002x", true},
	{L, 1, Person, "110105194912310021", false},
	{L, 1, Person, "11010519490231002X", false},
	{L, 1, Person, "130503670401001", false},
	{L, 1, Phone, "13800000000", true},
	{L, 1, Phone, "+86 138-0000-0000", true},
	{L, 1, Phone, "8613800000000", true},
	{L, 1, Phone, "02188888888", false},
	{L, 1, Phone, "1380000000a", false},
	{L, 1, Shop, "platform-a/10086", true},
	{L, 1, Shop, " platform-a/ 10086 ", true},
	{L, 1, Shop, "platform-a/店铺Ａ1", true},
	{L, 1, Shop, "platform-a/e\u0301", true},
	{L, 1, Shop, "platform-a/Ab", true},
	{L, 1, Shop, "platform-a/", false},
	{L, 1, Shop, "Platform-A/1", false},
	{L, 1, Shop, "10086", false},
	{L, 1, Shop, "platform-a/1 2", false},
	{L, 1, Shop, "platform-a/\x07", false},
	{L, 1, Shop, "platform-a/" + strings.Repeat("1", 129), false},
	{L, 1, "name", "张三", false},
}

func TestTagVectors(t *testing.T) {
	if *update {
		var out []tagVector
		for _, in := range tagInputs {
			k := testKey(in.epoch)
			v := tagVector{Chain: testChain, List: in.list, Epoch: in.epoch, Key: hex.EncodeToString(k[:]), Type: in.typ, ID: in.id}
			if in.good {
				var err error
				if v.Normal, err = Normal(in.typ, in.id); err != nil {
					t.Fatal(in.id, err)
				}
				if v.Tag, err = testTagger(t, in.list, in.epoch, in.typ).Tag([]byte(in.id)); err != nil {
					t.Fatal(err)
				}
			}
			out = append(out, v)
		}
		writeVectors(t, "tags.json", out)
	}
	var vs []tagVector
	readVectors(t, "tags.json", &vs)
	if len(vs) != len(tagInputs) {
		t.Errorf("%d vectors, want %d", len(vs), len(tagInputs))
	}
	for _, v := range vs {
		normal, err := Normal(v.Type, v.ID)
		if v.Tag.IsZero() {
			if !errors.Is(err, ErrIdentifier) || strings.Contains(fmt.Sprint(err), v.ID) && v.ID != "" {
				t.Errorf("%s %q: %v", v.Type, v.ID, err)
			}
			continue
		}
		k, _ := hex.DecodeString(v.Key)
		g, gerr := NewTagger(Epoch{v.Chain, v.List, v.Epoch}, Key(k), v.Type)
		if gerr != nil {
			t.Fatal(gerr)
		}
		tag, terr := g.Tag([]byte(v.ID))
		if err != nil || terr != nil || normal != v.Normal || tag != v.Tag {
			t.Errorf("%s %q: %q %s, %v %v", v.Type, v.ID, normal, tag, err, terr)
		}
	}
}

// A sealedVector is a sealed copy, the secret of its account, and the key in it
// or why it does not open.
type sealedVector struct {
	Name   string     `json:"name"`
	Type   tx.KeyType `json:"type"`
	Secret string     `json:"secret"` // hex, of the account
	File   string     `json:"file"`
	Key    string     `json:"key,omitempty"`   // hex
	Error  string     `json:"error,omitempty"` // file, account, open, commitment
}

func makeSealed(t *testing.T) (out []sealedVector) {
	secret := bytes.Repeat([]byte{7}, 32)
	for _, typ := range []tx.KeyType{tx.Secp256k1, tx.SM2} {
		to, err := tx.NewPrivateKey(typ, secret)
		if err != nil {
			t.Fatal(err)
		}
		key := testKey(3)
		seal := func() *Sealed {
			s, err := Seal(testEpoch(L, 3), key, to.Public())
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		add := func(name, why string, s *Sealed) {
			v := sealedVector{Name: name, Type: typ, Secret: hex.EncodeToString(secret), File: string(s.Encode()), Error: why}
			if why == "" {
				v.Key = hex.EncodeToString(key[:])
			}
			out = append(out, v)
		}
		add("good", "", seal())
		s := seal()
		s.Epoch.Number = 4
		add("moved to another epoch", "open", s)
		s = seal()
		s.Epoch.List = tx.NegativeIndex
		add("moved to another list", "open", s)
		s = seal()
		s.Epoch.Chain = "zhenglian-other"
		add("moved to another chain", "open", s)
		s = seal()
		s.Sealed[len(s.Sealed)-1] ^= 1
		add("tampered at its end", "open", s)
		s = seal()
		s.Sealed[70] ^= 1
		add("tampered in the middle", "open", s)
		s = seal()
		s.Sealed = s.Sealed[:40]
		add("cut off", "open", s)
		s = seal()
		s.Sealed = nil
		add("nothing in it", "open", s)
		s = seal()
		s.Commitment[0] ^= 1
		add("another commitment", "commitment", s)
		s = seal()
		s.Account[0] ^= 1
		add("of another account", "account", s)
		s = seal()
		b := string(s.Encode())
		for name, bad := range map[string]string{
			"unknown member": strings.Replace(b, `{"account"`, `{"a":1,"account"`, 1), "version": strings.Replace(b, `"v":1}`, `"v":2}`, 1),
			"epoch 0": strings.Replace(b, `"epoch":3`, `"epoch":0`, 1), "no such list": strings.Replace(b, L.String(), "blacklist", 1),
			"white space": strings.Replace(b, `,`, `, `, 1), "something follows": b + "x",
		} {
			out = append(out, sealedVector{Name: name, Type: typ, Secret: hex.EncodeToString(secret), File: bad, Error: "file"})
		}
	}
	return out
}

func TestSealedVectors(t *testing.T) {
	if *update {
		writeVectors(t, "sealed.json", makeSealed(t))
	}
	var vs []sealedVector
	readVectors(t, "sealed.json", &vs)
	if want := len(makeSealed(t)); len(vs) != want {
		t.Errorf("%d vectors, want %d", len(vs), want)
	}
	for _, v := range vs {
		secret, _ := hex.DecodeString(v.Secret)
		with, err := tx.NewPrivateKey(v.Type, secret)
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseSealed([]byte(v.File))
		if (err != nil) != (v.Error == "file") {
			t.Errorf("%s, %s: %v", v.Type, v.Name, err)
		}
		if err != nil {
			continue
		}
		if string(s.Encode()) != v.File {
			t.Errorf("%s, %s: written as %s", v.Type, v.Name, s.Encode())
		}
		k, err := s.Open(with)
		want := map[string]error{"": nil, "open": ErrSealed, "account": ErrNotFor, "commitment": ErrCommitment}[v.Error]
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s, %s: got %v, want %v", v.Type, v.Name, err, want)
		}
		if err == nil && hex.EncodeToString(k[:]) != v.Key || err != nil && k != (Key{}) {
			t.Errorf("%s, %s: another key", v.Type, v.Name)
		}
	}
}

func TestSealNeedsKeyThatDecrypts(t *testing.T) {
	k, err := tx.GenerateKey(tx.MLDSA65)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Seal(testEpoch(L, 1), testKey(1), k.Public()); !errors.Is(err, ErrCannotSeal) {
		t.Errorf("got %v", err)
	}
	key := testKey(1)
	if s := fmt.Sprintf("%v %+v %#v %s", key, key, key, key); strings.Contains(s, "0x") || strings.Contains(s, fmt.Sprint(key[0])+" ") {
		t.Errorf("a key prints itself: %s", s)
	}
}

// A copyVector is a snapshot, or a delta to it, with the trust root.
type copyVector struct {
	Name     string   `json:"name"`
	Trust    string   `json:"trust"`
	List     tx.List  `json:"list"`
	Snapshot string   `json:"snapshot"` // hex
	Delta    string   `json:"delta,omitempty"`
	Height   int64    `json:"height,omitempty"`
	Rows     []string `json:"rows,omitempty"` // tag and value
	Error    string   `json:"error,omitempty"`
}

var copyErrors = map[string]error{"": nil, "file": ErrFile, "proof": ErrProof, "list": ErrWrongList, "base": ErrBase}

func (v *copyVector) read() (*Set, error) {
	trust, err := receipt.ParseTrust([]byte(v.Trust))
	if err != nil {
		return nil, err
	}
	b, _ := hex.DecodeString(v.Snapshot)
	s, err := ReadSnapshot(bytes.NewReader(b), v.List, trust)
	if err != nil || v.Delta == "" {
		return s, err
	}
	b, _ = hex.DecodeString(v.Delta)
	return s.Apply(bytes.NewReader(b), trust)
}

func (v *copyVector) rows(s *Set) (rows []string) {
	for tag, e := range s.All() {
		rows = append(rows, tag.String()+" "+string(e.Encode()))
	}
	return rows
}

func makeCopies(t *testing.T) (out []copyVector) {
	c := newChain(t)
	g := testTagger(t, L, 1, USCC)
	c.fill(L, g, 0, 5)
	c.block(func(put func(k, v []byte)) {
		put(row.SubjectKey(L, g.tag([]byte(uscc(1)))), nil)
		put(row.SubjectKey(L, g.tag([]byte(uscc(2)))), append(subjectOf(2), subjectOf(9)...).Encode())
		put(row.SubjectKey(L, g.tag([]byte(uscc(7)))), subjectOf(7).Encode())
	})
	add := func(name, why string, l tx.List, snapshot, delta []byte) {
		out = append(out, copyVector{Name: name, Trust: string(c.trust.Encode()), List: l, Snapshot: hex.EncodeToString(snapshot), Delta: hex.EncodeToString(delta), Error: why})
	}
	one, two := c.snapshot(1, L), c.snapshot(2, L)
	add("snapshot", "", L, one, nil)
	add("snapshot of the next height", "", L, two, nil)
	add("delta to it", "", L, one, c.delta(1, 2, L))
	add("empty list", "", tx.IndustryNotice, c.snapshot(1, tx.IndustryNotice), nil)
	add("of another list", "list", tx.NegativeIndex, one, nil)
	add("cut off", "file", L, one[:len(one)-2], nil)
	add("something follows", "file", L, append(bytes.Clone(one), 1), nil)
	add("delta from another height", "base", L, two, c.delta(1, 2, L))
	add("delta cut off", "file", L, one, c.delta(1, 2, L)[:500])
	flipped := bytes.Clone(one)
	flipped[bytes.Index(one, []byte("zhenglian-test"))+60] ^= 1
	add("a root changed", "proof", L, flipped, nil)
	return out
}

func TestCopyVectors(t *testing.T) {
	if *update {
		vs := makeCopies(t)
		for i := range vs {
			if s, err := vs[i].read(); err == nil {
				vs[i].Height, vs[i].Rows = s.Head().Height, vs[i].rows(s)
			}
		}
		writeVectors(t, "copies.json", vs)
	}
	var vs []copyVector
	readVectors(t, "copies.json", &vs)
	if want := len(makeCopies(t)); len(vs) != want {
		t.Errorf("%d vectors, want %d", len(vs), want)
	}
	for _, v := range vs {
		s, err := v.read()
		if want := copyErrors[v.Error]; !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: got %v, want %q", v.Name, err, v.Error)
			continue
		}
		if err == nil && (s.Head().Height != v.Height || fmt.Sprint(v.rows(s)) != fmt.Sprint(v.Rows)) {
			t.Errorf("%s: height %d, rows %v", v.Name, s.Head().Height, v.rows(s))
		}
	}
}

func FuzzSnapshot(f *testing.F) {
	var vs []copyVector
	b, err := os.ReadFile(filepath.Join(vectorDir, "copies.json"))
	if err != nil {
		f.Fatal(err)
	}
	if err := json.Unmarshal(b, &vs); err != nil {
		f.Fatal(err)
	}
	for _, v := range vs {
		s, _ := hex.DecodeString(v.Snapshot)
		d, _ := hex.DecodeString(v.Delta)
		f.Add(s, d)
	}
	trust, err := receipt.ParseTrust([]byte(vs[0].Trust))
	if err != nil {
		f.Fatal(err)
	}
	base, err := vs[0].read()
	if err != nil {
		f.Fatal(err)
	}
	roots := map[tx.Digest]string{}
	for _, v := range vs {
		if s, err := v.read(); err == nil && v.List == L {
			roots[s.Head().StateRoot] = fmt.Sprint(v.rows(s))
		}
	}
	f.Fuzz(func(t *testing.T, snapshot, delta []byte) {
		check := func(s *Set, err error) {
			if err != nil {
				return
			}
			if want, ok := roots[s.Head().StateRoot]; !ok || fmt.Sprint(vs[0].rows(s)) != want {
				t.Fatalf("rows that no validator signed: %v", vs[0].rows(s))
			}
		}
		check(ReadSnapshot(bytes.NewReader(snapshot), L, trust))
		check(base.Apply(bytes.NewReader(delta), trust))
	})
}

func FuzzSealed(f *testing.F) {
	var vs []sealedVector
	b, err := os.ReadFile(filepath.Join(vectorDir, "sealed.json"))
	if err != nil {
		f.Fatal(err)
	}
	if err := json.Unmarshal(b, &vs); err != nil {
		f.Fatal(err)
	}
	with := map[tx.KeyType]*tx.PrivateKey{}
	for _, v := range vs {
		f.Add([]byte(v.File))
		secret, _ := hex.DecodeString(v.Secret)
		if with[v.Type], err = tx.NewPrivateKey(v.Type, secret); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseSealed(b)
		if err != nil {
			return
		}
		if again := s.Encode(); !bytes.Equal(again, bytes.TrimSuffix(b, []byte("\n"))) {
			t.Errorf("%q was read and is written %q", b, again)
		}
		for _, k := range with {
			if key, err := s.Open(k); err == nil && key.Commitment(s.Epoch) != s.Commitment {
				t.Error("opened, and it is another key")
			}
		}
	})
}

func FuzzNormal(f *testing.F) {
	for _, in := range tagInputs {
		f.Add(string(in.typ), in.id)
	}
	f.Fuzz(func(t *testing.T, typ, id string) {
		n, err := Normal(Type(typ), id)
		if err != nil {
			return
		}
		if again, err := Normal(Type(typ), n); err != nil || again != n {
			t.Errorf("%q is normal as %q, which is normal as %q, %v", id, n, again, err)
		}
	})
}
