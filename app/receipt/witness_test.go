package receipt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"zhenglian/app/apptest"
	"zhenglian/app/tx"
)

// witnessKey is a key of a witness or a log, from its name.
func witnessKey(t testing.TB, name string, alg byte) (NoteKey, ed25519.PrivateKey) {
	t.Helper()
	seed := sha256.Sum256([]byte("apptest witness " + name))
	secret := ed25519.NewKeyFromSeed(seed[:])
	k, err := NewNoteKey(name, alg, secret.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return k, secret
}

func witnessName(who string) string { return who + ".example/w1" }

// cosign is what a witness answers.
func cosign(t testing.TB, who string, at int64, c Checkpoint) Cosignature {
	t.Helper()
	k, secret := witnessKey(t, witnessName(who), AlgWitness)
	id := k.id()
	sig := binary.BigEndian.AppendUint64(id[:], uint64(at))
	return Cosignature{k.Name(), append(sig, ed25519.Sign(secret, CosignedText(at, c.Text()))...)}
}

// logNote is a checkpoint, signed by the log.
func logNote(t testing.TB, c Checkpoint) []byte {
	t.Helper()
	k, secret := witnessKey(t, apptest.ChainID, AlgLog)
	id := k.id()
	line := Cosignature{k.Name(), append(id[:], ed25519.Sign(secret, []byte(c.Text()))...)}
	return []byte(c.Text() + "\n" + line.Line())
}

const policyText = `# two of three outside the ledger, one of them the court
log %s
witness court %s https://court.example/witness
witness notary %s
witness lab %s
group others any notary lab
group both all court others
quorum both
`

func policyFile(t testing.TB) []byte {
	k := func(name string, alg byte) NoteKey { k, _ := witnessKey(t, name, alg); return k }
	return fmt.Appendf(nil, policyText, k(apptest.ChainID, AlgLog), k(witnessName("court"), AlgWitness), k(witnessName("notary"), AlgWitness), k(witnessName("lab"), AlgWitness))
}

func witnessPolicy(t testing.TB) *WitnessPolicy {
	t.Helper()
	p, err := ParseWitnessPolicy(policyFile(t))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const witnessedAt = 1795449600 // 2026-11-23T16:00:00Z

// witnessed adds cosignatures of the log after a height.
func (l *ledger) witnessed(r *Receipt, height int64, who ...string) *Receipt {
	l.T.Helper()
	v := l.at(height)
	proof, err := v.Consistency(r.LogSize)
	if err != nil {
		l.T.Fatal(err)
	}
	c := clone(l.T, r)
	c.Witnessed = &Witnessed{LogSize: v.Head().LogSize, LogRoot: v.Head().LogRoot, Consistency: digests(proof)}
	for i, name := range who {
		c.Witnessed.Cosignatures = append(c.Witnessed.Cosignatures, cosign(l.T, name, witnessedAt+int64(i), c.Witnessed.Checkpoint(r.Chain)))
	}
	SortCosignatures(c.Witnessed.Cosignatures)
	return c
}

// headOf is the proof of the state and the log after a height.
func (l *ledger) headOf(height int64) *StateHead {
	h := l.at(height).Head()
	return &StateHead{V: Version, Chain: apptest.ChainID, Height: height, LogSize: h.LogSize, LogRoot: h.LogRoot, StateRoot: h.StateRoot, Block: l.sign(l.header(height + 1))}
}

// A fork is a second log of the ledger that the same validators signed: it has
// another entry in the place of one, and goes on from there.
type fork struct{ leaves []tlog.Hash }

func (l *ledger) fork(at uint64) *fork {
	l.T.Helper()
	f := new(fork)
	v := l.App.Store().View()
	for seq := range v.Head().LogSize {
		e, err := v.Entry(seq)
		if err != nil {
			l.T.Fatal(err)
		}
		f.leaves = append(f.leaves, tlog.Hash(leafHash(e.Height, e.Envelope)))
		if seq == at {
			f.leaves[seq] = tlog.RecordHash([]byte("another entry"))
		}
	}
	return f
}

func (f *fork) ReadHashes(at []int64) (out []tlog.Hash, err error) {
	var stored []tlog.Hash
	for i, h := range f.leaves {
		more, err := tlog.StoredHashesForRecordHash(int64(i), h, tlog.HashReaderFunc(func(at []int64) (out []tlog.Hash, err error) {
			for _, j := range at {
				out = append(out, stored[j])
			}
			return out, nil
		}))
		if err != nil {
			return nil, err
		}
		stored = append(stored, more...)
	}
	for _, i := range at {
		out = append(out, stored[i])
	}
	return out, nil
}

func (f *fork) root(t testing.TB, size uint64) tx.Digest {
	t.Helper()
	h, err := tlog.TreeHash(int64(size), f)
	if err != nil {
		t.Fatal(err)
	}
	return tx.Digest(h)
}

func (f *fork) consistency(t testing.TB, from, to uint64) (out []tx.Digest) {
	t.Helper()
	p, err := tlog.ProveTree(int64(to), int64(from), f)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range p {
		out = append(out, tx.Digest(h))
	}
	return out
}

// head is a head whose block the validators signed over the forked log.
func (l *ledger) forkedHead(f *fork, size uint64, height int64) *StateHead {
	h := l.headOf(height)
	h.LogSize, h.LogRoot = size, f.root(l.T, size)
	root := appHash(h.LogSize, h.LogRoot, h.StateRoot)
	header := l.header(height + 1)
	header.AppHash = root[:]
	h.Block = l.sign(header)
	return h
}

// verify is what a vector of witnessed.json comes to, under witnesses.txt beside it.
func (v *vector) verify(b []byte, trust *Trust, p *WitnessPolicy) *Report {
	if IsSplit(b) {
		return VerifySplit(b, trust, p)
	}
	o := Options{Witnesses: p}
	if v.WantID != nil {
		o.WantID = *v.WantID
	}
	return Verify(b, trust, o)
}

// witnessVectors are the files of witnessed.json: every outcome of question V8.
func (l *ledger) witnessVectors(t *testing.T) map[string][]byte {
	files := map[string][]byte{"witnesses.txt": policyFile(t)}
	var index []vector
	// Receipts are of the ledger's statements so far; the log goes on behind them.
	id := l.Must(l.Sign(l.capture(), "officer1", "officer2", "city"))
	for i := range 5 {
		l.Must(l.Seal(50 + i))
	}
	good := l.receipt(id)
	policy := witnessPolicy(t)
	add := func(name string, b []byte, verdict Verdict, why string, failing ...string) {
		v := vector{Receipt: name, Verdict: verdict, Failing: failing, Why: why}
		if failing == nil {
			v.Failing = []string{}
		}
		v.Outcome = v.verify(b, l.trust, policy).Outcome
		files[name] = b
		index = append(index, v)
	}
	both := l.witnessed(good, l.Height, "court", "notary")
	add("witnessed.receipt.json", toJSON(t, both), Verified, "cosigned by the court and the notary, a while later")
	add("witnessed.receipt.cbor", toCBOR(t, both), Verified, "the same in the other encoding")
	add("witnessed-same.receipt.json", toJSON(t, l.witnessed(good, good.Entry.Height, "court", "lab", "stranger")), Verified, "cosigned at the receipt's own size, also by a witness that the policy does not know")
	add("bad-witness-none.receipt.json", toJSON(t, good), NotVerified, "no cosignature at all", "witnesses")
	add("bad-witness-few.receipt.json", toJSON(t, l.witnessed(good, l.Height, "notary", "lab")), NotVerified, "two witnesses, but not the court", "witnesses")

	c := clone(t, both)
	c.Witnessed.Cosignatures[0].Sig[40] ^= 1
	add("bad-witness-signature.receipt.json", toJSON(t, c), NotVerified, "one bit of a cosignature differs", "witnesses")
	c = clone(t, both)
	c.Witnessed.Cosignatures[1].Sig[11] ^= 1
	add("bad-witness-time.receipt.json", toJSON(t, c), NotVerified, "one bit of its time differs", "witnesses")
	c = clone(t, both)
	c.Witnessed.Consistency = c.Witnessed.Consistency[1:]
	add("bad-witness-path.receipt.json", toJSON(t, c), NotVerified, "the consistency proof is cut off", "witnesses")
	c = clone(t, both)
	c.Witnessed.Cosignatures[0], c.Witnessed.Cosignatures[1] = c.Witnessed.Cosignatures[1], c.Witnessed.Cosignatures[0]
	w := tx.Writer{}
	c.write(&w)
	add("bad-witness-order.receipt.json", w.B, NotVerified, "cosignatures out of order", "package")

	f := l.fork(1)
	c = clone(t, good)
	c.Witnessed = &Witnessed{LogSize: good.LogSize, LogRoot: f.root(t, good.LogSize)}
	for _, who := range []string{"court", "notary"} {
		c.Witnessed.Cosignatures = append(c.Witnessed.Cosignatures, cosign(t, who, witnessedAt, c.Witnessed.Checkpoint(c.Chain)))
	}
	add("bad-witness-fork.receipt.json", toJSON(t, c), NotVerified, "the witnesses cosigned another log of the same size", "witnesses")

	for name, s := range l.splits(t, f) {
		add(name, s.Encode(), Verified, "two logs of one ledger: "+name)
	}
	agree := l.splits(t, l.fork(1<<40))["split-heads.json"]
	add("bad-split-agree.json", agree.Encode(), NotVerified, "the second log grew from the first", "split")
	unsigned := l.splits(t, f)["split-same.json"]
	unsigned.Second.Note = bytes.Replace(unsigned.Second.Note, []byte("court.example"), []byte("nobody.example"), 1)
	add("bad-split-nobody.json", unsigned.Encode(), NotVerified, "nobody who is trusted signed the second log", "shown")
	torn := l.splits(t, f)["split-heads.json"]
	torn.Consistency = torn.Consistency[1:]
	add("bad-split-path.json", torn.Encode(), NotVerified, "the beginning of the second log is not proven", "split")
	add("bad-split-package.json", bytes.Replace(agree.Encode(), []byte(`"split": 1`), []byte(`"split": 1, "x": 2`), 1), NotVerified, "an unknown member", "package")

	slices.SortFunc(index, func(a, b vector) int { return strings.Compare(a.Receipt, b.Receipt) })
	b, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	files["witnessed.json"] = append(b, '\n')
	return files
}

// splits are proofs of each sort: the real log against the fork.
func (l *ledger) splits(t *testing.T, f *fork) map[string]*Split {
	t.Helper()
	real := l.headOf(l.Height)
	half := l.headOf(l.Height - 3)
	forked := l.forkedHead(f, real.LogSize, l.Height)
	view := func(h *StateHead, signers ...string) View {
		c := Checkpoint{apptest.ChainID, h.LogSize, h.LogRoot}
		n := logNote(t, c)
		for _, who := range signers {
			s := cosign(t, who, witnessedAt, c)
			n = append(n, s.Line()...)
		}
		return View{Note: n}
	}
	with := func(v View, h *StateHead) View { v.Head = h; return v }
	return map[string]*Split{
		// of one size: cosigned by the witnesses here, signed by the validators there
		"split-same.json": {First: with(view(real), real), Second: func() View {
			v := view(forked, "court", "notary")
			v.Note = bytes.Replace(v.Note, []byte("— "+apptest.ChainID), []byte("— other.example"), 1)
			return v
		}(), Root: forked.LogRoot},
		// the shorter log is not the beginning of the longer one; both signed by the validators
		"split-heads.json": {First: with(view(half), half), Second: with(view(forked), forked), Root: f.root(t, half.LogSize), Consistency: f.consistency(t, half.LogSize, forked.LogSize)},
		// the log key alone signed both
		"split-log.json": {First: view(half), Second: view(forked), Root: f.root(t, half.LogSize), Consistency: f.consistency(t, half.LogSize, forked.LogSize)},
	}
}

// Whoever has no policy is told that nothing was checked, and a broken path fails
// all the same.
func TestWitnessedWithoutPolicy(t *testing.T) {
	l, r := sample(t)
	r = l.witnessed(r, l.Height, "court")
	rep := Verify(toJSON(t, r), l.trust, Options{})
	if rep.Check("witnesses").Result != Skip || rep.Verdict != Verified {
		t.Errorf("%s: %s", rep.Verdict, rep.Check("witnesses").Sentence.EN)
	}
	r.Witnessed.LogRoot[0] ^= 1
	if rep := Verify(toJSON(t, r), l.trust, Options{}); rep.Check("witnesses").Result != Fail {
		t.Error("a log that does not hold the receipt's goes unnoticed")
	}
	none, err := ParseWitnessPolicy([]byte("quorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	r.Witnessed = nil
	if rep := Verify(toJSON(t, r), l.trust, Options{Witnesses: none}); rep.Check("witnesses").Result != Skip {
		t.Error("a policy that asks for nothing is not met")
	}
}

// Every byte of the cosignatures of the witnesses of the policy matters.
func TestEveryWitnessedByteMatters(t *testing.T) {
	l, r := sample(t)
	r = l.witnessed(r, l.Height, "court", "notary")
	o := Options{Witnesses: witnessPolicy(t)}
	for name, good := range map[string][]byte{"JSON": toJSON(t, r), "CBOR": toCBOR(t, r)} {
		from := bytes.LastIndex(good, []byte("court.example"))
		if rep := Verify(good, l.trust, o); rep.Verdict != Verified || from < 0 {
			t.Fatalf("%s: %s", name, rep.Verdict)
		}
		for i := from; i < len(good); i++ {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << (i % 8)
			if rep := Verify(bad, l.trust, o); rep.Verdict != NotVerified {
				t.Fatalf("%s: byte %d changed from %q to %q goes unnoticed", name, i, good[i], bad[i])
			}
		}
	}
}

// What the public implementation of the same specifications writes we read, and the
// other way round.
func TestTorchwoodAgrees(t *testing.T) {
	_, secret := witnessKey(t, "court.example/w1", AlgWitness)
	theirs, err := torchwood.NewCosignatureSigner("court.example/w1", secret)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := ParseNoteKey(theirs.Verifier().String())
	if err != nil || ours.KeyHash() != theirs.KeyHash() || ours.String() != theirs.Verifier().String() {
		t.Fatalf("key: %v, %v", ours, err)
	}
	c := Checkpoint{"zhenglian-test", 1234, tx.Digest{1, 2, 3}}
	if got, err := torchwood.ParseCheckpoint(c.Text()); err != nil || got.N != 1234 || got.Origin != c.Origin || tx.Digest(got.Hash) != c.Root {
		t.Errorf("checkpoint: %+v, %v", got, err)
	}
	logKey, _ := witnessKey(t, c.Origin, AlgLog)
	signed, err := note.Sign(&note.Note{Text: c.Text()}, theirs)
	if err != nil {
		t.Fatal(err)
	}
	if _, by, err := OpenCheckpoint(signed, []NoteKey{ours}); err != nil || len(by) != 1 {
		t.Errorf("their cosignature: %v, %v", by, err)
	}
	cs, err := Cosignatures(signed)
	if err != nil || len(cs) != 1 || cs[0].Name != "court.example/w1" {
		t.Errorf("cosignatures: %v, %v", cs, err)
	}
	mine := cosign(t, "court", witnessedAt, c)
	full := append(logNote(t, c), mine.Line()...)
	policy, err := torchwood.ParsePolicy(fmt.Appendf(nil, "log %s\nwitness court %s\nquorum court\n", logKey, ours))
	if err != nil {
		t.Fatal(err)
	}
	if _, n, err := torchwood.VerifyCheckpoint(full, policy); err != nil || len(n.Sigs) != 2 {
		t.Errorf("our cosignature: %v", err)
	}
	if _, err := torchwood.ParsePolicy(policyFile(t)); err != nil {
		t.Errorf("our policy file: %v", err)
	}
}

func TestWitnessPolicyErrors(t *testing.T) {
	key := func(name string, alg byte) string { k, _ := witnessKey(t, name, alg); return k.String() }
	a, b := "witness a "+key("a", 4)+"\n", "witness b "+key("b", 4)+"\n"
	for text, want := range map[string]string{
		"":                         "no line \"quorum\"",
		a:                          "no line \"quorum\"",
		a + "quorum c\n":           "no witness and no group",
		a + "quorum a\nquorum a\n": "a second quorum",
		a + a + "quorum a\n":       "occurs twice",
		a + "witness x " + key("a", 4) + "\nquorum a\n":      "occurs twice",
		"witness a " + key("a", 1) + "\nquorum a\n":          "other sort",
		"log " + key("a", 4) + "\nquorum none\n":             "other sort",
		"witness a x+00000000+AAAA\nquorum a\n":              "no key",
		a + b + "group g 3 a b\nquorum g\n":                  "want all, any or 1 to 2",
		a + b + "group g 0 a b\nquorum g\n":                  "want all, any or 1 to 2",
		a + b + "group g 01 a b\nquorum g\n":                 "want all, any or 1 to 2",
		a + "group g all a a\nquorum g\n":                    "in a group already",
		a + b + "group g all a\ngroup h all a b\nquorum h\n": "in a group already",
		a + "group a any a\nquorum a\n":                      "occurs twice",
		"witness none " + key("a", 4) + "\nquorum none\n":    "occurs twice",
		a + "group g any none\nquorum g\n":                   "no witness and no group",
		a + "quorum a\r\n":                                   "control character",
		a + "quorum\n":                                       "want log",
		"nonsense\n":                                         "want log",
		strings.Repeat("#", MaxPolicy+1):                     "limit",
	} {
		if _, err := ParseWitnessPolicy([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text[:min(len(text), 60)], err, want)
		}
	}
}

// No input panics; what parses is written again with the same bytes, and no proof
// holds that is not one of the vectors.
func FuzzSplit(f *testing.F) {
	trust, err := ParseTrust(read(f, "trust.json"))
	if err != nil {
		f.Fatal(err)
	}
	p := witnessPolicy(f)
	known := map[string]bool{}
	for _, name := range []string{"split-same.json", "split-heads.json", "split-log.json", "bad-split-agree.json", "bad-split-path.json", "bad-split-nobody.json"} {
		b := read(f, name)
		f.Add(b)
		if s, err := ParseSplit(b); err == nil && VerifySplit(b, trust, p).Verdict == Verified {
			known[string(s.encode())] = true
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		rep := VerifySplit(b, trust, p)
		s, err := ParseSplit(b)
		if err != nil {
			if rep.Verdict != NotVerified {
				t.Error("verified, and cannot be read")
			}
			return
		}
		again, err := ParseSplit(s.Encode())
		if err != nil || !bytes.Equal(again.encode(), s.encode()) {
			t.Errorf("written again: %v", err)
		}
		if rep.Verdict == Verified && !sameViews(known, s) {
			t.Errorf("a proof that nobody made: %s", s.Encode())
		}
	})
}

// sameViews reports whether a proof is one of those known, but for signatures of a
// note that nobody trusts and nobody reads.
func sameViews(known map[string]bool, s *Split) bool {
	for k := range known {
		o, _ := ParseSplit([]byte(k))
		a1, _ := o.First.Checkpoint()
		a2, _ := o.Second.Checkpoint()
		b1, _ := s.First.Checkpoint()
		b2, _ := s.Second.Checkpoint()
		if a1 == b1 && a2 == b2 {
			return true
		}
	}
	return false
}

// No text panics, and a policy that is read is met by all of its witnesses.
func FuzzWitnessPolicy(f *testing.F) {
	f.Add(policyFile(f))
	f.Add([]byte("quorum none\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseWitnessPolicy(b)
		if err != nil {
			return
		}
		all := map[string]bool{}
		for _, w := range p.Witnesses {
			all[w.Name] = true
		}
		if !p.met(all) {
			t.Errorf("%q: all witnesses are not enough", b)
		}
		if p.quorum != noQuorum && p.met(map[string]bool{}) {
			t.Errorf("%q: nobody is enough", b)
		}
	})
}

// A note is read as the Go checksum database reads it.
func FuzzNote(f *testing.F) {
	k, _ := witnessKey(f, "zhenglian-test", AlgLog)
	c := Checkpoint{"zhenglian-test", 5, tx.Digest{1}}
	s := cosign(f, "court", witnessedAt, c)
	good := append(logNote(f, c), s.Line()...)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte("a\n\n— b AAAAAAA=\n"))
	f.Add([]byte("a\n\n— b c AAAAAAA=\n\n"))
	f.Add(append(bytes.Clone(good), good...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxNote {
			return
		}
		text, lines, err := splitNote(b)
		n, theirs := note.Open(b, note.VerifierList(k))
		if none := (*note.UnverifiedNoteError)(nil); errors.As(theirs, &none) {
			n, theirs = none.Note, nil
		}
		if inv := (*note.InvalidSignatureError)(nil); errors.As(theirs, &inv) {
			if _, _, err := OpenCheckpoint(b, []NoteKey{k}); err == nil {
				t.Errorf("%q: a bad signature is passed over", b)
			}
			return
		}
		if (err == nil) != (theirs == nil) {
			t.Fatalf("%q: we %v, they %v", b, err, theirs)
		}
		// They drop lines of one name and key after the first.
		if err == nil && (text != n.Text || len(lines) < len(n.Sigs)+len(n.UnverifiedSigs)) {
			t.Errorf("%q: text %q, %d lines; they %q", b, text, len(lines), n.Text)
		}
	})
}
