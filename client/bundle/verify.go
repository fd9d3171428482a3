package bundle

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/stamp"
)

// Options say what is asked and what is trusted besides the ledger.
type Options struct {
	WantID   tx.ID                 // zero: any statement
	Files    []receipt.FileDigests // more files that the statement is to name, from outside the bundle
	TSARoots []*x509.Certificate   // roots of time-stamp authorities that the verifier trusts

	Witnesses *receipt.WitnessPolicy // whose cosignatures are asked for; nil: none are checked
}

// checks is the table of checks, in the order of the report; those of the receipt
// follow. Articles are those of package receipt.
var checks = []receipt.Check{
	{ID: "archive", Name: receipt.Text{ZH: "证据包格式", EN: "archive well formed"}, Article: "在线诉讼规则 art. 16", Point: "V1"},
	{ID: "manifest", Name: receipt.Text{ZH: "清单", EN: "manifest"}, Article: "在线诉讼规则 art. 16", Point: "V1"},
	{ID: "contents", Name: receipt.Text{ZH: "内容摘要", EN: "digests of the contents"}, Article: "在线诉讼规则 art. 16", Point: "V2"},
	{ID: "record", Name: receipt.Text{ZH: "签名陈述", EN: "signed record"}, Article: "在线诉讼规则 art. 16", Point: "V4"},
	{ID: "seal", Name: receipt.Text{ZH: "加盐树根", EN: "salted root"}, Article: "在线诉讼规则 art. 16", Point: "V3"},
	{ID: "evidence_files", Name: receipt.Text{ZH: "证据文件", EN: "evidence files"}, Article: "在线诉讼规则 art. 16", Point: "V2"},
	{ID: "custody", Name: receipt.Text{ZH: "保管记录", EN: "custody log"}, Article: "在线诉讼规则 art. 18", Point: "V15"},
	{ID: "environment", Name: receipt.Text{ZH: "采集环境", EN: "capturing environment"}, Article: "在线诉讼规则 art. 18", Point: "V13"},
	{ID: "capture", Name: receipt.Text{ZH: "采集摘要", EN: "capture summary"}, Article: "在线诉讼规则 art. 18", Point: "V14"},
	{ID: "web_archive", Name: receipt.Text{ZH: "网页归档", EN: "web archive"}, Article: "在线诉讼规则 art. 18", Point: "V14"},
	{ID: "timestamps", Name: receipt.Text{ZH: "时间戳", EN: "time-stamps"}, Article: "在线诉讼规则 art. 18", Point: "V10"},
	{ID: "interval", Name: receipt.Text{ZH: "时间区间", EN: "interval of time"}, Article: "在线诉讼规则 art. 18", Point: "V10"},
	{ID: "trust_copy", Name: receipt.Text{ZH: "可信根副本", EN: "copy of the trust root"}, Article: "在线诉讼规则 art. 17", Point: "V9"},
	{ID: "readme", Name: receipt.Text{ZH: "说明文件", EN: "explanations"}, Article: "在线诉讼规则 art. 16", Point: "V1"},
}

// Bounds of entries that are read into memory.
const (
	maxManifest = 16 << 20
	maxSmall    = 4 << 20
)

// A verification gathers the results of the checks.
type verification struct {
	ctx    context.Context
	trust  *receipt.Trust
	opt    *Options
	checks []receipt.Check
	base   *receipt.Report
	facts  *Facts
	report *Report

	archive  *Archive
	manifest *Manifest
	sums     map[string]sums // of entries that are as listed
	receipt  *receipt.Receipt
	env      *tx.Envelope
	stmt     *tx.Statement
	seal     *tx.Evidence
	tokens   []*stamp.Token // those of seal.TSA, when all hold
	trusted  []bool
}

// Verify checks a bundle of size bytes against a trust root. It reads every byte
// once, no clock and no network; the same input gives the same report. The error
// is not nil only when ctx ended.
func Verify(ctx context.Context, r io.ReaderAt, size int64, t *receipt.Trust, o Options) (*Report, error) {
	v := &verification{ctx: ctx, trust: t, opt: &o, checks: slices.Clone(checks)}
	for i := range v.checks {
		v.checks[i].Result = receipt.Skip
		v.checks[i].Sentence = receipt.Text{ZH: "前面的检查未通过，无法检查。", EN: "It cannot be checked, because of what failed elsewhere."}
	}
	v.run(r, size)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v.conclude()
	return v.report, nil
}

func (v *verification) set(id string, r receipt.Result, zh, en string) {
	i := slices.IndexFunc(v.checks, func(c receipt.Check) bool { return c.ID == id })
	c := &v.checks[i]
	c.Result, c.Sentence, c.Outcome = r, receipt.Text{ZH: zh, EN: en}, ""
	switch {
	case r == receipt.Fail && (id == "archive" || id == "manifest"):
		c.Outcome = receipt.Malformed
	case r == receipt.Fail && (id == "contents" || id == "evidence_files" || id == "seal" || id == "record" || id == "readme"):
		c.Outcome = receipt.HashMismatch
	case id == "timestamps" && (r == receipt.Fail || r == receipt.Warn):
		c.Outcome = receipt.TimeUntrusted
	case r == receipt.Fail:
		c.Outcome = receipt.Inconsistent
	case id == "evidence_files" && r == receipt.Warn:
		c.Outcome = receipt.Partial
	}
}

// failed reports a check that failed for a reason that only English has. Errors
// quote what comes out of the bundle.
func (v *verification) failed(id, zh, en string, err error) {
	v.set(id, receipt.Fail, fmt.Sprintf("%s（%s）。", zh, plain(err)), fmt.Sprintf("%s: %s.", en, plain(err)))
}

// plain makes one line of an error, whatever wrote it.
func plain(err error) string { return Text(err.Error()) }

func (v *verification) run(r io.ReaderAt, size int64) {
	a, err := Open(r, size)
	if err != nil {
		v.failed("archive", "证据包不是规范的 ZIP 文件", "The bundle is not an archive in its one form", err)
		return
	}
	v.archive = a
	v.set("archive", receipt.Pass, fmt.Sprintf("规范的 ZIP 文件，共 %d 项，没有多余数据、重复名称或链接。", len(a.Entries)),
		fmt.Sprintf("A ZIP file of %d entries in its one form: nothing appended, repeated, linked or compressed.", len(a.Entries)))
	v.extendTrust()
	v.readManifest()
	v.contents()
	v.readReceipt()
	if v.manifest == nil {
		return
	}
	v.readme()
	if v.seal == nil {
		return
	}
	v.record()
	v.root()
	v.evidenceFiles()
	v.timestamps()
	v.custody()
	v.environment()
	v.capture()
	v.webArchive()
	v.interval()
	v.trustCopy()
}

// other says what role and media type an entry has that is no evidence file.
func other(name string) (role, media string) {
	switch {
	case name == NameRecord:
		return "record", "application/vnd.dsse.envelope.v1+json"
	case name == NameReceipt:
		return "receipt", "application/vnd.zhenglian.receipt+json"
	case name == NameTrust:
		return "trust", "application/json"
	case name == NameAnchor:
		return "anchor", "application/json"
	case name == NameCustody:
		return "custody", "application/jsonl"
	case name == NameReadme:
		return "readme", "text/plain"
	}
	for i := range tx.MaxTSA {
		switch name {
		case nameToken(i):
			return "timestamp", "application/timestamp-reply"
		case nameChain(i):
			return "timestamp_chain", "application/x-pem-file"
		}
	}
	return "", ""
}

// readManifest reads the manifest and compares it with the directory.
func (v *verification) readManifest() {
	b, err := v.archive.Bytes(NameManifest, maxManifest)
	var m *Manifest
	if err == nil {
		m, err = ParseManifest(b)
	}
	if err == nil {
		err = v.lists(m)
	}
	if err != nil {
		v.failed("manifest", "清单无法读取，或与证据包中的文件不一致", "The manifest cannot be read, or does not list the entries", err)
		return
	}
	v.manifest = m
	v.facts = &Facts{Root: m.Root, Fields: []Field{}, Tokens: []Stamp{}}
	for i := range m.Fields {
		if f := &m.Fields[i]; f.Withheld {
			v.facts.Withheld++
		} else {
			v.facts.Fields = append(v.facts.Fields, Field{f.Name, f.Value})
		}
	}
	for i := range m.Files {
		if f := &m.Files[i]; f.Withheld {
			v.facts.Withheld++
		} else {
			v.facts.Files++
			v.facts.Bytes += f.Bytes
		}
	}
	v.set("manifest", receipt.Pass, "清单为规范格式，所列文件与证据包中的文件一一对应。", "The manifest is canonical and lists the entries of the bundle, all of them and no others.")
}

func (v *verification) lists(m *Manifest) error {
	listed := map[string]bool{NameManifest: true}
	for i := range m.Files {
		f := &m.Files[i]
		if f.Withheld {
			continue
		}
		if isOther(f.Path) {
			return fmt.Errorf("%q is no place for an evidence file", f.Path)
		}
		listed[f.Path] = true
	}
	for i := range m.Others {
		f := &m.Others[i]
		if role, media := other(f.Path); role == "" || f.Role != role || f.Media != media {
			return fmt.Errorf("%q is not known, or of another role or type", f.Path)
		}
		listed[f.Path] = true
	}
	if m.IsWACZ() { // the package lists the manifest, and so cannot be listed there
		listed[NamePackage], listed[NamePackageDigest] = true, true
	}
	for i := range v.archive.Entries {
		n := v.archive.Entries[i].Name
		if !listed[n] {
			return fmt.Errorf("entry %q is not listed", n)
		}
		delete(listed, n)
	}
	for _, n := range slices.Sorted(maps.Keys(listed)) {
		return fmt.Errorf("%q is listed and missing", n)
	}
	return nil
}

// contents hashes every entry once and compares it with the manifest.
func (v *verification) contents() {
	want := map[string]*File{}
	if v.manifest != nil {
		for i := range v.manifest.Files {
			want[v.manifest.Files[i].Path] = &v.manifest.Files[i].File
		}
		for i := range v.manifest.Others {
			want[v.manifest.Others[i].Path] = &v.manifest.Others[i]
		}
	}
	v.sums = map[string]sums{}
	var bad error
	for i, d := range v.digestAll() {
		e, s, err := &v.archive.Entries[i], d.sums, d.err
		f := want[e.Name]
		switch {
		case err != nil:
			err = fmt.Errorf("%q: %w", e.Name, err)
		case s.CRC != e.CRC:
			err = fmt.Errorf("%q: its CRC is not that of the archive", e.Name)
		case f != nil && (s.SHA256 != f.SHA256 || s.SM3 != f.SM3 || s.Bytes != f.Bytes):
			err = fmt.Errorf("%q: SHA-256, SM3 or length is not that of the manifest", e.Name)
		default:
			v.sums[e.Name] = s
		}
		if bad == nil {
			bad = err
		}
	}
	if v.ctx.Err() != nil {
		return
	}
	switch {
	case bad != nil:
		v.failed("contents", "有文件被改动", "A file was changed", bad)
	case v.manifest != nil:
		n := len(v.archive.Entries)
		v.set("contents", receipt.Pass, fmt.Sprintf("%d 个文件的 SHA-256、SM3 和长度与清单一致。", n-1), fmt.Sprintf("SHA-256, SM3 and length of %d files are those of the manifest.", n-1))
	}
}

// A digested is an entry's digests, or why there are none.
type digested struct {
	sums sums
	err  error
}

// maxHashers bounds the entries that are hashed at once, each with two chunks in memory.
const maxHashers = 8

// digestAll hashes every entry, the largest first and as many at once as there are
// processors: the SM3 of one file is a chain and takes one of them, those of several
// files do not wait for each other.
func (v *verification) digestAll() []digested {
	out := make([]digested, len(v.archive.Entries))
	order := make([]int, len(out))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(v.archive.Entries[b].Size, v.archive.Entries[a].Size) })
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(len(order), runtime.GOMAXPROCS(0), maxHashers) {
		all.Go(func() {
			for {
				n := next.Add(1) - 1
				if n >= int64(len(order)) {
					return
				}
				i := order[n]
				e := &v.archive.Entries[i]
				out[i].sums, out[i].err = digest(v.ctx, v.archive.Reader(e), e.Size)
			}
		})
	}
	all.Wait()
	return out
}

// readReceipt verifies the receipt, giving it the evidence files as they are.
func (v *verification) readReceipt() {
	b, err := v.archive.Bytes(NameReceipt, receipt.MaxBytes)
	if err != nil {
		v.failed("record", "没有回执", "There is no receipt", err)
		return
	}
	o := receipt.Options{WantID: v.opt.WantID, Files: slices.Clone(v.opt.Files), Witnesses: v.opt.Witnesses}
	if v.manifest != nil {
		for i := range v.manifest.Files {
			f := &v.manifest.Files[i]
			if s, ok := v.sums[f.Path]; ok && !f.Withheld {
				o.Files = append(o.Files, receipt.FileDigests{Name: f.Path, SHA256: s.SHA256, SM3: s.SM3, Bytes: s.Bytes})
			}
		}
	}
	v.base = receipt.Verify(b, v.trust, o)
	if v.receipt, err = receipt.Parse(b); err != nil {
		return // the receipt's own check says so
	}
	v.env, _ = tx.ParseEnvelope(v.receipt.Entry.Envelope) // Parse has seen to it
	if v.stmt, err = receipt.Statement(v.env.Payload); err != nil {
		return
	}
	e, ok := v.stmt.Body.(*tx.Evidence)
	if !ok {
		v.failed("record", "回执所载陈述不是证据封存陈述", "The receipt is of another kind of statement", errors.New(string(v.stmt.Kind)))
		return
	}
	v.seal = e
	doc, err := v.receipt.EncodeJSON()
	if err != nil || !bytes.Equal(doc, b) {
		v.set("record", receipt.Fail, "回执不是其规范格式。", "The receipt is not in its canonical form.")
		v.receipt = nil
	}
}

// record compares the record, which people read, with the receipt.
func (v *verification) record() {
	if v.receipt == nil {
		return
	}
	b, err := v.archive.Bytes(NameRecord, maxSmall)
	if err == nil && !bytes.Equal(b, v.env.AppendJSON(nil)) {
		err = errors.New("it differs from the envelope in the receipt")
	}
	if err != nil {
		v.failed("record", "签名陈述与回执不符", "The signed record is not that of the receipt", err)
		return
	}
	v.set("record", receipt.Pass, "签名陈述与回执所载的逐字节相同。", "The signed record is that of the receipt, byte for byte.")
}

// root computes the salted tree and compares it with the statement.
func (v *verification) root() {
	t, err := v.manifest.Tree()
	var got tx.Digest
	if err == nil {
		got, err = t.Root()
	}
	if err == nil && got != v.manifest.Root {
		err = fmt.Errorf("the manifest says %s, its lines give %s", v.manifest.Root, got)
	}
	if err == nil && got != v.seal.FieldsRoot {
		err = fmt.Errorf("the statement has the root %s, the manifest %s", v.seal.FieldsRoot, got)
	}
	if err == nil && v.differs(fieldAnchor, anchorValue(v.seal.Anchor)) {
		err = errors.New("the field anchor is not the anchor of the statement")
	}
	if err != nil {
		v.failed("seal", "字段与文件的加盐树根不是陈述所载的", "The salted root of fields and files is not that of the statement", err)
		return
	}
	n := len(v.manifest.Fields) + len(v.manifest.Files)
	zh, en := fmt.Sprintf("%d 个字段和文件的加盐树根与上链陈述一致。", n), fmt.Sprintf("The salted root of %d fields and files is the one that the statement has on the ledger.", n)
	if w := v.facts.Withheld; w > 0 {
		zh += fmt.Sprintf("其中 %d 项未出示。", w)
		en += fmt.Sprintf(" %d of them are withheld.", w)
	}
	v.set("seal", receipt.Pass, zh, en)
}

// differs reports whether a field is shown with another value, or is missing
// where it must be shown.
func (v *verification) differs(name, want string) bool {
	got, ok := v.manifest.Field(name)
	return ok && got != want || !ok && (v.facts.Withheld == 0 || mustShow(name))
}

// evidenceFiles compares the evidence files with those of the statement, both
// ways.
func (v *verification) evidenceFiles() {
	same := func(a *File, b *tx.File) bool {
		return a.SHA256 == b.SHA256 && a.SM3 == b.SM3 && a.Bytes == b.Bytes && a.Role == b.Role && a.Media == b.Media
	}
	if len(v.seal.Files) == 0 {
		v.set("evidence_files", receipt.Fail, "陈述只载有文件树根，本版本证据包不支持。", "The statement names only the root of its files, which bundles of this version do not carry.")
		return
	}
	hidden := 0
	for i := range v.manifest.Files {
		f := &v.manifest.Files[i]
		if f.Withheld {
			hidden++
			continue
		}
		if !slices.ContainsFunc(v.seal.Files, func(x tx.File) bool { return same(&f.File, &x) }) {
			v.failed("evidence_files", "有文件不是陈述所载的", "A file is not one that the statement names", fmt.Errorf("%q", f.Path))
			return
		}
	}
	absent := 0
	for i := range v.seal.Files {
		if !slices.ContainsFunc(v.manifest.Files, func(x SealedFile) bool { return !x.Withheld && same(&x.File, &v.seal.Files[i]) }) {
			absent++
		}
	}
	switch {
	case absent > hidden:
		v.set("evidence_files", receipt.Fail, fmt.Sprintf("陈述所载的文件缺少 %d 个。", absent), fmt.Sprintf("%d files that the statement names are missing.", absent))
	case hidden > 0:
		v.set("evidence_files", receipt.Warn, fmt.Sprintf("有 %d 个文件未出示；其余与陈述一致。", hidden), fmt.Sprintf("%d files are withheld; the others are those of the statement.", hidden))
	default:
		n := len(v.seal.Files)
		v.set("evidence_files", receipt.Pass, fmt.Sprintf("陈述所载的 %d 个文件齐全且一致。", n), fmt.Sprintf("All %d files that the statement names are here, and no others.", n))
	}
}

// timestamps checks the tokens that the statement names. A token is not read
// before its digest was compared.
func (v *verification) timestamps() {
	for i := range tx.MaxTSA {
		if named := i < len(v.seal.TSA); named != (v.archive.Find(nameToken(i)) != nil) || named != (v.archive.Find(nameChain(i)) != nil) {
			v.set("timestamps", receipt.Fail, "时间戳文件与陈述所载的令牌不对应。", "The time-stamp files are not those of the tokens that the statement names.")
			return
		}
	}
	if len(v.seal.TSA) == 0 {
		v.set("timestamps", receipt.Skip, "陈述不含时间戳。", "The statement names no time-stamp.")
		return
	}
	for i, want := range v.seal.TSA {
		t, trusted, err := v.token(i, want)
		if err != nil {
			v.tokens, v.facts.Tokens = nil, []Stamp{}
			v.failed("timestamps", fmt.Sprintf("时间戳 %02d 不成立", i), fmt.Sprintf("Time-stamp %02d does not hold", i), err)
			return
		}
		v.tokens, v.trusted = append(v.tokens, t), append(v.trusted, trusted)
		v.facts.Tokens = append(v.facts.Tokens, Stamp{Authority: Text(t.Signer.Subject.String()), Time: clock(t.Time), Accuracy: t.Accuracy.String(), Token: want, Trusted: trusted, Test: t.Test()})
	}
	good, test := 0, 0
	for i, t := range v.tokens {
		if v.trusted[i] {
			good++
		}
		if t.Test() {
			test++
		}
	}
	n := len(v.tokens)
	zh, en := fmt.Sprintf("%d 个时间戳覆盖树根且签名有效，其中 %d 个由您信任的机构签发。", n, good),
		fmt.Sprintf("%d time-stamps cover the root and their signatures hold; %d are by authorities that you trust.", n, good)
	if test > 0 {
		zh += fmt.Sprintf("%d 个出自测试机构（UNTRUSTED），没有证明力。", test)
		en += fmt.Sprintf(" %d are by a test authority (UNTRUSTED) and prove nothing.", test)
	}
	r := receipt.Pass
	if good == 0 || test > 0 {
		r = receipt.Warn
	}
	v.set("timestamps", r, zh, en)
}

// token checks one token and its chain; trusted says whether one of the
// verifier's own roots certifies it.
func (v *verification) token(i int, want tx.Digest) (t *stamp.Token, trusted bool, err error) {
	b, err := v.archive.Bytes(nameToken(i), maxSmall)
	if err != nil {
		return nil, false, err
	}
	der, err := stamp.TokenOf(b)
	if err != nil {
		return nil, false, err
	}
	if got := tx.Digest(sha256.Sum256(der)); got != want {
		return nil, false, fmt.Errorf("it is token %s, the statement names %s", got, want)
	}
	if t, err = stamp.ParseResponse(b); err != nil {
		return nil, false, err
	}
	if b, err = v.archive.Bytes(nameChain(i), maxSmall); err != nil {
		return nil, false, err
	}
	certs, err := decodeChain(b)
	if err != nil {
		return nil, false, err
	}
	chain, err := t.Chain(v.seal.FieldsRoot, certs[len(certs)-1:], certs)
	if err != nil {
		return nil, false, err
	}
	if !slices.EqualFunc(chain, certs, (*x509.Certificate).Equal) {
		return nil, false, errors.New("the file of certificates holds others than its chain")
	}
	_, err = t.Chain(v.seal.FieldsRoot, v.opt.TSARoots, certs)
	return t, err == nil && !t.Test(), nil
}

// decodeChain reads what encodeChain wrote, and nothing else.
func decodeChain(b []byte) (certs []*x509.Certificate, err error) {
	if len(b) > stamp.MaxToken*2 {
		return nil, errors.New("too many certificates")
	}
	var again []byte
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certs = append(certs, c)
		again = append(again, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	if len(certs) == 0 || !bytes.Equal(again, b) {
		return nil, errors.New("the file of certificates holds something else")
	}
	return certs, nil
}

// custody checks the log: its chain, its head at the seal, and the lines behind
// it, which follow from the statement.
func (v *verification) custody() {
	b, err := v.archive.Bytes(NameCustody, maxCustody)
	var events []Event
	if err == nil {
		events, err = parseCustody(b)
	}
	if err != nil {
		v.failed("custody", "保管记录不完整", "The custody log does not hold", err)
		return
	}
	if v.receipt == nil || len(v.tokens) != len(v.seal.TSA) {
		return
	}
	var times []time.Time
	for _, t := range v.tokens {
		times = append(times, t.Time)
	}
	after := afterSeal(v.env.ID(), v.seal.TSA, times, v.receipt.Block.Header.Time.Tx())
	n := len(events) - len(after)
	switch {
	case n < 1 || !slices.Equal(events[n:], after):
		v.set("custody", receipt.Fail, "保管记录的末尾与陈述、时间戳或回执不符。", "The end of the custody log is not what the statement, its tokens and its receipt give.")
	case v.differs(fieldCustody, lastHash(splitCustody(b, n)).String()):
		v.set("custody", receipt.Fail, "封存前的保管记录不是封存时的那一份。", "The custody log up to the seal is not the one that was sealed.")
	default:
		v.set("custody", receipt.Pass, fmt.Sprintf("%d 行保管记录逐行相连，封存前的 %d 行已一并封存。", len(events), n),
			fmt.Sprintf("%d lines continue each other; the first %d were sealed with the evidence.", len(events), n))
	}
}

// environment compares env.json with the statement.
func (v *verification) environment() {
	if v.seal.Env == nil {
		v.set("environment", receipt.Skip, "陈述不含采集环境报告。", "The statement names no report on the capturing environment.")
		return
	}
	i := slices.IndexFunc(v.manifest.Files, func(f SealedFile) bool { return !f.Withheld && f.Role == roleEnv })
	if i < 0 {
		v.set("environment", receipt.Skip, "采集环境报告未出示。", "The report on the capturing environment is withheld or missing.")
		return
	}
	f := &v.manifest.Files[i]
	b, err := v.archive.Bytes(f.Path, maxSmall)
	var r envReport
	if err == nil {
		if f.SHA256 != v.seal.Env.ReportSHA256 || v.sums[f.Path].SHA256 != f.SHA256 {
			err = errors.New("its digest is not that of the statement")
		} else if err = json.Unmarshal(b, &r); err == nil && r.Result != v.seal.Env.Result {
			err = fmt.Errorf("it says %q, the statement %q", r.Result, v.seal.Env.Result)
		}
	}
	if err != nil {
		v.failed("environment", "采集环境报告与陈述不符", "The report on the capturing environment is not that of the statement", err)
		return
	}
	var bad []string
	for _, it := range r.Items {
		if it.Result != "ok" && it.Result != "na" {
			bad = append(bad, fmt.Sprintf("%q", it.ID))
		}
	}
	if r.Result != "ok" || len(bad) > 0 {
		list := strings.Join(bad, ", ")
		if w, err := v.waiver(); err != nil {
			v.failed("environment", "采集环境有项目不合格（"+list+"），且接受说明不成立", "The capturing environment was not clean ("+list+"), and the waiver does not hold", err)
			return
		} else if w != nil {
			v.set("environment", receipt.Warn, "采集环境有项目不合格："+list+"。账户 "+w.Account.String()+" 已会签接受，理由："+Text(w.Reason)+"。",
				"The capturing environment was not clean: "+list+". Account "+w.Account.String()+" signed to accept that, because: "+Text(w.Reason)+".")
			return
		}
		v.set("environment", receipt.Warn, "采集环境有项目不合格："+list+"。", "The capturing environment was not clean: "+list+".")
		return
	}
	v.set("environment", receipt.Pass, fmt.Sprintf("采集环境报告与陈述一致，%d 项均无不合格。", len(r.Items)), fmt.Sprintf("The report on the capturing environment is that of the statement; none of its %d items failed.", len(r.Items)))
}

// capture compares the sealed fields with capture.json.
func (v *verification) capture() {
	if v.seal.Class != "web_capture" {
		v.set("capture", receipt.Skip, "不是网页采集。", "This is no web capture.")
		return
	}
	if _, ok := v.sums[nameSummary]; !ok {
		v.set("capture", receipt.Skip, "采集摘要未出示。", "The summary of the capture is withheld or missing.")
		return
	}
	b, err := v.archive.Bytes(nameSummary, maxSmall)
	if err == nil {
		err = v.compareFields(b)
	}
	if err != nil {
		v.failed("capture", "封存的字段与采集摘要不符", "The sealed fields are not those of the capture", err)
		return
	}
	v.set("capture", receipt.Pass, "网址、标题、服务器地址等字段与采集摘要一致。", "Addresses, title and server of the sealed fields are those of the capture.")
}

func (v *verification) compareFields(summary []byte) error {
	want, err := CaptureFields(summary)
	if err != nil {
		return err
	}
	for _, f := range want {
		if v.differs(f.Name, f.Value) {
			return fmt.Errorf("field %q", f.Name)
		}
	}
	return nil
}

// clock is the form of times in a report.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// interval finds between which moments the root came about, and says where the
// clocks disagree.
func (v *verification) interval() {
	if v.receipt == nil {
		return
	}
	var before time.Time
	if v.archive.Find(NameAnchor) != nil {
		b, err := v.archive.Bytes(NameAnchor, maxSmall)
		var h *receipt.Header
		if err == nil {
			h, err = readAnchor(b, v.seal.Anchor)
		}
		if err != nil {
			v.failed("interval", "锚定区块头不成立", "The header of the anchor block does not hold", err)
			return
		}
		before = time.Unix(h.Time.Sec, int64(h.Time.Nano))
		v.facts.NotBefore = &Bound{clock(before), receipt.Text{ZH: fmt.Sprintf("锚定区块 %d", h.Height), EN: fmt.Sprintf("anchor block %d", h.Height)}}
	}
	sealedAt := v.receipt.Block.Header.Time
	after := time.Unix(sealedAt.Sec, int64(sealedAt.Nano))
	by := receipt.Text{ZH: fmt.Sprintf("区块 %d", v.receipt.Block.Header.Height), EN: fmt.Sprintf("block %d", v.receipt.Block.Header.Height)}
	sealed := after
	var odd []receipt.Text
	note := func(zh, en string) { odd = append(odd, receipt.Text{ZH: zh, EN: en}) }
	for i, t := range v.tokens {
		if v.trusted[i] && t.NotAfter().Before(after) {
			after = t.NotAfter()
			by = receipt.Text{ZH: fmt.Sprintf("时间戳 %02d", i), EN: fmt.Sprintf("time-stamp %02d", i)}
		}
		if t.Time.Add(-t.Accuracy).After(sealed) {
			note(fmt.Sprintf("时间戳 %02d 晚于封存时间。", i), fmt.Sprintf("Time-stamp %02d is later than the block that sealed it.", i))
		}
		if !before.IsZero() && t.NotAfter().Before(before) {
			note(fmt.Sprintf("时间戳 %02d 早于锚定区块。", i), fmt.Sprintf("Time-stamp %02d is earlier than the anchor block.", i))
		}
		if v.seal.Captured.Ended.Time().After(t.NotAfter()) {
			note(fmt.Sprintf("采集方声明的结束时间晚于时间戳 %02d。", i), fmt.Sprintf("The capture claims to have ended after time-stamp %02d.", i))
		}
	}
	if f := v.base.Facts; f != nil {
		for _, s := range f.Witnesses {
			at, err := time.Parse(time.RFC3339, s.At)
			if err != nil {
				continue // of a year that has no five digits
			}
			if at.Before(after) {
				after, by = at, receipt.Text{ZH: "见证人 " + s.Name, EN: "the witness " + s.Name}
			}
			if at.Add(time.Second).Before(before) {
				note(fmt.Sprintf("见证人 %s 的联署早于锚定区块。", s.Name), fmt.Sprintf("The witness %s cosigned before the anchor block.", s.Name))
			}
		}
	}
	v.facts.NotAfter = &Bound{clock(after), by}
	if v.seal.Captured.Ended.Time().After(sealed) {
		note("采集方声明的结束时间晚于封存时间。", "The capture claims to have ended after the block that sealed it.")
	}
	if before.After(sealed) {
		note("锚定区块晚于封存时间。", "The anchor block is later than the block that sealed the evidence.")
	}
	if len(odd) > 0 {
		var zh, en string
		for _, t := range odd {
			zh, en = zh+t.ZH, en+t.EN+" "
		}
		v.set("interval", receipt.Warn, "各时间来源不一致："+zh, "The clocks disagree: "+strings.TrimSpace(en))
		return
	}
	if before.IsZero() {
		v.set("interval", receipt.Pass, "封存不晚于 "+clock(after)+"；锚定区块的时间未随包提供。", "It was sealed not after "+clock(after)+"; the time of the anchor block is not in the bundle.")
		return
	}
	v.set("interval", receipt.Pass, "封存于 "+clock(before)+" 与 "+clock(after)+" 之间。", "It was sealed between "+clock(before)+" and "+clock(after)+".")
}

// extendTrust takes what the copy of the trust root in the bundle knows of changes
// of the validators since, as far as the one that is relied on proves them.
func (v *verification) extendTrust() {
	b, err := v.archive.Bytes(NameTrust, receipt.MaxTrust)
	if err != nil {
		return
	}
	if t, err := receipt.ParseTrust(b); err == nil {
		if newer, err := v.trust.Extend(t); err == nil {
			v.trust = newer
		}
	}
}

// trustCopy compares the trust root in the bundle, which is never relied on,
// with the one that is.
func (v *verification) trustCopy() {
	b, err := v.archive.Bytes(NameTrust, receipt.MaxTrust)
	var t *receipt.Trust
	if err == nil {
		t, err = receipt.ParseTrust(b)
	}
	switch {
	case err != nil:
		v.failed("trust_copy", "可信根副本无法读取", "The copy of the trust root cannot be read", err)
	case t.Chain != v.trust.Chain || t.ValidatorsHash() != v.trust.ValidatorsHash():
		v.set("trust_copy", receipt.Fail, "证据包中的可信根副本与您的可信根不同；核验以您的为准，但副本可能被人替换。", "The copy of the trust root is of another chain or of other validators than yours. Yours was used; the copy may have been put there to mislead.")
	case !bytes.Equal(b, t.Encode()) || !bytes.Equal(t.Root().Encode(), v.trust.Root().Encode()):
		v.set("trust_copy", receipt.Warn, "可信根副本的验证节点与您的相同，但高度、创世摘要或写法不同。", "The copy of the trust root has the validators of yours, but another height, genesis digest or spelling.")
	default:
		v.set("trust_copy", receipt.Pass, "可信根副本与您的可信根相同（核验以您的为准）。", "The copy of the trust root is yours; yours was used.")
	}
}

func (v *verification) readme() {
	b, err := v.archive.Bytes(NameReadme, maxSmall)
	if err == nil && !bytes.Equal(b, readme) {
		err = errors.New("it is not the text of this version")
	}
	if err != nil {
		v.failed("readme", "说明文件不是本版本的原文", "The explanations were changed", err)
		return
	}
	v.set("readme", receipt.Pass, "说明文件为本版本原文。", "The explanations are those of this version.")
}
