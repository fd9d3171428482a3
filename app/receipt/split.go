package receipt

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"zhenglian/app/tx"
)

// A Split proves a split view: under the name of one ledger two logs were shown of
// which neither grew from the other. First is the shorter one, or of the same length.
//
//	first:   size m, root A
//	second:  size n ≥ m; its first m entries have the root R ≠ A
//	         consistency: RFC 6962 proof from (m, R) to second's root
//
// Whoever showed the second log showed, by that proof, what its beginning is; whoever
// showed the first one showed another beginning. A proof is a file of canonical JSON,
// with white space free as in receipts:
//
//	{"consistency":[hex,…],"first":VIEW,"root":hex of R,"second":VIEW,"split":1}
//	VIEW  {"checkpoint":text of a signed note,"head":StateHead?}
type Split struct {
	First, Second View
	Root          tx.Digest   // R
	Consistency   []tx.Digest // empty when both are of one size
}

// A View is a log as somebody was shown it. Its checkpoint carries the signatures of
// the log and of witnesses, its head those of the validators.
type View struct {
	Note []byte     // a signed note
	Head *StateHead // optional
}

// Bounds of a view.
const maxNote = 256 << 10

// Checkpoint is what the view's note says.
func (v *View) Checkpoint() (Checkpoint, error) {
	c, _, err := OpenCheckpoint(v.Note, nil)
	return c, err
}

// NewSplit makes a proof of two views of one ledger; consistency is from the first's
// size to the second's, in the second's log, and root the root of its beginning. It
// fails when they do not contradict each other.
func NewSplit(first, second View, root tx.Digest, consistency []tx.Digest) (*Split, error) {
	s := &Split{First: first, Second: second, Root: root, Consistency: consistency}
	if err := s.contradiction(); err != nil {
		return nil, fmt.Errorf("split view: %w", err)
	}
	return s, nil
}

// IsSplit reports whether b looks like a proof of a split view, by its first member.
func IsSplit(b []byte) bool {
	b = bytes.TrimLeft(b[:min(len(b), 256)], " \t\r\n")
	b, ok := bytes.CutPrefix(b, []byte("{"))
	return ok && bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte(`"consistency"`))
}

// ParseSplit reads a proof. What it says is then for VerifySplit.
func ParseSplit(b []byte) (*Split, error) {
	s := new(Split)
	if err := s.parse(b); err != nil {
		return nil, fmt.Errorf("split view: %w", err)
	}
	return s, nil
}

func (s *Split) parse(b []byte) error {
	if len(b) > MaxBytes {
		return fmt.Errorf("%d bytes; the limit is %d", len(b), MaxBytes)
	}
	compact, err := compactJSON(b)
	if err != nil {
		return err
	}
	canonical := unescapeHTML(compact)
	d := tx.NewReader(canonical)
	o := d.Object()
	o.Need("consistency")
	s.Consistency = readDigests(d, maxTreePath)
	o.Need("first")
	s.First.read(d)
	o.Need("root")
	d.Hex(s.Root[:])
	o.Need("second")
	s.Second.read(d)
	o.Need("split")
	version := d.Int(0, 1<<31)
	o.End()
	d.End()
	if err := d.Err(); err != nil {
		return err
	}
	if version != Version {
		return fmt.Errorf("version %d; %w version %d", version, errVersion, Version)
	}
	for _, v := range []*View{&s.First, &s.Second} {
		if v.Head != nil {
			if err := v.Head.check(); err != nil {
				return err
			}
		}
	}
	if !bytes.Equal(s.encode(), canonical) {
		return errors.New("not canonical JSON")
	}
	return nil
}

func (v *View) read(d *tx.Reader) {
	o := d.Object()
	o.Need("checkpoint")
	v.Note = []byte(d.String(maxNote))
	if o.Has("head") {
		v.Head = new(StateHead)
		v.Head.read(d)
	}
	o.End()
}

func (v *View) write(w *tx.Writer) {
	w.Open()
	w.String("checkpoint", string(v.Note))
	if v.Head != nil {
		w.Member("head")
		v.Head.write(w)
	}
	w.Close()
}

func (s *Split) encode() []byte {
	w := tx.Writer{}
	w.Open()
	writeDigests(&w, "consistency", s.Consistency)
	w.Member("first")
	s.First.write(&w)
	w.Hex("root", s.Root[:])
	w.Member("second")
	s.Second.write(&w)
	w.Int("split", Version)
	w.Close()
	return w.B
}

// Encode returns the file, indented for people.
func (s *Split) Encode() []byte { return indentJSON(s.encode()) }

// MarshalJSON implements json.Marshaler.
func (s *Split) MarshalJSON() ([]byte, error) { return s.encode(), nil }

// contradiction checks that the two views cannot be of one log.
func (s *Split) contradiction() error {
	a, err := s.First.Checkpoint()
	if err != nil {
		return fmt.Errorf("first: %w", err)
	}
	b, err := s.Second.Checkpoint()
	if err != nil {
		return fmt.Errorf("second: %w", err)
	}
	switch {
	case a.Origin != b.Origin:
		return fmt.Errorf("the logs are of two names, %q and %q", a.Origin, b.Origin)
	case a.Size == 0 || a.Size > b.Size:
		return errors.New("the first log is empty, or longer than the second")
	case a.Size == b.Size && (s.Root != b.Root || len(s.Consistency) > 0):
		return errors.New("both logs are of one size, and the root is not the second's")
	case s.Root == a.Root:
		return errors.New("the second log begins with the first: they agree")
	}
	if err := tlog.CheckTree(hashes(s.Consistency), int64(b.Size), tlog.Hash(b.Root), int64(a.Size), tlog.Hash(s.Root)); err != nil {
		return fmt.Errorf("the second log is not proven to begin with the root given: %w", err)
	}
	return nil
}

// splitChecks is the table of checks of a proof of a split view.
var splitChecks = []Check{
	{ID: "package", Name: Text{"材料格式", "proof well formed"}, Article: articleOfAfter, Point: "V1"},
	{ID: "split", Name: Text{"两份日志互相矛盾", "two logs that contradict each other"}, Article: articleOfProcess, Point: "V8"},
	{ID: "shown", Name: Text{"各由何人签署", "who signed each of them"}, Article: articleOfProcess, Point: "V8"},
}

// VerifySplit checks a proof of a split view: that it is one, that it is of the
// trusted chain, and that each of the two logs was signed by somebody whom the
// verifier trusts to show one log only: more than two thirds of the validators, the
// witnesses of p (nil: none), or a log key that p names. When the proof holds the
// verdict is Verified and the outcome ForkDetected.
func VerifySplit(b []byte, t *Trust, p *WitnessPolicy) *Report {
	v := &verification{trust: t, opt: new(Options), report: &Report{V: Version, Checks: append([]Check(nil), splitChecks...)}}
	for i := range v.report.Checks {
		v.report.Checks[i].Result = Skip
		v.report.Checks[i].Sentence = Text{"前面的检查未通过，无法检查。", "It cannot be checked, because of what failed elsewhere."}
	}
	v.split(b, p)
	r := v.report
	r.Verdict = Verified
	for i := range r.Checks {
		if r.Checks[i].Result == Fail {
			r.Verdict = NotVerified
		}
	}
	r.Summary = Text{"已证明：以同一账本的名义出示过两份互相矛盾的日志。", "It is proven: two logs that contradict each other were shown under the name of one ledger."}
	if r.Verdict == NotVerified {
		r.Summary = Text{"该材料不能证明账本分叉。", "This does not prove that the ledger was forked."}
	}
	r.NotChecked = []Text{
		{"哪一份日志是真实的：本证明只说明二者不能同时成立。", "Which of the two logs is the right one: the proof only shows that they cannot both be."},
		{"任何一项陈述是否受到影响：须另行核验其回执。", "Whether any statement is affected: verify its receipt."},
	}
	r.Rebuttals = []Text{{"签署其中一份日志的密钥当时已为他人掌握。", "A key that signed one of the two logs was in other hands."}}
	r.Answer()
	for i := range r.Points {
		if p := &r.Points[i]; len(p.Checks) == 0 {
			p.Sentence = Text{"本材料是账本分叉的证明，不涉及此项。", "This is a proof of a split view; the question does not arise."}
		}
	}
	return r
}

func (v *verification) split(b []byte, p *WitnessPolicy) {
	s, err := ParseSplit(b)
	if err != nil {
		v.failed("package", "材料无法读取或格式有误", "The proof cannot be read", err)
		if errors.Is(err, errVersion) {
			v.means("package", Unsupported)
		}
		return
	}
	v.set("package", Pass, "材料格式完整。", "The proof is complete, with nothing unknown in it.")
	if err := s.contradiction(); err != nil {
		v.failed("split", "两份日志并不矛盾，或证明不成立", "The logs do not contradict each other, or the proof does not hold", err)
		return
	}
	first, _ := s.First.Checkpoint() // contradiction has read both
	second, _ := s.Second.Checkpoint()
	if first.Origin != v.trust.Chain {
		v.set("split", Fail, fmt.Sprintf("日志属于另一条链 %q。", first.Origin), fmt.Sprintf("The logs are of another chain, %q.", first.Origin))
		return
	}
	zh := fmt.Sprintf("一份日志有 %d 条，根为 %s；另一份有 %d 条，其前 %d 条的根为 %s。", first.Size, first.Root, second.Size, first.Size, s.Root)
	en := fmt.Sprintf("One log has %d entries and the root %s; of the other, with %d, the first %d have the root %s.", first.Size, first.Root, second.Size, first.Size, s.Root)
	v.set("split", Pass, zh, en)
	var who []Text
	for i, view := range []*View{&s.First, &s.Second} {
		t, err := view.signers(v.trust, p)
		if err != nil {
			n := [...]Text{{"第一份", "The first"}, {"第二份", "The second"}}[i]
			v.failed("shown", n.ZH+"日志没有可信的签署", n.EN+" log was signed by nobody who is trusted", err)
			return
		}
		who = append(who, t)
	}
	v.set("shown", Pass, "第一份："+who[0].ZH+"；第二份："+who[1].ZH+"。", "The first: "+who[0].EN+"; the second: "+who[1].EN+".")
	v.means("shown", ForkDetected)
}

// signers says who, of those that are trusted, signed the view.
func (v *View) signers(t *Trust, p *WitnessPolicy) (who Text, err error) {
	c, err := v.Checkpoint()
	if err != nil {
		return who, err
	}
	var found []Text
	if h := v.Head; h != nil {
		if err := h.Verify(t); err != nil {
			return who, err
		}
		if h.LogSize != c.Size || h.LogRoot != c.Root {
			return who, errors.New("its block confirms another log than its checkpoint")
		}
		found = append(found, Text{fmt.Sprintf("超过三分之二的验证节点（区块 %d）", h.Block.Header.Height), fmt.Sprintf("more than two thirds of the validators (block %d)", h.Block.Header.Height)})
	}
	if p != nil {
		cs, err := Cosignatures(v.Note)
		if err != nil {
			return who, err
		}
		by, met, err := p.count(c, cs)
		if err != nil {
			return who, err
		}
		if met && len(by) > 0 {
			names := make([]string, len(by))
			for i := range by {
				names[i] = by[i].name
			}
			found = append(found, Text{"见证人 " + strings.Join(names, "、"), "the witnesses " + strings.Join(names, ", ")})
		}
		_, keys, err := OpenCheckpoint(v.Note, p.Logs)
		if err != nil {
			return who, err
		}
		for _, k := range keys {
			id := k.id()
			if k.name == c.Origin {
				found = append(found, Text{fmt.Sprintf("日志密钥 %x", id), fmt.Sprintf("the log key %x", id)})
			}
		}
	}
	if len(found) == 0 {
		return who, errors.New("neither the validators nor a witness or a log of the policy")
	}
	for i, f := range found {
		if i > 0 {
			who.ZH, who.EN = who.ZH+"、", who.EN+", "
		}
		who.ZH, who.EN = who.ZH+f.ZH, who.EN+f.EN
	}
	return who, nil
}
