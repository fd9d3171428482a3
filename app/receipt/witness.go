package receipt

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// A WitnessPolicy says whose cosignatures a verifier asks for. It is a file of C2SP
// tlog-policy, and like the trust root the verifier's own:
//
//	log      VKEY [URL]                 a key that signs checkpoints (for proofs of split views)
//	witness  NAME VKEY [URL]
//	group    NAME all|any|K NAME…
//	quorum   NAME|none                  a witness or a group; exactly one line
//
// Blank lines and lines that begin with # mean nothing. Names are used in the file
// only; what is compared is the key.
type WitnessPolicy struct {
	Logs      []NoteKey
	Witnesses []PolicyWitness
	groups    []witnessGroup
	quorum    string // "none": nobody is needed
}

// A PolicyWitness is a line of the file.
type PolicyWitness struct {
	Name string
	Key  NoteKey
	URL  string // submission prefix of C2SP tlog-witness; may be empty
}

type witnessGroup struct {
	name    string
	need    int
	members []string
}

// Bounds of a policy.
const (
	MaxPolicy     = 256 << 10 // bytes of the file
	maxPolicyKeys = 256       // lines of each sort
	noQuorum      = "none"
)

// ParseWitnessPolicy reads a policy.
func ParseWitnessPolicy(b []byte) (*WitnessPolicy, error) {
	if len(b) > MaxPolicy {
		return nil, fmt.Errorf("witness policy: %d bytes; the limit is %d", len(b), MaxPolicy)
	}
	p := new(WitnessPolicy)
	used := map[string]bool{} // as a member of a group
	for i, line := range strings.Split(string(b), "\n") {
		if err := p.line(line, used); err != nil {
			return nil, fmt.Errorf("witness policy: line %d: %w", i+1, err)
		}
	}
	if p.quorum == "" {
		return nil, errors.New("witness policy: there is no line \"quorum\"")
	}
	return p, nil
}

func (p *WitnessPolicy) line(line string, used map[string]bool) error {
	for i := range len(line) {
		if c := line[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return errors.New("a control character")
		}
	}
	f := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(f) == 0 || strings.HasPrefix(f[0], "#") {
		return nil
	}
	key := func(vkey string, witness bool) (NoteKey, error) {
		k, err := ParseNoteKey(vkey)
		if err != nil {
			return k, err
		}
		if k.Witness() != witness {
			return k, fmt.Errorf("%q is a key of the other sort: a log signs with type 1, a witness with type 4", vkey)
		}
		for _, l := range p.Logs {
			if l.pub == k.pub {
				return k, fmt.Errorf("the key of %q occurs twice", k.name)
			}
		}
		for _, w := range p.Witnesses {
			if w.Key.pub == k.pub {
				return k, fmt.Errorf("the key of %q occurs twice", k.name)
			}
		}
		return k, nil
	}
	switch {
	case f[0] == "log" && (len(f) == 2 || len(f) == 3):
		k, err := key(f[1], false)
		if err != nil {
			return err
		}
		if p.Logs = append(p.Logs, k); len(p.Logs) > maxPolicyKeys {
			return errors.New("too many logs")
		}
	case f[0] == "witness" && (len(f) == 3 || len(f) == 4):
		if p.known(f[1]) {
			return fmt.Errorf("the name %q occurs twice", f[1])
		}
		k, err := key(f[2], true)
		if err != nil {
			return err
		}
		w := PolicyWitness{Name: f[1], Key: k}
		if len(f) == 4 {
			w.URL = f[3]
		}
		if p.Witnesses = append(p.Witnesses, w); len(p.Witnesses) > maxPolicyKeys {
			return errors.New("too many witnesses")
		}
	case f[0] == "group" && len(f) >= 4:
		return p.group(f[1], f[2], f[3:], used)
	case f[0] == "quorum" && len(f) == 2:
		if p.quorum != "" {
			return errors.New("a second quorum")
		}
		if f[1] != noQuorum && !p.known(f[1]) {
			return fmt.Errorf("quorum %q is no witness and no group above", f[1])
		}
		p.quorum = f[1]
	default:
		return fmt.Errorf("%q: want log VKEY, witness NAME VKEY, group NAME all|any|K NAME…, or quorum NAME", line)
	}
	return nil
}

func (p *WitnessPolicy) group(name, need string, members []string, used map[string]bool) error {
	if p.known(name) {
		return fmt.Errorf("the name %q occurs twice", name)
	}
	g := witnessGroup{name: name, members: members}
	switch need {
	case "all":
		g.need = len(members)
	case "any":
		g.need = 1
	default:
		n, err := strconv.Atoi(need)
		if err != nil || n < 1 || n > len(members) || strconv.Itoa(n) != need {
			return fmt.Errorf("%q: want all, any or 1 to %d", need, len(members))
		}
		g.need = n
	}
	for _, m := range members {
		if m == noQuorum || !p.known(m) {
			return fmt.Errorf("%q is no witness and no group above", m)
		}
		if used[m] {
			return fmt.Errorf("%q is in a group already", m)
		}
		used[m] = true
	}
	if p.groups = append(p.groups, g); len(p.groups) > maxPolicyKeys {
		return errors.New("too many groups")
	}
	return nil
}

func (p *WitnessPolicy) known(name string) bool {
	return name == noQuorum || slices.ContainsFunc(p.Witnesses, func(w PolicyWitness) bool { return w.Name == name }) ||
		slices.ContainsFunc(p.groups, func(g witnessGroup) bool { return g.name == name })
}

// met reports whether the witnesses for which signed is true are enough. Groups
// name only what is above them, so one pass is enough.
func (p *WitnessPolicy) met(signed map[string]bool) bool {
	if p.quorum == noQuorum {
		return true
	}
	for _, g := range p.groups {
		n := 0
		for _, m := range g.members {
			if signed[m] {
				n++
			}
		}
		signed[g.name] = n >= g.need
	}
	return signed[p.quorum]
}

// A seen is a witness of the policy that cosigned.
type seen struct {
	name string
	at   int64 // seconds since 1970
}

func (s seen) clock() string { return time.Unix(s.at, 0).UTC().Format(time.RFC3339) }

// count verifies the cosignatures of a checkpoint by the policy's witnesses, and
// passes over those of others. One that does not verify is an error.
func (p *WitnessPolicy) count(c Checkpoint, cs []Cosignature) (by []seen, met bool, err error) {
	text := []byte(c.Text())
	signed := map[string]bool{}
	for i := range cs {
		for j := range p.Witnesses {
			w := &p.Witnesses[j]
			if !cs[i].of(&w.Key) {
				continue
			}
			if !w.Key.Verify(text, cs[i].Sig[4:]) {
				return nil, false, fmt.Errorf("the cosignature of %s does not verify", w.Name)
			}
			signed[w.Name] = true
			by = append(by, seen{w.Name, cs[i].At()})
		}
	}
	return by, p.met(signed), nil
}

// witnesses checks that witnesses saw the log that the receipt is of.
func (v *verification) witnesses() {
	w, p := v.receipt.Witnessed, v.opt.Witnesses
	switch {
	case w == nil && p == nil:
		v.set("witnesses", Skip, "回执不载有外部见证人的联署：账本未分叉，凭三分之二以上验证节点的签名。",
			"The receipt carries no cosignatures of witnesses outside the ledger: that it was not forked rests on more than two thirds of the validators.")
		return
	case w == nil && p.quorum == noQuorum:
		v.set("witnesses", Skip, "见证规则不要求联署，回执也不载有联署。", "The witness policy asks for no cosignature, and the receipt carries none.")
		return
	case w == nil:
		v.set("witnesses", Fail, "见证规则要求外部见证人联署，而回执不载有联署。请稍后重新取得回执。",
			"The witness policy asks for cosignatures, and the receipt carries none. Get the receipt again later.")
		v.means("witnesses", QuorumNotMet)
		return
	}
	c := w.Checkpoint(v.receipt.Chain)
	var by []seen
	met := false
	if p != nil {
		var err error
		if by, met, err = p.count(c, w.Cosignatures); err != nil {
			v.failed("witnesses", "见证人的联署不成立", "A witness's cosignature does not hold", err)
			return
		}
	}
	if err := v.extended(w); err != nil {
		v.failed("witnesses", "见证人所见的日志不包含本回执的日志", "The log that the witnesses saw is not one that holds the receipt's", err)
		confirmed := v.report.Check("quorum").Result != Fail && v.report.Check("apphash").Result == Pass
		if errors.Is(err, errOtherRoot) && len(by) > 0 && met && confirmed {
			v.means("witnesses", ForkDetected)
		}
		return
	}
	v.seen = by
	var zh, en string
	for i, s := range by {
		if i > 0 {
			zh, en = zh+"、", en+", "
		}
		zh += s.name + "（" + s.clock() + "）"
		en += s.name + " (" + s.clock() + ")"
	}
	switch {
	case p == nil:
		v.set("witnesses", Skip, fmt.Sprintf("回执载有 %d 份联署，但未指定见证规则（--witnesses），未检查。", len(w.Cosignatures)),
			fmt.Sprintf("The receipt carries %d cosignatures, but no witness policy was given (--witnesses) to check them by.", len(w.Cosignatures)))
	case p.quorum == noQuorum && len(by) == 0:
		v.set("witnesses", Skip, "见证规则不要求联署，也没有其所列见证人的联署。", "The witness policy asks for no cosignature, and none of its witnesses cosigned.")
	case !met:
		v.set("witnesses", Fail, fmt.Sprintf("见证规则未满足：所列见证人中有 %d 位联署。%s", len(by), ended(zh, "。")),
			fmt.Sprintf("The witness policy is not met: %d of its witnesses cosigned. %s", len(by), ended(en, ".")))
		v.means("witnesses", QuorumNotMet)
	default:
		v.set("witnesses", Pass, fmt.Sprintf("外部见证人联署了含有该陈述的日志（共 %d 条），满足见证规则：%s。", w.LogSize, zh),
			fmt.Sprintf("Witnesses outside the ledger cosigned a log of %d entries that holds the statement, as the policy asks: %s.", w.LogSize, en))
	}
}

// errOtherRoot is a log of the same name that is not the receipt's, nor grew from it.
var errOtherRoot = errors.New("under the same name, it begins with other entries")

// extended checks that the witnessed log extends the receipt's.
func (v *verification) extended(w *Witnessed) error {
	r := v.receipt
	switch {
	case r.LogSize == 0 || w.LogSize < r.LogSize:
		return errors.New("it is shorter")
	case w.LogSize == r.LogSize && w.LogRoot != r.LogRoot:
		return errOtherRoot
	}
	if err := tlog.CheckTree(hashes(w.Consistency), int64(w.LogSize), tlog.Hash(w.LogRoot), int64(r.LogSize), tlog.Hash(r.LogRoot)); err != nil {
		return err
	}
	return nil
}
