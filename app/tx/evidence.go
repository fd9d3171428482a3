package tx

import (
	"slices"
	"strconv"
)

// The kinds of the evidence family.
const (
	EvidenceSeal      Kind = "evidence.seal"      // opens a matter: these bytes existed
	EvidenceSupersede Kind = "evidence.supersede" // a better capture replaces this one
	EvidenceWithdraw  Kind = "evidence.withdraw"  // the member no longer relies on it
	EvidenceChallenge Kind = "evidence.challenge" // somebody disputes it
	EvidenceUphold    Kind = "evidence.uphold"    // the challenge is upheld: the evidence does not stand
	EvidenceReject    Kind = "evidence.reject"    // the challenge is rejected: the evidence stands
)

// Limits of an evidence.seal body.
const (
	MaxFiles     = 64
	MaxFileBytes = 1 << 50
	MaxFileCount = 1 << 20
	MaxTSA       = 8
)

// RoleWaiver is the role of the file in which a second officer says why evidence is
// stated although the capturing environment failed.
const RoleWaiver = "waiver"

// Evidence is the body of evidence.seal. Every member is a digest, a number or a
// word from a table: there is no place to write a name, a telephone number or
// an address. Such fields are leaves of the salted tree whose root is
// FieldsRoot.
//
//	anchor      object  {hash, height}: a recent block of this chain; the statement is not older than it
//	captured    object  {ended, method, started, tool, tool_sha256}
//	case_tag    hex     keyed pseudonym of the case, optional
//	class       string  web_capture | file | video | monitor
//	env         object  {report_sha256, result: ok | fail | na}; required for web_capture; fail goes with a file in the role waiver
//	fields_root hex     root of the salted field tree, optional
//	file_count  int     with files_root: how many leaves it has
//	files       array   1 to 64 of {bytes, media, role, sha256, sm3}; or files_root
//	files_root  hex     RFC 6962 root over more than 64 files; or files
//	tsa         array   at most 8 digests of RFC 3161 tokens, optional
type Evidence struct {
	Anchor     Anchor
	Captured   Captured
	CaseTag    Digest // zero: absent
	Class      string
	Env        *Env
	FieldsRoot Digest // zero: absent
	FileCount  int64
	Files      []File
	FilesRoot  Digest // zero: absent
	TSA        []Digest
}

// An Anchor names a block: its height and its CometBFT header hash. Height 0 is
// the beginning of the chain; its hash is the app hash of the genesis state.
type Anchor struct {
	Hash   Digest
	Height int64
}

// Captured says how the bytes were obtained.
type Captured struct {
	Ended, Started Time
	Method         string // slug, such as headless_chromium or upload
	Tool           string // name and version, printable ASCII, at most 96 bytes
	ToolSHA256     Digest // of the program that captured
}

// Env is the outcome of the cleanliness checks of the capturing machine.
type Env struct {
	ReportSHA256 Digest // of env.json
	Result       string // ok | fail | na
}

// A File is one file of the evidence, by digest.
type File struct {
	Bytes  int64  // length
	Media  string // media type, RFC 6838 type/subtype in lower case
	Role   string // slug, such as screenshot, mhtml, pdf, headers
	SHA256 Digest
	SM3    Digest
}

var evidenceClasses = []string{"web_capture", "file", "video", "monitor"}
var envResults = []string{"ok", "fail", "na"}

func (b *Evidence) read(r *Reader) {
	o := r.Object()
	o.Need("anchor")
	b.Anchor = readAnchor(r)
	o.Need("captured")
	b.Captured = readCaptured(r)
	if o.Has("case_tag") {
		r.HexSome(b.CaseTag[:])
	}
	o.Need("class")
	b.Class = r.Name(evidenceClasses)
	if o.Has("env") {
		b.Env = new(Env)
		e := r.Object()
		e.Need("report_sha256")
		r.Hex(b.Env.ReportSHA256[:])
		e.Need("result")
		b.Env.Result = r.Name(envResults)
		e.End()
	}
	if o.Has("fields_root") {
		r.HexSome(b.FieldsRoot[:])
	}
	if o.Has("file_count") {
		b.FileCount = r.Int(MaxFiles+1, MaxFileCount)
	}
	if o.Has("files") {
		r.Array(MaxFiles, func(int) { b.Files = append(b.Files, readFile(r)) })
		r.some(len(b.Files))
	}
	if o.Has("files_root") {
		r.HexSome(b.FilesRoot[:])
	}
	if o.Has("tsa") {
		r.Array(MaxTSA, func(int) {
			var d Digest
			r.Hex(d[:])
			b.TSA = append(b.TSA, d)
		})
		r.some(len(b.TSA))
	}
	o.End()
}

func readAnchor(r *Reader) (a Anchor) {
	o := r.Object()
	o.Need("hash")
	r.Hex(a.Hash[:])
	o.Need("height")
	a.Height = r.Int(0, MaxInt)
	o.End()
	return a
}

func readCaptured(r *Reader) (c Captured) {
	o := r.Object()
	o.Need("ended")
	c.Ended = r.Time()
	o.Need("method")
	c.Method = r.Slug(1, 32, '_')
	o.Need("started")
	c.Started = r.Time()
	o.Need("tool")
	c.Tool = string(r.plain())
	o.Need("tool_sha256")
	r.Hex(c.ToolSHA256[:])
	o.End()
	return c
}

func readFile(r *Reader) (f File) {
	o := r.Object()
	o.Need("bytes")
	f.Bytes = r.Int(0, MaxFileBytes)
	o.Need("media")
	f.Media = string(r.plain())
	o.Need("role")
	f.Role = r.Slug(1, 32, '_')
	o.Need("sha256")
	r.Hex(f.SHA256[:])
	o.Need("sm3")
	r.Hex(f.SM3[:])
	o.End()
	return f
}

func (a *Anchor) write(w *Writer) {
	w.Member("anchor")
	w.Open()
	w.Hex("hash", a.Hash[:])
	w.Int("height", a.Height)
	w.Close()
}

func (c *Captured) write(w *Writer) {
	w.Member("captured")
	w.Open()
	w.String("ended", c.Ended.String())
	w.String("method", c.Method)
	w.String("started", c.Started.String())
	w.String("tool", c.Tool)
	w.Hex("tool_sha256", c.ToolSHA256[:])
	w.Close()
}

func (b *Evidence) write(w *Writer) {
	b.Anchor.write(w)
	b.Captured.write(w)
	if !b.CaseTag.IsZero() {
		w.Hex("case_tag", b.CaseTag[:])
	}
	w.String("class", b.Class)
	if b.Env != nil {
		w.Member("env")
		w.Open()
		w.Hex("report_sha256", b.Env.ReportSHA256[:])
		w.String("result", b.Env.Result)
		w.Close()
	}
	if !b.FieldsRoot.IsZero() {
		w.Hex("fields_root", b.FieldsRoot[:])
	}
	if b.FileCount != 0 {
		w.Int("file_count", b.FileCount)
	}
	if len(b.Files) > 0 {
		w.Array("files", len(b.Files), func(i int) {
			f := &b.Files[i]
			w.Open()
			w.Int("bytes", f.Bytes)
			w.String("media", f.Media)
			w.String("role", f.Role)
			w.Hex("sha256", f.SHA256[:])
			w.Hex("sm3", f.SM3[:])
			w.Close()
		})
	}
	if !b.FilesRoot.IsZero() {
		w.Hex("files_root", b.FilesRoot[:])
	}
	if len(b.TSA) > 0 {
		w.Array("tsa", len(b.TSA), func(i int) { w.B = appendHex(w.B, b.TSA[i][:]) })
	}
}

// Validate implements Body.
func (b *Evidence) Validate() error {
	fail := func(c Code, path, detail string) error {
		return &Error{Code: c, Path: "body." + path, Detail: detail}
	}
	if (len(b.Files) > 0) == !b.FilesRoot.IsZero() {
		return fail(CodeBody, "files", "state either files or files_root")
	}
	if (b.FileCount != 0) == b.FilesRoot.IsZero() {
		return fail(CodeBody, "file_count", "goes with files_root")
	}
	for i := range b.Files {
		f := &b.Files[i]
		if !isMediaType(f.Media) {
			return fail(CodeType, "files["+strconv.Itoa(i)+"].media", "want a media type like image/png")
		}
		for j := 0; j < i; j++ {
			if b.Files[j].SHA256 == f.SHA256 && b.Files[j].Role == f.Role {
				return fail(CodeBody, "files["+strconv.Itoa(i)+"]", "the same file in the same role twice")
			}
		}
	}
	if err := b.Captured.validate(); err != nil {
		return err
	}
	if b.Class == "web_capture" && b.Env == nil {
		return fail(CodeMissing, "env", "a web capture states its environment report")
	}
	// Whoever signs then signs the reason as well: the statement has its digest.
	if b.Env != nil && b.Env.Result == "fail" && !slices.ContainsFunc(b.Files, func(f File) bool { return f.Role == RoleWaiver }) {
		return fail(CodeBody, "env", "a failed environment needs a file in the role waiver")
	}
	return nil
}

func (c *Captured) validate() error {
	if c.Ended < c.Started {
		return &Error{Code: CodeBody, Path: "body.captured.ended", Detail: "before captured.started"}
	}
	if n := len(c.Tool); n == 0 || n > 96 {
		return &Error{Code: CodeLimit, Path: "body.captured.tool", Detail: "want 1 to 96 bytes"}
	}
	return nil
}

// isMediaType checks type "/" subtype of RFC 6838 §4.2 in lower case, at most
// 127 bytes, without parameters.
func isMediaType(s string) bool {
	slash := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
		case c == '/' && i > 0 && i < len(s)-1:
			slash++
		case i > 0 && (c == '.' || c == '+' || c == '-' || c == '_'):
		default:
			return false
		}
	}
	return slash == 1 && len(s) <= 127
}

// Supersede is the body of evidence.supersede.
//
//	by      hex     id of the evidence.seal that replaces this one
//	reason  string  recapture | incomplete | wrong_case | format
type Supersede struct {
	By     ID
	Reason string
}

var supersedeReasons = []string{"recapture", "incomplete", "wrong_case", "format"}

func (b *Supersede) read(r *Reader) {
	o := r.Object()
	o.Need("by")
	r.Hex(b.By[:])
	o.Need("reason")
	b.Reason = r.Name(supersedeReasons)
	o.End()
}

func (b *Supersede) write(w *Writer) {
	w.Hex("by", b.By[:])
	w.String("reason", b.Reason)
}

// Validate implements Body.
func (b *Supersede) Validate() error { return nil }

// Withdraw is the body of evidence.withdraw.
//
//	reason  string  mistake | duplicate | unlawful | not_relied_on
type Withdraw struct{ Reason string }

var withdrawReasons = []string{"mistake", "duplicate", "unlawful", "not_relied_on"}

func (b *Withdraw) read(r *Reader) {
	o := r.Object()
	o.Need("reason")
	b.Reason = r.Name(withdrawReasons)
	o.End()
}

func (b *Withdraw) write(w *Writer) { w.String("reason", b.Reason) }

// Validate implements Body.
func (b *Withdraw) Validate() error { return nil }

// Challenge is the body of evidence.challenge. The ground follows articles 16
// to 18 of the Online Litigation Rules (人民法院在线诉讼规则).
//
//	document_sha256  hex     of the reasoned objection, optional
//	ground           string  content_differs | not_authentic | unclean_environment | platform_not_neutral | before_chain | unlawful
type Challenge struct {
	Document Digest // zero: absent
	Ground   string
}

var challengeGrounds = []string{"content_differs", "not_authentic", "unclean_environment", "platform_not_neutral", "before_chain", "unlawful"}

func (b *Challenge) read(r *Reader) {
	o := r.Object()
	if o.Has("document_sha256") {
		r.HexSome(b.Document[:])
	}
	o.Need("ground")
	b.Ground = r.Name(challengeGrounds)
	o.End()
}

func (b *Challenge) write(w *Writer) {
	if !b.Document.IsZero() {
		w.Hex("document_sha256", b.Document[:])
	}
	w.String("ground", b.Ground)
}

// Validate implements Body.
func (b *Challenge) Validate() error { return nil }

// Decision is the body of evidence.uphold and evidence.reject.
//
//	decision_sha256  hex  of the reasoned decision
type Decision struct{ Document Digest }

func (b *Decision) read(r *Reader) {
	o := r.Object()
	o.Need("decision_sha256")
	r.Hex(b.Document[:])
	o.End()
}

func (b *Decision) write(w *Writer) { w.Hex("decision_sha256", b.Document[:]) }

// Validate implements Body.
func (b *Decision) Validate() error { return nil }
