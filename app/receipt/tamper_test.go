package receipt

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenglian/app/batch"
	"zhenglian/app/tx"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/cometbft/cometbft/light"
	"github.com/cometbft/cometbft/light/provider"
	"github.com/cometbft/cometbft/light/provider/mock"
	dbs "github.com/cometbft/cometbft/light/store/db"
	"github.com/cometbft/cometbft/types"
)

// Every byte matters: whichever is changed, the receipt is no longer verified.
// There are no exceptions.
func TestEveryByteMatters(t *testing.T) {
	l, r := sample(t)
	for name, good := range map[string][]byte{"JSON": toJSON(t, r), "CBOR": toCBOR(t, r), "compact JSON": toJSON(t, r.Compact()), "compact CBOR": toCBOR(t, r.Compact())} {
		if Verify(good, l.trust, Options{}).Verdict == NotVerified {
			t.Fatalf("%s: the receipt itself is not verified", name)
		}
		for i := range good {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << (i % 8)
			if rep := Verify(bad, l.trust, Options{}); rep.Verdict != NotVerified {
				t.Fatalf("%s: byte %d changed from %q to %q goes unnoticed", name, i, good[i], bad[i])
			}
		}
		for _, cut := range []int{0, 1, len(good) / 2, len(good) - 1} {
			if Verify(good[:cut], l.trust, Options{}).Verdict != NotVerified {
				t.Errorf("%s: verified when cut to %d bytes", name, cut)
			}
		}
		if Verify(append(bytes.Clone(good), 0), l.trust, Options{}).Verdict != NotVerified {
			t.Errorf("%s: verified with a byte behind it", name)
		}
	}
}

func TestTampered(t *testing.T) {
	l, good := sample(t)
	other := l.receipt(l.Must(l.Seal(99)))
	for _, c := range []struct {
		name   string
		change func(r *Receipt)
		want   string // a check that must fail
	}{
		{"path swapped", func(r *Receipt) { slices.Reverse(r.Path) }, "inclusion"},
		{"path cut off", func(r *Receipt) { r.Path = r.Path[1:] }, "inclusion"},
		{"path too long", func(r *Receipt) { r.Path = append(r.Path, tx.Digest{}) }, "inclusion"},
		{"neighbour's number", func(r *Receipt) { r.Entry.Seq ^= 1 }, "inclusion"},
		{"number past the log", func(r *Receipt) { r.Entry.Seq = r.LogSize }, "inclusion"},
		{"another height", func(r *Receipt) { r.Entry.Height-- }, "inclusion"},
		{"another height for block and entry", func(r *Receipt) { r.Entry.Height--; r.Block.Header.Height-- }, "quorum"},
		{"another envelope", func(r *Receipt) { r.Entry.Envelope = other.Entry.Envelope }, "inclusion"},
		{"another log", func(r *Receipt) { r.LogSize, r.LogRoot, r.Path = other.LogSize, other.LogRoot, other.Path }, "apphash"},
		{"another state root", func(r *Receipt) { r.StateRoot[0] ^= 1 }, "apphash"},
		{"another block", func(r *Receipt) { r.Block = other.Block }, "quorum"},
		{"another header", func(r *Receipt) { r.Block.Header = other.Block.Header }, "quorum"},
		{"another commit", func(r *Receipt) { r.Block.Commit = other.Block.Commit }, "quorum"},
		{"time moved", func(r *Receipt) { r.Block.Header.Time.Sec-- }, "quorum"},
		{"time of a vote moved", func(r *Receipt) { r.Block.Commit.Signatures[0].Time.Nano++ }, "quorum"},
		{"another round", func(r *Receipt) { r.Block.Commit.Round++ }, "quorum"},
		{"validators exchanged", func(r *Receipt) {
			s := r.Block.Commit.Signatures
			s[0].Sig, s[1].Sig = s[1].Sig, s[0].Sig
		}, "quorum"},
		{"unknown validator", func(r *Receipt) { r.Block.Commit.Signatures[2].Validator = 4 }, "quorum"},
		{"rows of another statement", func(r *Receipt) { r.Rows = other.Rows }, "state"},
		{"a row of another state", func(r *Receipt) { r.Rows[0] = prove(t, l.at(1), r.Rows[0].Key); r.Rows[0].Proof[20] ^= 1 }, "state"},
		{"a row left out", func(r *Receipt) { r.Rows = r.Rows[:len(r.Rows)-1] }, "state"},
		{"a row twice", func(r *Receipt) { r.Rows = append(r.Rows, r.Rows[0]) }, "state"},
		{"rows in another order", func(r *Receipt) { slices.Reverse(r.Rows) }, "state"},
		{"a value changed", func(r *Receipt) {
			r.Rows[0].Value = bytes.Replace(r.Rows[0].Value, []byte("regulator"), []byte("producer"), 1)
		}, "state"},
		{"a value presented as absent", func(r *Receipt) { r.Rows[0].Value = nil }, "state"},
		{"chain renamed", func(r *Receipt) { r.Chain = "zhenglian-other" }, "statement"},
		{"header's chain renamed", func(r *Receipt) { r.Block.Header.ChainID = "zhenglian-other" }, "quorum"},
	} {
		r := clone(t, good)
		c.change(r)
		b, err := r.EncodeJSON()
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		rep := Verify(b, l.trust, Options{})
		if rep.Verdict != NotVerified || rep.Check(c.want).Result != Fail {
			t.Errorf("%s: %s, failing %v, want %s", c.name, rep.Verdict, failing(rep), c.want)
		}
	}
}

// An item of trace.events is one event of those that it anchors.
func TestEventItem(t *testing.T) {
	l, _ := sample(t)
	leaf := tx.Digest{1}
	tree, err := batch.Build(bytes.Join([][]byte{make([]byte, 32), leaf[:], bytes.Repeat([]byte{2}, 32)}, nil))
	if err != nil {
		t.Fatal(err)
	}
	good := l.receipt(l.Must(l.Sign(l.Statement("hangzhou-amr", tx.TraceEvents, tx.ID{}, &tx.Events{Count: 3, Root: tree.Root()}), "officer1")))
	good.Item = &Item{Index: 1, SHA256: leaf, Path: tree.Path(1)}
	rep := Verify(toJSON(t, good), l.trust, Options{})
	if rep.Verdict != Verified || *rep.Facts.Item != (ItemFact{1, 3, leaf}) {
		t.Fatalf("%s, failing %v", rep.Verdict, failing(rep))
	}
	for _, f := range []func(*Receipt){func(r *Receipt) { r.Item.Index = 2 }, func(r *Receipt) { r.Item.SHA256[0] ^= 1 }, func(r *Receipt) { r.Item.Path = r.Item.Path[1:] }} {
		bad := clone(t, good)
		f(bad)
		if rep := Verify(toJSON(t, bad), l.trust, Options{}); rep.Verdict != NotVerified || !slices.Contains(failing(rep), "file") {
			t.Errorf("%s, failing %v", rep.Verdict, failing(rep))
		}
	}
}

// An item of a batch: its place, its digest and its path belong together, and to
// the batch.
func TestTamperedItem(t *testing.T) {
	l, capture := sample(t)
	p := page()
	tree, err := batch.Build(bytes.Join([][]byte{make([]byte, 32), p.SHA256[:], bytes.Repeat([]byte{2}, 32)}, nil))
	if err != nil {
		t.Fatal(err)
	}
	good := l.receipt(l.Must(l.Sign(l.Statement("hangzhou-amr", tx.EvidenceBatch, tx.ID{}, l.Batch(3, tree.List(), tree.Root())), "officer1", "officer2", "city")))
	good.Item = &Item{Index: 1, SHA256: p.SHA256, Path: tree.Path(1)}
	files := []FileDigests{p}
	rep := Verify(toJSON(t, good), l.trust, Options{Files: files})
	if rep.Verdict != Verified || rep.Facts.Item == nil || rep.Facts.Item.Count != 3 {
		t.Fatalf("%s, failing %v", rep.Verdict, failing(rep))
	}
	for _, c := range []struct {
		name   string
		change func(r *Receipt)
		files  []FileDigests
	}{
		{"another digest", func(r *Receipt) { r.Item.SHA256[0] ^= 1 }, nil},
		{"the digest of another file", func(r *Receipt) { r.Item = &Item{Index: 2, SHA256: tree.Digest(2), Path: tree.Path(2)} }, files},
		{"another place", func(r *Receipt) { r.Item.Index = 0 }, nil},
		{"a place past the end", func(r *Receipt) { r.Item.Index = 3 }, nil},
		{"a path cut off", func(r *Receipt) { r.Item.Path = r.Item.Path[:1] }, nil},
		{"a path too long", func(r *Receipt) { r.Item.Path = append(r.Item.Path, tx.Digest{}) }, nil},
		{"no item", func(r *Receipt) { r.Item = nil }, files},
		{"a statement that is no batch", func(r *Receipt) { x := r.Item; *r = *clone(t, capture); r.Item = x }, nil},
	} {
		r := clone(t, good)
		c.change(r)
		rep := Verify(toJSON(t, r), l.trust, Options{Files: c.files})
		if rep.Verdict != NotVerified || rep.Check("file").Result != Fail {
			t.Errorf("%s: %s, failing %v", c.name, rep.Verdict, failing(rep))
		}
	}
}

func TestMalformed(t *testing.T) {
	l, good := sample(t)
	for name, change := range map[string]func(r *Receipt){
		"a validator twice":             func(r *Receipt) { r.Block.Commit.Signatures[1] = r.Block.Commit.Signatures[0] },
		"validators out of order":       func(r *Receipt) { slices.Reverse(r.Block.Commit.Signatures) },
		"no signature":                  func(r *Receipt) { r.Block.Commit.Signatures = nil },
		"short signature":               func(r *Receipt) { r.Block.Commit.Signatures[0].Sig = []byte{1} },
		"short hash":                    func(r *Receipt) { r.Block.Header.DataHash = r.Block.Header.DataHash[1:] },
		"empty proof":                   func(r *Receipt) { r.Rows[0].Proof = nil },
		"value that is no text":         func(r *Receipt) { r.Rows[0].Value = []byte{0xff} },
		"version 2":                     func(r *Receipt) { r.V = 2 },
		"envelope cut off":              func(r *Receipt) { r.Entry.Envelope = r.Entry.Envelope[:40] },
		"later without being so":        func(r *Receipt) { r.Later = l.later(good, l.Height).Later; r.Later.Height = r.Entry.Height },
		"later without rows":            func(r *Receipt) { r.Later = l.later(good, l.Height).Later; r.Later.Rows = nil },
		"log size over 2^53":            func(r *Receipt) { r.LogSize = 1 << 60 },
		"index of an item past a batch": func(r *Receipt) { r.Item = &Item{Index: tx.MaxBatch} },
		"height below 1":                func(r *Receipt) { r.Entry.Height = 0 },
		"time before 1970":              func(r *Receipt) { r.Block.Header.Time.Sec = -1 },
		"nanoseconds over a bound":      func(r *Receipt) { r.Block.Header.Time.Nano = 1e9 },
	} {
		r := clone(t, good)
		change(r)
		if b, err := r.EncodeJSON(); err == nil {
			t.Errorf("%s: encoded as JSON", name)
			if Verify(b, l.trust, Options{}).Verdict != NotVerified {
				t.Errorf("%s: verified", name)
			}
		}
		b, err := oracleOut.Marshal(r) // without the checks of EncodeCBOR
		if err != nil {
			t.Fatal(err)
		}
		if rep := Verify(b, l.trust, Options{}); rep.Check("package").Result != Fail {
			t.Errorf("%s: the CBOR form is accepted: %s", name, rep.Verdict)
		}
	}
}

func TestJSONForms(t *testing.T) {
	l, r := sample(t)
	good := toJSON(t, r)
	var indented bytes.Buffer
	if err := json.Indent(&indented, good, "", "\t"); err != nil {
		t.Fatal(err)
	}
	indented.WriteString("\n")
	if rep := Verify(indented.Bytes(), l.trust, Options{}); rep.Verdict != Verified {
		t.Errorf("indented: %s", rep.Check("package").Sentence.EN)
	}
	s := string(good)
	for name, bad := range map[string]string{
		"unknown member":        strings.Replace(s, `"v":1}`, `"v":1,"w":1}`, 1),
		"member twice":          strings.Replace(s, `"v":1}`, `"v":1,"v":1}`, 1),
		"unknown inner member":  strings.Replace(s, `"round":0`, `"round":0,"rounds":0`, 1),
		"members out of order":  strings.Replace(s, `"height":7,"seq":5`, `"seq":5,"height":7`, 1),
		"upper-case hex":        strings.Replace(s, `"app_hash":"`+s[strings.Index(s, `"app_hash":"`)+12:][:64], `"app_hash":"`+strings.ToUpper(s[strings.Index(s, `"app_hash":"`)+12:][:64]), 1),
		"exponent":              strings.Replace(s, `"v":1}`, `"v":1e0}`, 1),
		"null rows":             strings.Replace(s, `"v":1}`, `"v":null}`, 1),
		"trailing object":       s + "{}",
		"byte order mark":       "\xef\xbb\xbf" + s,
		"time with another dot": strings.Replace(s, ".123456789Z", ",123456789Z", 1),
		"escaped letter":        strings.Replace(s, `"zhenglian-test"`, `"\u007ahenglian-test"`, 1),
	} {
		if bad == s {
			t.Errorf("%s: the case changes nothing", name)
		}
		if rep := Verify([]byte(bad), l.trust, Options{}); rep.Check("package").Result != Fail {
			t.Errorf("%s: accepted, %s", name, rep.Verdict)
		}
	}
}

// A receipt survives programs that handle it as JSON, whatever names are in it.
func TestThroughEncodingJSON(t *testing.T) {
	l, r := sample(t)
	r = l.rebuild(r, func(_, v []byte) []byte {
		return bytes.Replace(v, []byte("Hangzhou"), []byte("<Hang & zhou>\u2028\\\\u003c"), 1)
	})
	want := toJSON(t, r)
	b, err := json.Marshal(map[string]any{"receipt": r})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte("<")) {
		t.Fatal("encoding/json no longer escapes: the test has lost its point")
	}
	var in struct{ Receipt json.RawMessage }
	if err := json.Unmarshal(b, &in); err != nil {
		t.Fatal(err)
	}
	if rep := Verify(in.Receipt, l.trust, Options{}); rep.Verdict != Verified {
		t.Errorf("raw: %s", rep.Text(EN))
	}
	var typed struct{ Receipt *Receipt }
	if err := json.Unmarshal(b, &typed); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(toJSON(t, typed.Receipt), want) {
		t.Error("typed: the receipt has changed")
	}
}

func TestRoundTrip(t *testing.T) {
	l, r := sample(t)
	for _, r := range []*Receipt{r, r.Compact(), l.later(r, l.Height)} {
		j, err := Parse(toJSON(t, r))
		if err != nil {
			t.Fatal(err)
		}
		c, err := Parse(toCBOR(t, j))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(toJSON(t, c), toJSON(t, r)) || !bytes.Equal(toCBOR(t, c), toCBOR(t, r)) {
			t.Error("an encoding loses something")
		}
	}
}

// Two thirds exactly is not more than two thirds.
func TestExactlyTwoThirds(t *testing.T) {
	l, r := sample(t)
	for _, c := range []struct {
		powers []int64
		voters int
		ok     bool
	}{
		{[]int64{10, 10, 10}, 2, false}, {[]int64{10, 10, 10}, 3, true}, {[]int64{4, 1, 1}, 1, false}, {[]int64{5, 1, 1}, 1, true},
		{[]int64{1}, 1, true}, {[]int64{10, 10, 10, 10}, 2, false}, {[]int64{10, 10, 10, 10}, 3, true},
	} {
		l.set, l.signers = fixedSet(c.powers...)
		trust := fromSet(t, l.trust.Chain, l.set)
		h := l.header(r.Entry.Height + 1)
		commit := signHeader(t, h, l.set, l.signers, 0, types.PartSetHeader{Total: 1, Hash: bytes.Repeat([]byte{1}, 32)}, func(i int) types.BlockIDFlag {
			if i < c.voters {
				return types.BlockIDFlagCommit
			}
			return types.BlockIDFlagAbsent
		})
		n := clone(t, r)
		n.Block = SignedBlock{Header: fromHeader(h), Commit: fromCommit(commit)}
		rep := Verify(toJSON(t, n), trust, Options{})
		if (rep.Check("quorum").Result == Pass) != c.ok {
			t.Errorf("%d of %v: %s", c.voters, c.powers, rep.Check("quorum").Sentence.EN)
		}
		if err := l.set.VerifyCommitLight(h.ChainID, commit.BlockID, h.Height, commit); (err == nil) != c.ok {
			t.Errorf("%d of %v: CometBFT says %v", c.voters, c.powers, err)
		}
	}
}

// A validator that signs twice counts once, also where no encoding came before.
func TestValidatorCountsOnce(t *testing.T) {
	l, r := sample(t)
	b := r.Block
	b.Commit.Signatures = []Signature{b.Commit.Signatures[0], b.Commit.Signatures[0], b.Commit.Signatures[0]}
	if signed, err := b.verify(l.trust, b.Header.Height); err == nil || signed > 10 {
		t.Errorf("one validator thrice: %d votes, %v", signed, err)
	}
}

// A real light client that trusts the first block accepts the header on which
// the receipt rests, and refuses it where the verifier does.
func TestLightClientAgrees(t *testing.T) {
	l, r := sample(t)
	height := r.Entry.Height + 1
	headers := map[int64]*types.SignedHeader{}
	sets := map[int64]*types.ValidatorSet{}
	for _, h := range []int64{2, height} {
		header := l.header(h)
		headers[h] = &types.SignedHeader{Header: header, Commit: signHeader(t, header, l.set, l.signers, 0, types.PartSetHeader{Total: 1, Hash: header.DataHash}, func(i int) types.BlockIDFlag {
			return types.BlockIDFlagCommit
		})}
		sets[h] = l.set
	}
	follow := func() error {
		p := mock.New(l.trust.Chain, headers, sets)
		c, err := light.NewClient(context.Background(), l.trust.Chain, light.TrustOptions{Period: time.Hour, Height: 2, Hash: headers[2].Hash()}, p, []provider.Provider{p}, dbs.New(dbm.NewMemDB(), "light"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.VerifyLightBlockAtHeight(context.Background(), height, l.header(height).Time.Add(time.Minute))
		return err
	}
	check := func() error {
		b := SignedBlock{Header: fromHeader(headers[height].Header), Commit: fromCommit(headers[height].Commit)}
		_, err := b.verify(l.trust, height)
		return err
	}
	if err := follow(); err != nil {
		t.Errorf("light client: %v", err)
	}
	if err := check(); err != nil {
		t.Errorf("verifier: %v", err)
	}
	headers[height].Commit.Signatures[0].Signature[3] ^= 1
	if follow() == nil || check() == nil {
		t.Error("a bad signature is accepted")
	}
}
