package receipt

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"zhenglian/app/batch"
	"zhenglian/app/row"
	"zhenglian/app/tx"
)

var update = flag.Bool("update", false, "write testdata/vectors again")

const vectorDir = "testdata/vectors"

// A vector is one line of testdata/vectors/vectors.json: what is asked about a
// receipt, under trust.json beside it, and what every implementation answers.
type vector struct {
	Receipt string       `json:"receipt"`           // file name
	WantID  *tx.ID       `json:"want_id,omitempty"` // statement that is asked for
	File    *FileDigests `json:"file,omitempty"`    // file that is compared
	Verdict Verdict      `json:"verdict"`
	Failing []string     `json:"failing"` // ids of the checks that fail
	Why     string       `json:"why"`
	Outcome Outcome      `json:"outcome"`
}

// forge makes a receipt for an envelope that the ledger never accepted, in a
// chain that its validators really signed: it shows which check stands between
// such validators and the court.
func (l *ledger) forge(r *Receipt, e *tx.Envelope) *Receipt {
	l.T.Helper()
	c := clone(l.T, r)
	c.Entry.Envelope = e.AppendWire(nil)
	c.LogRoot = leafHash(c.Entry.Height, c.Entry.Envelope)
	c.Entry.Seq, c.LogSize, c.Path = 0, 1, nil
	return l.rebuild(c, func(_, v []byte) []byte { return v })
}

// forked gives r a later state of the same size, whose log is another, and which
// the validators signed as well.
func (l *ledger) forked(r *Receipt) *Receipt {
	c := clone(l.T, l.later(r, l.Height))
	c.Later.LogSize, c.Later.LogRoot = c.LogSize, tx.Digest{7}
	root := appHash(c.Later.LogSize, c.Later.LogRoot, c.Later.StateRoot)
	h := l.header(c.Later.Height + 1)
	h.AppHash = root[:]
	c.Later.Block = l.sign(h)
	return c
}

func (l *ledger) vectors() (files map[string][]byte, index []vector) {
	t := l.T
	for i := range 5 {
		l.Must(l.Seal(i))
	}
	id := l.Must(l.Sign(l.capture(), "officer1", "officer2", "city"))
	gone := l.Must(l.Seal(20))
	l.Must(l.Sign(l.Statement("hangzhou-amr", tx.EvidenceWithdraw, gone, &tx.Withdraw{Reason: "mistake"}), "officer1", "officer2"))
	half := l.Must(l.Sign(l.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, l.Evidence(21)), "officer1", "officer2"))
	l.Must(l.Sign(l.Statement("platform-a", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: half, Type: tx.Served}), "platform"))
	for i := range 4 {
		l.Must(l.Seal(30 + i))
	}
	good := l.receipt(id)
	p := page()

	files = map[string][]byte{"trust.json": l.trust.Encode(), p.Name: pageBytes}
	add := func(v vector, b []byte) {
		files[v.Receipt] = b
		if v.Failing == nil {
			v.Failing = []string{}
		}
		index = append(index, v)
	}
	add(vector{"good.receipt.json", &id, &p, Verified, nil, "a capture with every signature, and its file", ""}, toJSON(t, good))
	add(vector{"good.receipt.cbor", &id, &p, Verified, nil, "the same in the other encoding", ""}, toCBOR(t, good))
	add(vector{"compact.receipt.cbor", &id, &p, Warned, nil, "the same without the state", ""}, toCBOR(t, good.Compact()))
	add(vector{"withdrawn.receipt.json", &gone, nil, Warned, nil, "withdrawn later", ""}, toJSON(t, l.later(l.receipt(gone), l.Height)))
	add(vector{"pending.receipt.json", &half, nil, NotVerified, []string{"policy"}, "waits for a signature", ""}, toJSON(t, l.receipt(half)))
	add(vector{"endorsed.receipt.json", &half, nil, Verified, nil, "the signature came later", ""}, toJSON(t, l.later(l.receipt(half), l.Height)))

	tree, err := batch.Build(bytes.Join([][]byte{make([]byte, 32), p.SHA256[:], bytes.Repeat([]byte{2}, 32)}, nil))
	if err != nil {
		t.Fatal(err)
	}
	many := l.Must(l.Sign(l.Statement("hangzhou-amr", tx.EvidenceBatch, tx.ID{}, l.Batch(3, tree.List(), tree.Root())), "officer1", "officer2", "city"))
	item := l.receipt(many)
	add(vector{"batch.receipt.json", &many, nil, Verified, nil, "a batch of three digests", ""}, toJSON(t, item))
	item.Item = &Item{Index: 1, SHA256: p.SHA256, Path: tree.Path(1)}
	add(vector{"item.receipt.json", &many, &p, Verified, nil, "the second digest of the batch, and its file", ""}, toJSON(t, item))
	add(vector{"item.receipt.cbor", &many, &p, Verified, nil, "the same in the other encoding", ""}, toCBOR(t, item))
	wrong := clone(t, item)
	wrong.Item.Index = 0
	add(vector{"bad-item.receipt.json", &many, &p, NotVerified, []string{"file"}, "the place of another digest", ""}, toJSON(t, wrong))

	bad := func(check string, r *Receipt, why string) {
		add(vector{"bad-" + check + ".receipt.json", &id, &p, NotVerified, []string{check}, why, ""}, toJSON(t, r))
	}
	twice := bytes.Replace(toJSON(t, good), []byte(`,"v":1}`), []byte(`,"v":1,"v":1}`), 1)
	add(vector{"bad-package.receipt.json", &id, &p, NotVerified, []string{"package"}, "a member twice", ""}, twice)
	add(vector{"bad-request.receipt.json", &tx.ID{1}, &p, NotVerified, []string{"request"}, "another statement was asked for", ""}, toJSON(t, good))
	other := page()
	other.SHA256[31] ^= 1
	add(vector{"bad-file.receipt.json", &id, &other, NotVerified, []string{"file"}, "one bit of the file's digest differs", ""}, toJSON(t, good))

	s, err := tx.ParseStatement(mustEnvelope(t, good).Payload)
	if err != nil {
		t.Fatal(err)
	}
	foreign := *s
	foreign.Chain = "zhenglian-other"
	e := l.Sign(&foreign, "officer1", "officer2", "city")
	bad("statement", l.forge(good, e), "a statement for another chain")
	index[len(index)-1].WantID = new(tx.ID)
	*index[len(index)-1].WantID = e.ID()

	e = mustEnvelope(t, good)
	e.Signatures[1].Sig = bytes.Clone(e.Signatures[1].Sig)
	e.Signatures[1].Sig[5] ^= 1
	bad("signatures", l.forge(good, e), "one bit of a signature differs")

	key := row.AccountKey(l.Keys["officer2"].Public().Account())
	bad("accounts", l.rebuild(good, func(k, v []byte) []byte {
		if bytes.Equal(k, key) {
			a, _ := row.DecodeAccount(v)
			a.RevokedAt = good.Entry.Height
			return a.Encode()
		}
		return v
	}), "an account that was revoked when it signed")

	bad("policy", l.forge(good, l.Sign(s, "officer1", "officer2")), "accepted although nobody else co-signed")

	c := clone(t, good)
	c.Path = c.Path[:len(c.Path)-1]
	bad("inclusion", c, "the path is cut off")

	c = clone(t, good)
	c.Rows = rowsOf(t, l.at(l.Height), good.Entry)
	bad("state", c, "rows of another height")

	c = clone(t, good)
	h := l.header(good.Entry.Height + 1)
	h.AppHash = bytes.Repeat([]byte{7}, 32)
	c.Block = l.sign(h)
	bad("apphash", c, "the block confirms other roots")

	c = clone(t, good)
	c.Block.Commit.Signatures = c.Block.Commit.Signatures[:2]
	bad("quorum", c, "two of four validators signed")

	c = clone(t, l.later(good, l.Height))
	c.Later.Consistency[0][0] ^= 1
	bad("later", c, "the later log does not extend the receipt's")

	newer := bytes.Replace(toJSON(t, good), []byte(`,"v":1}`), []byte(`,"v":2}`), 1)
	add(vector{"bad-version.receipt.json", &id, &p, NotVerified, []string{"package"}, "of a version to come", ""}, newer)
	add(vector{"bad-fork.receipt.json", &id, &p, NotVerified, []string{"later"}, "the validators signed two logs of one size", ""}, toJSON(t, l.forked(good)))
	add(vector{"nofile.receipt.json", &id, nil, Verified, nil, "no file was given to compare", ""}, toJSON(t, good))
	return files, index
}

func mustEnvelope(t testing.TB, r *Receipt) *tx.Envelope {
	t.Helper()
	e, err := tx.ParseEnvelope(r.Entry.Envelope)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	trust, err := ParseTrust(read(t, "trust.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index []vector
	if err := json.Unmarshal(read(t, "vectors.json"), &index); err != nil {
		t.Fatal(err)
	}
	var witnessed []vector
	if err := json.Unmarshal(read(t, "witnessed.json"), &witnessed); err != nil {
		t.Fatal(err)
	}
	failed := map[string]bool{}
	policy, err := ParseWitnessPolicy(read(t, "witnesses.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range append(slices.Clone(index), witnessed...) {
		rep := verifyVector(t, trust, v)
		if i >= len(index) {
			rep = v.verify(read(t, v.Receipt), trust, policy)
		}
		if rep.Outcome != v.Outcome {
			t.Errorf("%s: outcome %s, want %s", v.Receipt, rep.Outcome, v.Outcome)
		}
		if rep.Verdict != v.Verdict || !slices.Equal(failing(rep), v.Failing) {
			t.Errorf("%s: %s, failing %v; want %s, %v\n%s", v.Receipt, rep.Verdict, failing(rep), v.Verdict, v.Failing, rep.Text(EN))
		}
		for _, id := range v.Failing {
			failed[id] = true
		}
	}
	for i := range checks {
		if !failed[checks[i].ID] {
			t.Errorf("no vector makes check %s fail", checks[i].ID)
		}
	}
	if got := page(); !bytes.Equal(read(t, got.Name), pageBytes) || got != *index[0].File {
		t.Error("the file beside the vectors is not the one that they name")
	}
	rep := verifyVector(t, trust, index[0])
	for name, got := range map[string][]byte{"good.report.json": rep.JSON(), "good.report.txt": []byte(rep.Text(Both))} {
		if !bytes.Equal(got, read(t, name)) {
			t.Errorf("%s: the report has changed; read the difference, then run with -update:\n%s", name, got)
		}
	}
}

func verifyVector(t *testing.T, trust *Trust, v vector) *Report {
	var o Options
	if v.WantID != nil {
		o.WantID = *v.WantID
	}
	if v.File != nil {
		o.Files = []FileDigests{*v.File}
	}
	return Verify(read(t, v.Receipt), trust, o)
}

func writeVectors(t *testing.T) {
	l := newLedger(t)
	files, index := l.vectors()
	for i := range index {
		v := &index[i]
		o := Options{}
		if v.WantID != nil {
			o.WantID = *v.WantID
		}
		if v.File != nil {
			o.Files = []FileDigests{*v.File}
		}
		v.Outcome = Verify(files[v.Receipt], l.trust, o).Outcome
	}
	b, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	files["vectors.json"] = append(b, '\n')
	rep := Verify(files[index[0].Receipt], l.trust, Options{WantID: *index[0].WantID, Files: []FileDigests{*index[0].File}})
	files["good.report.json"], files["good.report.txt"] = rep.JSON(), []byte(rep.Text(Both))
	for name, b := range l.witnessVectors(t) {
		files[name] = b
	}
	if err := os.MkdirAll(vectorDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(vectorDir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(vectorDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
