package receipt

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"zhenglian/app/row"
	"zhenglian/app/tx"

	"golang.org/x/mod/sumdb/tlog"
)

// Options say what is asked. What is not asked is not checked.
type Options struct {
	Files      []FileDigests  // files that the statement is to name
	WantID     tx.ID          // zero: any statement
	WantSeq    *uint64        // nil: any entry
	WantHeight int64          // 0: any height
	Source     Source         // what the receipt was taken out of
	Witnesses  *WitnessPolicy // whose cosignatures are asked for; nil: none are checked
}

// A Source is what a receipt was taken out of. It changes no check, only what the
// report says was not checked.
type Source string

// The sources.
const (
	FromFile        Source = ""            // the receipt itself, or one in a bundle
	FromCertificate Source = "certificate" // attached to a PDF
	FromPaper       Source = "paper"       // a printed code
)

// Unreadable is the report on a document that holds no receipt, for the reason err.
func Unreadable(err error, t *Trust, o Options) *Report {
	v := begin(t, o)
	v.failed("package", "其中没有可读取的回执", "There is no receipt in it that can be read", err)
	v.conclude()
	return v.report
}

// FileDigests are what a file at hand is compared by. Both digests are needed.
type FileDigests struct {
	Name   string // for the report
	SHA256 tx.Digest
	SM3    tx.Digest
	Bytes  int64
}

// checks is the table of checks, in the order of the report. Articles are of the
// Online Litigation Rules of the Supreme People's Court (法释〔2021〕12号: 16 what
// is the same after it went on the chain, 17 the platform and its process, 18 what
// supports it from before) and of the Electronic Signature Law (13, reliable
// signatures).
var checks = []Check{
	{ID: "package", Name: Text{"回执格式", "receipt well formed"}, Article: articleOfAfter, Point: "V1"},
	{ID: "request", Name: Text{"所查对象", "what was asked for"}, Article: articleOfAfter, Point: "V1"},
	{ID: "statement", Name: Text{"陈述内容", "statement"}, Article: articleOfAfter, Point: "V4"},
	{ID: "signatures", Name: Text{"签名", "signatures"}, Article: articleOfSigning, Point: "V5"},
	{ID: "accounts", Name: Text{"签署账户", "accounts"}, Article: articleOfSigning, Point: "V11"},
	{ID: "policy", Name: Text{"会签规则", "co-signing rule"}, Article: articleOfProcess, Point: "V6"},
	{ID: "inclusion", Name: Text{"日志收录", "inclusion in the log"}, Article: articleOfAfter, Point: "V7"},
	{ID: "state", Name: Text{"状态证明", "proofs of state"}, Article: articleOfAfter, Point: "V7"},
	{ID: "apphash", Name: Text{"区块根值", "root in the block"}, Article: articleOfAfter, Point: "V7"},
	{ID: "quorum", Name: Text{"验证节点签名", "signatures of the validators"}, Article: articleOfProcess, Point: "V9"},
	{ID: "witnesses", Name: Text{"外部见证人联署", "cosignatures of witnesses"}, Article: articleOfProcess, Point: "V8"},
	{ID: "file", Name: Text{"文件摘要", "file digests"}, Article: articleOfAfter, Point: "V2"},
	{ID: "later", Name: Text{"后续状态", "later state"}, Article: articleOfAfter, Point: "V12"},
}

// A verification gathers the results of the checks.
type verification struct {
	trust  *Trust
	opt    *Options
	report *Report

	receipt *Receipt
	env     *tx.Envelope
	stmt    *tx.Statement
	then    *standing // at the entry's height; nil: not proven
	now     *standing // at the latest height that is proven
	asOf    int64     // that height
	seen    []seen    // witnesses that cosigned, if their cosignatures prove something
	summary *Text     // set by the check that decides what the verdict says
}

// Verify checks a receipt, in either encoding, against a trust root. It reads no
// clock and no network: the same input gives the same report.
func Verify(receipt []byte, t *Trust, o Options) *Report {
	v := begin(t, o)
	v.run(receipt)
	v.conclude()
	return v.report
}

func begin(t *Trust, o Options) *verification {
	v := &verification{trust: t, opt: &o, report: &Report{V: Version, Checks: append([]Check(nil), checks...)}}
	for i := range v.report.Checks {
		v.report.Checks[i].Result = Skip
		v.report.Checks[i].Sentence = Text{"前面的检查未通过，无法检查。", "It cannot be checked, because of what failed elsewhere."}
	}
	return v
}

func (v *verification) set(id string, r Result, zh, en string) {
	c := v.report.Check(id)
	c.Result, c.Sentence, c.Outcome = r, Text{clean(zh), clean(en)}, noOutcome
	if r == Fail {
		c.Outcome = whenFails(id)
	}
}

// whenFails is what a check makes of the whole when it fails, unless it says
// otherwise.
func whenFails(id string) Outcome {
	switch id {
	case "package":
		return Malformed
	case "request", "inclusion", "state", "apphash", "file":
		return HashMismatch
	case "policy":
		return QuorumNotMet
	}
	return Inconsistent
}

// means says what the result of a check makes of the whole.
func (v *verification) means(id string, o Outcome) { v.report.Check(id).Outcome = o }

// failed reports a check that failed for a reason that only English has.
func (v *verification) failed(id, zh, en string, err error) {
	v.set(id, Fail, zh+"（"+err.Error()+"）。", en+": "+err.Error()+".")
}

func (v *verification) run(b []byte) {
	r, err := Parse(b)
	if err != nil {
		v.failed("package", "回执无法读取或格式有误", "The receipt cannot be read", err)
		if errors.Is(err, errVersion) {
			v.means("package", Unsupported)
		}
		return
	}
	v.receipt, v.asOf = r, r.Entry.Height
	v.env, _ = tx.ParseEnvelope(r.Entry.Envelope) // Parse has seen to it
	v.set("package", Pass, "回执格式完整，没有多余或重复的内容。", "The receipt is complete, with nothing unknown or repeated in it.")
	v.request()
	v.inclusion()
	v.quorum()
	v.witnesses()
	if !v.statement() {
		return
	}
	v.facts()
	v.file()
	v.state()
	v.later()
	v.signatures()
	v.accounts()
	v.policy()
	v.standingFacts()
}

func (v *verification) request() {
	o, e := v.opt, &v.receipt.Entry
	id := v.env.ID()
	var bad []string
	if !o.WantID.IsZero() && o.WantID != id {
		bad = append(bad, "id "+id.String())
	}
	if o.WantSeq != nil && *o.WantSeq != e.Seq {
		bad = append(bad, fmt.Sprintf("seq %d", e.Seq))
	}
	if o.WantHeight != 0 && o.WantHeight != e.Height {
		bad = append(bad, fmt.Sprintf("height %d", e.Height))
	}
	switch {
	case len(bad) > 0:
		got := strings.Join(bad, ", ")
		v.set("request", Fail, "回执不是所要求查验的那一份："+got+"。", "This is not the receipt that was asked for: it has "+got+".")
	case o.WantID.IsZero() && o.WantSeq == nil && o.WantHeight == 0:
		v.set("request", Skip, "未指定编号，只验证回执本身。", "No id was asked for; the receipt was taken as it is.")
	default:
		v.set("request", Pass, "回执与所要求的编号、位置一致。", "The receipt is the one that was asked for.")
	}
}

func (v *verification) statement() bool {
	s, err := Statement(v.env.Payload)
	if err != nil {
		v.failed("statement", "陈述不是规范格式", "The statement is not in its canonical form", err)
		v.means("statement", Malformed)
		return false
	}
	v.stmt = s
	switch {
	case v.receipt.Chain != v.trust.Chain || s.Chain != v.trust.Chain:
		v.set("statement", Fail, fmt.Sprintf("陈述或回执属于另一条链（%q、%q），可信根属于 %q。", s.Chain, v.receipt.Chain, v.trust.Chain),
			fmt.Sprintf("The statement or the receipt is of another chain (%q, %q) than the trust root (%q).", s.Chain, v.receipt.Chain, v.trust.Chain))
	case s.Expires < v.receipt.Entry.Height:
		v.set("statement", Fail, "陈述上链的高度晚于其自定的最后高度。", "The statement entered the ledger after the last height that it allows.")
	case s.Body == nil:
		v.set("statement", Pass, "陈述为规范格式，属于本链，编号即其内容的 SHA-256；正文是否合乎其种类的格式，由验证节点在收录时审查。", "The statement is canonical and of this chain; its id is the SHA-256 of its bytes. That its body has the form of its kind was judged by the validators when they let it in.")
	default:
		v.set("statement", Pass, "陈述为规范格式，属于本链，编号即其内容的 SHA-256。", "The statement is canonical and of this chain; its id is the SHA-256 of its bytes.")
	}
	return true
}

func (v *verification) inclusion() {
	r := v.receipt
	path := hashes(r.Path)
	leaf := tlog.Hash(leafHash(r.Entry.Height, r.Entry.Envelope))
	if err := tlog.CheckRecord(path, int64(r.LogSize), tlog.Hash(r.LogRoot), int64(r.Entry.Seq), leaf); err != nil {
		v.failed("inclusion", "路径不能证明该陈述在日志中", "The path does not prove that the entry is in the log", err)
	} else {
		v.set("inclusion", Pass, fmt.Sprintf("该陈述是日志第 %d 条（日志共 %d 条）。", r.Entry.Seq, r.LogSize),
			fmt.Sprintf("The statement is entry %d of a log of %d.", r.Entry.Seq, r.LogSize))
	}
	if got := appHash(r.LogSize, r.LogRoot, r.StateRoot); !bytes.Equal(got[:], r.Block.Header.AppHash) {
		v.set("apphash", Fail, "日志根与状态根不是该区块所确认的。", "The roots of log and state are not those that the block confirms.")
	} else {
		v.set("apphash", Pass, fmt.Sprintf("区块 %d 确认了日志根与状态根。", r.Block.Header.Height),
			fmt.Sprintf("Block %d confirms the roots of log and state.", r.Block.Header.Height))
	}
}

func hashes(d []tx.Digest) []tlog.Hash {
	h := make([]tlog.Hash, len(d))
	for i := range d {
		h[i] = tlog.Hash(d[i])
	}
	return h
}

func (v *verification) quorum() {
	b := &v.receipt.Block
	signed, err := b.verify(v.trust, v.receipt.Entry.Height+1)
	total := power(v.trust.validatorsAt(b.Header.Height))
	switch {
	case errors.Is(err, errNoQuorum):
		v.set("quorum", Fail, fmt.Sprintf("签署该区块的表决权为 %d/%d，未超过三分之二。", signed, total),
			fmt.Sprintf("Validators with %d of %d votes signed the block, which is not more than two thirds.", signed, total))
		v.means("quorum", QuorumNotMet)
	case errors.Is(err, errOtherValidators):
		v.set("quorum", Fail, "该区块的验证节点名单与可信根不同，请取得相应高度的可信根，或更新可信根（zheng trust update）。", "The block names other validators than the trust root; get the trust root of its time, or bring this one up to date (zheng trust update).")
	case err != nil:
		v.failed("quorum", "验证节点对区块的签名不成立", "The validators' signatures do not confirm the block", err)
	case b.Header.Height < v.trust.Height:
		v.set("quorum", Warn, fmt.Sprintf("表决权 %d/%d 的验证节点签署了区块 %d，但该区块早于可信根（高度 %d）。", signed, total, b.Header.Height, v.trust.Height),
			fmt.Sprintf("Validators with %d of %d votes signed block %d, but it is older than the trust root (height %d).", signed, total, b.Header.Height, v.trust.Height))
	default:
		zh := fmt.Sprintf("表决权 %d/%d（超过三分之二）的验证节点签署了区块 %d。", signed, total, b.Header.Height)
		en := fmt.Sprintf("Validators with %d of %d votes, more than two thirds, signed block %d.", signed, total, b.Header.Height)
		if n := v.trust.changesBefore(b.Header.Height); n > 0 {
			zh += fmt.Sprintf("他们的名单由可信根所载名单经 %d 次变更而来，每次均由变更前的验证节点签署。", n)
			en += fmt.Sprintf(" They took office by %d changes of those that the trust root begins with, each signed by those before it.", n)
		}
		v.set("quorum", Pass, zh, en)
	}
}

// file compares every file at hand with those that the statement names.
func (v *verification) file() {
	count, root, batch := itemsOf(v.stmt.Body)
	x := v.receipt.Item
	switch {
	case x != nil && !batch:
		v.set("file", Fail, "回执附有批次中的一项，但该陈述不是批次。", "The receipt comes with an item of a batch, but the statement is none.")
		return
	case x != nil:
		v.item(x, count, root)
		return
	}
	if len(v.opt.Files) == 0 {
		v.set("file", Skip, "未提供文件，未比对。", "No file was given to compare.")
		if v.stmt.Body != nil {
			v.means("file", Partial)
		}
		return
	}
	seal, _ := v.stmt.Body.(*tx.Evidence)
	var bad, good []Text
	for i := range v.opt.Files {
		f := &v.opt.Files[i]
		ok, t := compare(f, seal)
		if ok {
			good = append(good, t)
		} else {
			bad = append(bad, t)
		}
	}
	if len(bad) > 0 {
		t := joined(bad)
		v.set("file", Fail, t.ZH, t.EN)
		return
	}
	t := joined(good)
	v.set("file", Pass, t.ZH, t.EN)
}

// itemsOf is how many items a statement stands for, and their root; false for one
// that states no batch.
func itemsOf(b tx.Body) (count int64, root tx.Digest, batch bool) {
	switch b := b.(type) {
	case *tx.Batch:
		return b.Count, b.Root, true
	case *tx.Events:
		return b.Count, b.Root, true
	}
	return 0, tx.Digest{}, false
}

// item checks the path of one digest of a batch, and that a file at hand has it.
func (v *verification) item(x *Item, count int64, root tx.Digest) {
	leaf := tlog.RecordHash(x.SHA256[:])
	if err := tlog.CheckRecord(hashes(x.Path), count, tlog.Hash(root), x.Index, leaf); err != nil {
		v.failed("file", "路径不能证明该摘要在批次中", "The path does not prove that the digest is in the batch", err)
		return
	}
	for i := range v.opt.Files {
		if f := &v.opt.Files[i]; f.SHA256 != x.SHA256 {
			v.set("file", Fail, fmt.Sprintf("文件 %q（SHA-256 %s）不是回执所证明的那一项。", f.Name, f.SHA256),
				fmt.Sprintf("%q (SHA-256 %s) is not the item that the receipt proves.", f.Name, f.SHA256))
			return
		}
	}
	zh, en := "该摘要", "The digest"
	if n := len(v.opt.Files); n > 0 {
		zh, en = fmt.Sprintf("文件 %q 的 SHA-256", v.opt.Files[n-1].Name), fmt.Sprintf("The SHA-256 of %q", v.opt.Files[n-1].Name)
	}
	v.set("file", Pass, fmt.Sprintf("%s是批次共 %d 项中的第 %d 项（从 0 数起）。", zh, count, x.Index), fmt.Sprintf("%s is item %d, counted from 0, of the batch's %d.", en, x.Index, count))
}

func compare(f *FileDigests, seal *tx.Evidence) (bool, Text) {
	switch {
	case seal == nil:
		return false, Text{fmt.Sprintf("该陈述不含文件，无法与 %q 比对。", f.Name), fmt.Sprintf("The statement names no file; %q cannot be compared.", f.Name)}
	case len(seal.Files) == 0:
		return false, Text{fmt.Sprintf("该陈述只载有文件树的根值，无法与 %q 比对。", f.Name), fmt.Sprintf("The statement names only the root of its files; %q cannot be compared.", f.Name)}
	}
	for i := range seal.Files {
		x := &seal.Files[i]
		if x.SHA256 != f.SHA256 {
			continue
		}
		if x.SM3 != f.SM3 || x.Bytes != f.Bytes {
			return false, Text{fmt.Sprintf("文件 %q 的 SHA-256 相符，但 SM3 或长度不符。", f.Name), fmt.Sprintf("The SHA-256 of %q agrees, but its SM3 or its length does not.", f.Name)}
		}
		return true, Text{fmt.Sprintf("文件 %q 的 SHA-256、SM3 和长度与陈述中的 %s 一致。", f.Name, x.Role), fmt.Sprintf("SHA-256, SM3 and length of %q agree with the statement's %s.", f.Name, x.Role)}
	}
	return false, Text{fmt.Sprintf("文件 %q（SHA-256 %s）与陈述中的任何文件都不一致。", f.Name, f.SHA256), fmt.Sprintf("%q (SHA-256 %s) is none of the statement's files.", f.Name, f.SHA256)}
}

func joined(ts []Text) (out Text) {
	for i, t := range ts {
		if i > 0 {
			out.EN += " "
		}
		out.ZH += t.ZH
		out.EN += t.EN
	}
	return out
}

// compact reports whether the receipt leaves out the state.
func (v *verification) compact() bool { return len(v.receipt.Rows) == 0 }

func (v *verification) state() {
	r := v.receipt
	if v.compact() {
		v.set("state", Skip, "简式回执不含状态证明。", "The compact form carries no proofs of state.")
		return
	}
	st, err := proven(r.Rows, r.StateRoot, &r.Entry, v.env, v.stmt)
	if err != nil {
		v.failed("state", "状态证明不成立", "The proofs of state do not hold", err)
		return
	}
	v.then, v.now = st, st
	v.set("state", Pass, fmt.Sprintf("%d 项状态记录（含不存在证明）均属于高度 %d 的状态。", len(r.Rows), r.Entry.Height),
		fmt.Sprintf("%d rows, present or absent, are proven in the state of height %d.", len(r.Rows), r.Entry.Height))
}

// later finds the standing at the latest height that is proven, and says what
// became of the statement by then.
func (v *verification) later() {
	if v.compact() {
		v.set("later", Skip, "简式回执不含后续状态，请取得完整回执。", "The compact form does not show what became of the statement; ask for the full receipt.")
		return
	}
	if v.then == nil {
		return
	}
	if l := v.receipt.Later; l != nil {
		st, err := v.advance(l)
		if err != nil {
			v.failed("later", "后续状态的证明不成立", "The proof of the later state does not hold", err)
			if errors.Is(err, errFork) {
				v.means("later", ForkDetected)
			}
			return
		}
		v.now, v.asOf = st, l.Height
	}
	v.became()
}

// errFork is two logs of one size, both confirmed by more than two thirds of the
// validators.
var errFork = errors.New("the validators confirmed two different logs of the same size: the ledger was forked")

// advance verifies the later state: its block, its roots, that its log extends
// the receipt's, and its rows.
func (v *verification) advance(l *Later) (*standing, error) {
	if _, err := l.Block.verify(v.trust, l.Height+1); err != nil {
		return nil, err
	}
	if got := appHash(l.LogSize, l.LogRoot, l.StateRoot); !bytes.Equal(got[:], l.Block.Header.AppHash) {
		return nil, errors.New("its roots are not those of the block")
	}
	r := v.receipt
	if r.LogSize == 0 || l.LogSize < r.LogSize {
		return nil, errors.New("its log is shorter than the receipt's")
	}
	if l.LogSize == r.LogSize && l.LogRoot != r.LogRoot && v.report.Check("quorum").Result != Fail && v.report.Check("apphash").Result == Pass {
		return nil, errFork
	}
	if err := tlog.CheckTree(hashes(l.Consistency), int64(l.LogSize), tlog.Hash(l.LogRoot), int64(r.LogSize), tlog.Hash(r.LogRoot)); err != nil {
		return nil, fmt.Errorf("its log does not extend the receipt's: %w", err)
	}
	return proven(l.Rows, l.StateRoot, &r.Entry, v.env, v.stmt)
}

// matterState is the state that the statement opened or moved into, as of now.
func (v *verification) matterState() string {
	st := v.now
	switch {
	case v.stmt.Kind == tx.EndorseKind:
		return StateEffective
	case st.tally != nil && st.tally.Outcome == row.Waits:
		return string(row.Pending)
	case !opens(v.stmt) && st.tally != nil && st.tally.Outcome == row.Lapsed:
		return StateLapsed
	case !opens(v.stmt):
		return StateEffective
	case st.matter == nil:
		return string(row.Opened(v.stmt.Kind))
	}
	return string(st.matter.State)
}

// became says what became of the statement by the height asOf.
func (v *verification) became() {
	st, state := v.now, v.matterState()
	say := func(r Result, zh, en string) {
		v.set("later", r, fmt.Sprintf("截至高度 %d：", v.asOf)+zh, fmt.Sprintf("As of height %d: ", v.asOf)+en)
	}
	note := func(zh, en string) {
		say(Warn, zh, en)
		v.summary = &Text{zh, en}
		if st.matter.State != row.Challenged && st.matter.State != row.Disputed || !opens(v.stmt) {
			v.means("later", Superseded)
		}
	}
	switch {
	case v.stmt.Kind == tx.EndorseKind:
		say(Pass, "会签陈述不属于任何事项，没有后续状态。", "an endorsement belongs to no matter and has no later state.")
	case state == string(row.Pending):
		say(Skip, "尚在等待会签。", "it still waits for signatures.")
	case state == string(row.Overtaken) && opens(v.stmt):
		say(Skip, "会签齐备时账本已有变更，未生效。", "when its signatures were complete the ledger had changed, and it took no effect.")
	case state == string(row.Ended) && opens(v.stmt) && (st.tally == nil || st.tally.Outcome == row.Effective):
		note("已到期，不再有效。", "it has reached its end date and is no longer in force.")
	case state == string(row.Expired) || state == StateLapsed:
		say(Skip, "未在期限内取得所需会签，未生效。", "it did not get the signatures it needed in time, and took no effect.")
	case !opens(v.stmt) && st.matter == nil:
		say(Fail, "账本没有记载该陈述所推进的事项。", "the ledger does not hold the matter that the statement continues.")
	case !opens(v.stmt) && st.matter.Head != v.env.ID():
		note(fmt.Sprintf("此后另有陈述，事项现为“%s”（高度 %d 起）。", stateZH(string(st.matter.State)), st.matter.Since),
			fmt.Sprintf("a later statement followed; the matter is %s since height %d.", st.matter.State, st.matter.Since))
	case !opens(v.stmt):
		say(Pass, fmt.Sprintf("该陈述仍为事项的最新陈述，事项为“%s”。", stateZH(string(st.matter.State))),
			fmt.Sprintf("it is the last statement of its matter, which is %s.", st.matter.State))
	case st.matter == nil && st.tally != nil && st.tally.Outcome != row.Effective:
		say(Fail, "事项与会签记录互相矛盾。", "the matter and the record of signatures contradict each other.")
	case st.matter == nil && v.stmt.Kind.Family() == "trace":
		r, t, _ := traceBecame(row.State(state))
		say(r, t.ZH, t.EN)
	case st.matter == nil && row.ListStateZH(row.State(state)) != "":
		say(Pass, "“"+stateZH(state)+"”，此后没有任何变更。", state+", and nothing has happened to it since.")
	case st.matter == nil && state == string(row.Enacted):
		say(Pass, "已生效。", "it took effect.")
	case st.matter == nil:
		say(Pass, "已封存，此后没有任何变更。", "sealed, and nothing has happened to it since.")
	default:
		v.matterBecame(say, note)
	}
}

func (v *verification) matterBecame(say func(r Result, zh, en string), note func(zh, en string)) {
	m := v.now.matter
	waits := Text{}
	if m.Waiting != 0 {
		waits = Text{fmt.Sprintf("日志第 %d 条陈述正在等待会签。", m.Waiting), fmt.Sprintf(" Entry %d waits for signatures to continue it.", m.Waiting)}
	}
	zh := fmt.Sprintf("“%s”（高度 %d 起）。", stateZH(string(m.State)), m.Since) + waits.ZH
	en := fmt.Sprintf("%s since height %d.", m.State, m.Since) + waits.EN
	switch m.State {
	case row.Sealed, row.Rejected, row.Enacted:
		say(Pass, zh, en)
	case row.Dropped, row.Repaired, row.Revoked, row.Stayed, row.Contested, row.Removed:
		note("该名单记录或标签现无效力，"+zh, "the entry or hint is not in force: "+en)
	case row.Withdrawn:
		note("该陈述已被撤回，"+zh, "it was withdrawn: "+en)
	case row.Erased:
		note("该证据的原件已依法彻底删除，所封存的摘要与证明仍然有效，"+zh, "its bytes were lawfully erased; what was sealed about them still holds: "+en)
	case row.Superseded:
		note("该证据已被另一份替代，"+zh, "the evidence was superseded: "+en)
	case row.Upheld:
		note("对该证据的质疑已成立，"+zh, "a challenge to the evidence was upheld: "+en)
	case row.Challenged:
		note("该证据正被质疑，"+zh, "the evidence is being challenged: "+en)
	default:
		r, t, ok := traceBecame(m.State)
		switch {
		case ok && v.stmt.Kind.Family() == "trace" && r == Warn:
			note(t.ZH+zh, t.EN+" "+en)
		case ok && v.stmt.Kind.Family() == "trace":
			say(r, t.ZH+zh, t.EN+" "+en)
		case row.ListStateZH(m.State) != "":
			say(Pass, zh, en)
		default:
			say(Fail, "事项状态未知，"+zh, "unknown state of the matter: "+en)
		}
	}
}

// attested is the sentence for what only the state could show.
var attested = Text{"简式回执不含账户记录：签名由签署区块的三分之二以上验证节点在收录时核验。", "The compact form carries no accounts: that the signatures verify is attested by the more than two thirds of the validators who signed the block."}

func (v *verification) signatures() {
	if v.compact() {
		v.set("signatures", Skip, attested.ZH, attested.EN)
		return
	}
	if v.then == nil {
		return
	}
	digest := tx.PAEDigest(v.env.Payload)
	for i := range v.env.Signatures {
		p := &v.then.parties[i]
		if err := verifySignature(p, v.env.Payload, digest, v.env.Signatures[i].Sig); err != nil {
			v.failed("signatures", "账户 "+p.id.String()+" 的签名不成立", "The signature of account "+p.id.String()+" does not hold", err)
			return
		}
	}
	n := len(v.env.Signatures)
	v.set("signatures", Pass, fmt.Sprintf("%d 个签名均由账本登记的密钥作出。", n), fmt.Sprintf("All %d signatures verify with the keys on the ledger.", n))
}

func verifySignature(p *party, payload []byte, digest [32]byte, sig []byte) error {
	if p.account == nil {
		return errors.New("the ledger has no such account")
	}
	key := p.account.PublicKey()
	if key.Account() != p.id {
		return errors.New("the account has another key")
	}
	k, err := key.Verifier()
	if err != nil {
		return err
	}
	return k.Verify(payload, digest, sig)
}

// accounts checks, for everybody who signed by now, that the account could sign
// at the height at which it did.
func (v *verification) accounts() {
	if v.compact() {
		v.set("accounts", Skip, "简式回执不含账户记录。", "The compact form carries no accounts.")
		return
	}
	if v.then == nil || v.now == nil {
		return
	}
	var flagged []Text
	for i := range v.now.parties {
		p := &v.now.parties[i]
		switch {
		case p.account == nil:
			v.failed("accounts", "签署账户未登记", "An account is unknown", errors.New(p.id.String()))
			return
		case p.member == nil || p.account.Member != p.vote.Member:
			v.failed("accounts", "签署账户与成员不符", "An account is of no such member", errors.New(p.id.String()))
			return
		}
		if err := p.account.Check(p.vote.Height); err != nil {
			v.failed("accounts", "签署时账户不在有效期内", "An account could not sign at that height", err)
			v.means("accounts", KeyRevoked)
			return
		}
		if c := p.account.CompromisedFrom; c != 0 && p.vote.Height >= c {
			flagged = append(flagged, Text{fmt.Sprintf("账户 %s 的密钥自高度 %d 起被报告泄露。", p.id, c), fmt.Sprintf("The key of account %s is reported compromised from height %d.", p.id, c)})
		}
		if p.member.Suspended {
			flagged = append(flagged, Text{fmt.Sprintf("成员 %s 截至高度 %d 已被中止。", p.vote.Member, v.asOf), fmt.Sprintf("Member %s is suspended as of height %d.", p.vote.Member, v.asOf)})
		}
	}
	if len(flagged) > 0 {
		t := joined(flagged)
		v.set("accounts", Warn, t.ZH, t.EN)
		return
	}
	n := len(v.now.parties)
	v.set("accounts", Pass, fmt.Sprintf("%d 个账户在签署时均有效。", n), fmt.Sprintf("All %d accounts were valid when they signed.", n))
}

// policy evaluates the co-signing rule on everybody who signed by now.
func (v *verification) policy() {
	if v.compact() {
		v.set("policy", Warn, "简式回执只证明陈述已被收录，不证明会签规则已满足，请取得完整回执。",
			"The compact form proves that the statement was accepted, not that its co-signing rule is met; ask for the full receipt.")
		v.means("policy", Partial)
		return
	}
	st := v.now
	if st == nil {
		return
	}
	issued := false
	for i := range v.env.Signatures {
		issued = issued || st.parties[i].vote.Member == v.stmt.Member
	}
	name := Text{fmt.Sprintf("%s 第 %d 版规则", v.stmt.Kind, st.version), fmt.Sprintf("version %d of the rule for %s", st.version, v.stmt.Kind)}
	outcome := row.Effective
	if st.tally != nil {
		outcome = st.tally.Outcome
	}
	lacks := strings.Join(st.missing, ", ")
	switch {
	case !issued:
		v.set("policy", Fail, "缺少陈述成员自己的签名。", "Nobody of the stating member signed.")
	case st.version == 0:
		v.set("policy", Fail, "账本没有适用的会签规则。", "The ledger has no rule that applies.")
	case outcome == row.Waits:
		zh, en := "会签尚未齐备（"+name.ZH+"），尚缺："+lacks+"。", "The signatures do not yet satisfy "+name.EN+"; missing: "+lacks+"."
		v.set("policy", Fail, zh, en)
		v.means("policy", Waiting)
		v.summary = &Text{zh, en}
	case outcome != row.Effective:
		zh, en := "会签未在期限内齐备，或事项已另行处理，陈述未生效。", "The signatures were not complete in time, or the matter moved on: the statement took no effect."
		v.set("policy", Fail, zh, en)
		v.summary = &Text{zh, en}
	case st.holds:
		v.set("policy", Pass, "满足 "+name.ZH+"："+st.expr+"。", "The signatures satisfy "+name.EN+": "+st.expr+".")
	case st.unsure || v.asOf != v.receipt.Entry.Height:
		v.set("policy", Warn, "账本记载该陈述已生效，但凭本回执无法复算 "+name.ZH+"。", "The ledger took the statement as effective, but this receipt is not enough to evaluate "+name.EN+" again.")
	default:
		v.set("policy", Fail, "签名不满足 "+name.ZH+"，尚缺："+lacks+"。", "The signatures do not satisfy "+name.EN+"; missing: "+lacks+".")
	}
}

// facts takes what the statement itself says.
func (v *verification) facts() {
	r, s := v.receipt, v.stmt
	f := &Facts{ID: v.env.ID(), Chain: s.Chain, Seq: r.Entry.Seq, Height: r.Entry.Height, Kind: s.Kind, Member: s.Member, ClaimedAt: s.At,
		SealedAt: r.Block.Header.Time.String(), AsOfHeight: r.Entry.Height, AsOf: r.Block.Header.Time.String(), Files: []File{}, Signers: []Signer{}}
	if b, ok := s.Body.(*tx.Evidence); ok {
		f.NotBefore = &Anchor{Height: b.Anchor.Height, Hash: b.Anchor.Hash}
		for _, x := range b.Files {
			f.Files = append(f.Files, File{Role: x.Role, Media: x.Media, Bytes: x.Bytes, SHA256: x.SHA256, SM3: x.SM3})
		}
	}
	if b, ok := s.Body.(*tx.Batch); ok {
		f.NotBefore = &Anchor{Height: b.Anchor.Height, Hash: b.Anchor.Hash}
	}
	if count, _, batch := itemsOf(s.Body); batch && r.Item != nil {
		f.Item = &ItemFact{Index: r.Item.Index, Count: count, SHA256: r.Item.SHA256}
	}
	for _, sig := range v.env.Signatures {
		f.Signers = append(f.Signers, Signer{Account: sig.Account, Type: row.Signed, Height: r.Entry.Height})
	}
	for _, s := range v.seen {
		f.Witnesses = append(f.Witnesses, Sighting{s.name, s.clock()})
	}
	v.report.Facts = f
}

// standingFacts adds what only proven rows say.
func (v *verification) standingFacts() {
	if v.now == nil {
		return
	}
	f := v.report.Facts
	f.State, f.AsOfHeight = v.matterState(), v.asOf
	if v.asOf != f.Height {
		f.AsOf = v.receipt.Later.Block.Header.Time.String()
	}
	if m := v.now.issuer; m != nil {
		f.MemberName = Text{m.NameZH, m.NameEN}
	}
	f.Signers = f.Signers[:0]
	for i := range v.now.parties {
		p := &v.now.parties[i]
		s := Signer{Account: p.id, Member: p.vote.Member, Type: p.vote.Type, Height: p.vote.Height}
		if p.member != nil {
			s.MemberName = Text{p.member.NameZH, p.member.NameEN}
		}
		f.Signers = append(f.Signers, s)
	}
}

// conclude draws the verdict and says what was left out.
func (v *verification) conclude() {
	r := v.report
	r.Verdict = Verified
	first := -1
	for i := range r.Checks {
		switch r.Checks[i].Result {
		case Fail:
			if r.Verdict = NotVerified; first < 0 {
				first = i
			}
		case Warn:
			if r.Verdict == Verified {
				r.Verdict = Warned
			}
		}
	}
	switch {
	case r.Verdict == NotVerified && v.summary != nil && r.Checks[first].ID == "policy":
		r.Summary = *v.summary
	case r.Verdict == NotVerified:
		r.Summary = Text{"本回执不能采信：“" + r.Checks[first].Name.ZH + "”一项不通过。", "The receipt is not to be relied on: the check \"" + r.Checks[first].Name.EN + "\" failed."}
	case v.summary != nil:
		r.Summary = Text{"该陈述已上链且未被改动，但" + v.summary.ZH, "The statement is on the ledger and unchanged; but " + v.summary.EN}
	case v.compact():
		r.Summary = Text{"该陈述已被账本收录且未被改动；会签是否齐备、现在是否仍有效，须看完整回执。", "The statement was accepted by the ledger and is unchanged; whether its co-signing rule is met and it still stands is for the full receipt to show."}
	case r.Verdict == Warned:
		r.Summary = Text{"该陈述已上链且未被改动，但有须注意的事项。", "The statement is on the ledger and unchanged, with something to note below."}
	default:
		r.Summary = Text{"该陈述已上链、会签齐备且未被改动。", "The statement is on the ledger, co-signed as its rule asks, and unchanged."}
	}
	v.notChecked()
	r.Rebuttals = rebuttals(v.stmt != nil && v.stmt.Body != nil)
	r.Answer()
}

func (v *verification) notChecked() {
	r := v.report
	add := func(zh, en string) { r.NotChecked = append(r.NotChecked, Text{clean(zh), clean(en)}) }
	for i := range r.Checks {
		if c := &r.Checks[i]; c.Result == Skip {
			add(c.Name.ZH+"："+c.Sentence.ZH, c.Name.EN+": "+c.Sentence.EN)
		}
	}
	if v.stmt != nil {
		if b, ok := v.stmt.Body.(*tx.Evidence); ok {
			v.filesNotGiven(b, add)
			add(fmt.Sprintf("证据在上链前是否真实：本回执不证明所采集的网页或文件内容属实，也不证明区块 %d 之前的任何事情（在线诉讼规则第十八条）。", b.Anchor.Height),
				fmt.Sprintf("Whether the evidence was true before it went on the chain: this receipt does not prove that the captured content was right, nor anything before block %d (Online Litigation Rules art. 18).", b.Anchor.Height))
			if len(b.TSA) > 0 {
				add("时间戳令牌未随回执提供，未检查。", "The time-stamp tokens that the statement names are not in the receipt.")
			}
			if b.Env != nil {
				add("采集环境的清洁性报告只有摘要，其内容未检查。", "The report on the capturing environment is named by its digest; its content was not checked.")
			}
		}
		if v.stmt.Body == nil {
			add("正文的内容：本程序只读取证据封存、证据批次和事件批次陈述的正文，其他种类须按其所签原文阅读。", "What the body says: this program reads the bodies of evidence.seal, evidence.batch and trace.events alone; for other kinds read what was signed.")
		}
		if _, ok := v.stmt.Body.(*tx.Events); ok {
			if v.receipt.Item == nil {
				add("批次中的各事件：本回执只证明其根值。", "The events of the batch: this receipt proves only their root.")
			} else if len(v.opt.Files) == 0 {
				add("事件本身：只证明了其哈希，请由事件重算哈希再比对（zheng trace event hash）。", "The event itself: its hash is proven; compute it from the event and compare (zheng trace event hash).")
			}
			add("事件所述是否属实。", "Whether what the events say was true.")
		}
		if b, ok := v.stmt.Body.(*tx.Batch); ok {
			if v.receipt.Item == nil {
				add("批次中的各项：本回执只证明批次的根值。", "The items of the batch: this receipt proves only their root.")
			} else if len(v.opt.Files) == 0 {
				add("未提供文件，只证明了摘要，未与文件比对。", "No file was given: the digest is proven, and was compared with nothing.")
			}
			add(fmt.Sprintf("证据在上链前是否真实：本回执不证明文件内容属实，也不证明区块 %d 之前的任何事情（在线诉讼规则第十八条）。", b.Anchor.Height),
				fmt.Sprintf("Whether the evidence was true before it went on the chain: this receipt does not prove that the files were right, nor anything before block %d (Online Litigation Rules art. 18).", b.Anchor.Height))
		}
		add("签署方声明的时间是其自述，只有“不早于”与“封存时间”之间的区间得到证明。", "The claimed time is the signers' own; only the interval from \"not before\" to \"sealed at\" is proven.")
		if v.now != nil {
			if len(v.now.parties) > len(v.env.Signatures) {
				add("后来的会签各有自己的陈述和回执；本回执只证明账本如何记载它们。", "Later endorsements are statements with receipts of their own; this one proves only how the ledger recorded them.")
			}
			add(fmt.Sprintf("高度 %d 之后发生的事情。", v.asOf), fmt.Sprintf("Anything that happened after height %d.", v.asOf))
		}
	}
	switch v.opt.Source {
	case FromCertificate:
		add("证书上印刷的文字与电子印章：本报告依据证书所附的回执，文字与本报告不一致的，以本报告为准；印章可用 pdfsig 等工具另行检查。",
			"What is printed on the certificate, and its seal: this report is on the receipt attached to it; where the words differ, the words are wrong. For the seal use pdfsig, say.")
	case FromPaper:
		add("纸上印刷的文字：本报告依据二维码中的简式回执，文字与本报告不一致的，以本报告为准。",
			"What is printed in words: this report is on the compact receipt in the code; where the words differ, the words are wrong.")
	case FromFile:
	}
	add("可信根文件本身：须由法院通过独立渠道取得并核对。", "The trust root itself: it must come to the court by a way of its own.")
}

func (v *verification) filesNotGiven(b *tx.Evidence, add func(zh, en string)) {
	if len(v.opt.Files) == 0 {
		return
	}
	n := 0
	for i := range b.Files {
		given := false
		for j := range v.opt.Files {
			given = given || v.opt.Files[j].SHA256 == b.Files[i].SHA256
		}
		if !given {
			n++
		}
	}
	if n > 0 {
		add(fmt.Sprintf("陈述中另有 %d 个文件未提供，未比对。", n), fmt.Sprintf("%d more files of the statement were not given and not compared.", n))
	}
}
