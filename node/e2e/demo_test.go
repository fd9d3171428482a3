package e2e

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// demo is a running example consortium.
type demo struct {
	*testing.T
	home, url, trust string
	out              string // folder for files and receipts
}

// runDemo starts the example consortium of a home folder.
func runDemo(t *testing.T, home string) (*process, *demo) {
	t.Helper()
	addr := freeAddr(t)
	p := start(t, "demo", filepath.Join(t.TempDir(), "demo.log"), "zhengd", "demo", "--home", home, "--listen", addr)
	d := &demo{T: t, home: home, url: "http://" + addr, trust: filepath.Join(home, "trust.json"), out: t.TempDir()}
	eventually(t, "demo ready", func() error {
		if err := p.running(); err != nil {
			t.Fatal(err)
		}
		return ready(d.url)
	})
	return p, d
}

// in is the same consortium for a subtest.
func (d *demo) in(t *testing.T) *demo {
	return &demo{T: t, home: d.home, url: d.url, trust: d.trust, out: t.TempDir()}
}

// entry is what zheng prints of a statement that it entered.
type entry struct {
	ID      string   `json:"id"`
	Seq     uint64   `json:"seq"`
	Height  int64    `json:"height"`
	Receipt string   `json:"receipt"`
	State   string   `json:"state"`
	Outcome string   `json:"outcome"`
	Missing []string `json:"missing"`
}

// zheng runs a command that enters a statement.
func (d *demo) zheng(args ...string) (e entry) {
	d.Helper()
	must(d.T, 0, &e, "zheng", append(args, "--gateway", d.url, "--keys", filepath.Join(d.home, "keys"),
		"--trust", d.trust, "--out", d.out, "-o", "json")...)
	return e
}

// verify runs zheng-verify, which is expected to end with the exit code want.
func (d *demo) verify(want int, args ...string) *receipt.Report {
	d.Helper()
	if want != 0 && want != 3 {
		must(d.T, want, nil, "zheng-verify", append([]string{"--trust", d.trust}, args...)...)
		return nil
	}
	r := new(receipt.Report)
	must(d.T, want, r, "zheng-verify", append([]string{"--trust", d.trust, "-o", "json"}, args...)...)
	return r
}

// failed returns the checks of a report that failed.
func failed(r *receipt.Report) (ids []string) {
	for _, c := range r.Checks {
		if c.Result == receipt.Fail {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// show returns what the gateway says of a statement.
func (d *demo) show(id string) (s api.Statement) {
	d.Helper()
	must(d.T, 0, &s, "zheng", "show", id, "--gateway", d.url, "-o", "json")
	return s
}

// receipt fetches the receipt of a statement as things stand now.
func (d *demo) receipt(id string) string {
	d.Helper()
	path := filepath.Join(d.out, id+".latest.receipt.json")
	must(d.T, 0, nil, "zheng", "receipt", id, "--out", path, "--gateway", d.url)
	return path
}

// file makes a file of random bytes that looks like a picture.
func (d *demo) file(name string) string {
	d.Helper()
	b := make([]byte, 50_000)
	rand.Read(b)
	return d.write(name, append([]byte("\x89PNG\r\n\x1a\n"), b...))
}

func (d *demo) write(name string, b []byte) string {
	d.Helper()
	path := filepath.Join(d.out, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		d.Fatal(err)
	}
	return path
}

func (d *demo) read(path string) []byte {
	d.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		d.Fatal(err)
	}
	return b
}

// ready returns why the gateway is not ready, or nil.
func ready(url string) error {
	r, err := http.Get(url + api.PathReady)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return problemIn(r)
	}
	return nil
}

// problemIn reads the problem that an answer is.
func problemIn(r *http.Response) *api.Problem {
	p := &api.Problem{Status: r.StatusCode, Code: "not a problem: " + r.Header.Get("Content-Type")}
	if r.Header.Get("Content-Type") == api.MediaProblem {
		if err := json.NewDecoder(r.Body).Decode(p); err != nil {
			p.Code = err.Error()
		}
	}
	return p
}

// do sends a request and returns the answer with its body.
func (d *demo) do(method, path, contentType string, body []byte) (*http.Response, []byte) {
	d.Helper()
	req, err := http.NewRequestWithContext(d.Context(), method, d.url+path, bytes.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		d.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		d.Fatal(err)
	}
	return r, b
}

// TestDemo does with the example consortium what its members do.
func TestDemo(t *testing.T) {
	home := filepath.Join(t.TempDir(), "demo")
	p, d := runDemo(t, home)
	for _, part := range []struct {
		name string
		test func(*demo)
	}{
		{"notarize and verify", (*demo).testNotarize},
		{"resubmit", (*demo).testResubmit},
		{"pending, endorsed, sealed", (*demo).testEndorse},
		{"challenged, rejected", (*demo).testChallenge},
		{"withdrawn", (*demo).testWithdraw},
		{"every key type", (*demo).testKeyTypes},
		{"bad envelopes", (*demo).testBadEnvelopes},
		{"blobs", (*demo).testBlobs},
		{"look up", (*demo).testLookUp},
		{"contract", (*demo).testContract},
		{"status", (*demo).testStatus},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(d.in(t)) })
	}

	// Data stay in the folder.
	e := d.zheng("notarize", d.file("page.png"), "--from", "officer1", "--cosign", "officer2,city")
	p.stop()
	p, again := runDemo(t, home)
	if s := again.show(e.ID); s.Seq != e.Seq || s.Height != e.Height {
		t.Errorf("after a restart entry %d at %d, before %d at %d", s.Seq, s.Height, e.Seq, e.Height)
	}
	again.verify(0, "--id", e.ID, "--file", filepath.Join(d.out, "page.png"), again.receipt(e.ID))
	p.stop()
}

func (d *demo) testNotarize() {
	page := d.file("page.png")
	e := d.zheng("notarize", page, "--from", "officer1", "--cosign", "officer2,city")
	if len(e.ID) != 64 || e.Height < 1 || e.State != "SEALED" {
		d.Errorf("notarize: %+v", e)
	}
	r := d.verify(0, "--file", page, e.Receipt)
	if r.Verdict != receipt.Verified || r.Facts.ID.String() != e.ID || r.Facts.Seq != e.Seq || r.Facts.Height != e.Height {
		d.Errorf("report: %s %+v", r.Verdict, r.Facts)
	}
	d.verify(0, "--id", e.ID, e.Receipt)

	// One bit of the file.
	b := d.read(page)
	b[len(b)/2] ^= 1
	tampered := d.write("tampered.png", b)
	if r := d.verify(3, "--file", tampered, e.Receipt); !slices.Equal(failed(r), []string{"file"}) {
		d.Errorf("tampered file fails %q", failed(r))
	}
	d.verify(3, "--file", d.file("other.png"), e.Receipt)

	// One character of the receipt, and another receipt.
	b = bytes.Replace(d.read(e.Receipt), []byte(`"log_size":`), []byte(`"log_size":1`), 1)
	d.verify(3, "--file", page, d.write("tampered.receipt.json", b))
	d.verify(3, "--id", strings.Repeat("0", 63)+"1", e.Receipt)

	// What cannot be read is an error, and never a verdict.
	d.verify(1, filepath.Join(d.out, "absent.receipt.json"))
	d.verify(1, "--file", filepath.Join(d.out, "absent.png"), e.Receipt)
	d.verify(2)
}

// testResubmit hands the same envelope in twice; testNotarize's file a second time
// would be a new statement about it.
func (d *demo) testResubmit() {
	draft, envelope := filepath.Join(d.out, "draft.json"), filepath.Join(d.out, "envelope.json")
	keys := filepath.Join(d.home, "keys")
	must(d.T, 0, nil, "zheng", "notarize", d.file("page.png"), "--gateway", d.url, "--keys", keys, "--from", "officer1", "--out", d.out, "--draft", draft)
	must(d.T, 0, nil, "zheng", "sign", draft, "--keys", keys, "--from", "officer1", "--out", envelope)
	must(d.T, 0, nil, "zheng", "sign", envelope, "--keys", keys, "--from", "officer2", "--cosign", "city")
	var answers [][]byte
	for range 3 {
		r, b := d.do(http.MethodPost, api.PathEnvelopes, api.MediaDSSE, d.read(envelope))
		if r.StatusCode != http.StatusOK {
			d.Fatalf("%s: %s", r.Status, b)
		}
		answers = append(answers, b)
	}
	for _, a := range answers[1:] {
		if !bytes.Equal(a, answers[0]) {
			d.Errorf("the same envelope got\n%s\nand then\n%s", answers[0], a)
		}
	}
	var s api.Submission
	if err := json.Unmarshal(answers[0], &s); err != nil {
		d.Fatal(err)
	}
	var e entry
	must(d.T, 0, &e, "zheng", "submit", envelope, "--gateway", d.url, "--trust", d.trust, "--out", d.out, "-o", "json")
	if e.ID != s.ID.String() || e.Seq != s.Seq || e.Height != s.Height {
		d.Errorf("zheng submit: %+v, before %+v", e, s)
	}
	d.verify(0, e.Receipt)
}

func (d *demo) testEndorse() {
	page := d.file("page.png")
	e := d.zheng("notarize", page, "--from", "officer1", "--cosign", "officer2")
	if e.State != "PENDING" || len(e.Missing) == 0 {
		d.Errorf("two of three signatures: %+v", e)
	}
	if r := d.verify(3, "--file", page, e.Receipt); !slices.Equal(failed(r), []string{"policy"}) {
		d.Errorf("receipt of a pending statement fails %q", failed(r))
	}
	if v := d.zheng("endorse", e.ID, "--type", "holds", "--from", "city"); v.Outcome != "effective" {
		d.Errorf("endorsement: %+v", v)
	}
	if s := d.show(e.ID); s.State != "SEALED" || len(s.Votes) != 3 || s.Outcome != "effective" {
		d.Errorf("endorsed: %s %s, votes %v", s.State, s.Outcome, s.Votes)
	}
	r := d.verify(0, "--file", page, d.receipt(e.ID))
	if r.Verdict != receipt.Verified || r.Facts.State != "SEALED" || len(r.Facts.Signers) != 3 {
		d.Errorf("endorsed: %s %s %v", r.Verdict, r.Facts.State, r.Facts.Signers)
	}
}

func (d *demo) testChallenge() {
	page := d.file("page.png")
	e := d.zheng("notarize", page, "--from", "officer1", "--cosign", "officer2,platform")
	document := d.write("objection.txt", []byte("质疑意见书"))

	d.zheng("challenge", e.ID, "--ground", "content_differs", "--document", document, "--from", "changsha")
	if s := d.show(e.ID); s.State != "CHALLENGED" {
		d.Errorf("challenged: %s", s.State)
	}
	if r := d.verify(0, "--file", page, d.receipt(e.ID)); r.Verdict != receipt.Warned {
		d.Errorf("challenged: %s", r.Verdict)
	}

	// Only a court decides: anybody else's decision has no effect.
	run(d.T, "zheng", "reject", e.ID, "--decision", document, "--from", "changsha",
		"--gateway", d.url, "--keys", filepath.Join(d.home, "keys"), "--out", d.out)
	if s := d.show(e.ID); s.State != "CHALLENGED" {
		d.Errorf("after the decision of a city: %s", s.State)
	}
	d.zheng("reject", e.ID, "--decision", document, "--from", "court")
	if s := d.show(e.ID); s.State != "REJECTED" {
		d.Errorf("rejected: %s", s.State)
	}
	if r := d.verify(0, "--file", page, d.receipt(e.ID)); r.Verdict != receipt.Verified || r.Facts.State != "REJECTED" {
		d.Errorf("rejected: %s %s", r.Verdict, r.Facts.State)
	}
}

func (d *demo) testWithdraw() {
	page := d.file("page.png")
	e := d.zheng("notarize", page, "--from", "officer1", "--cosign", "officer2,city")
	d.zheng("withdraw", e.ID, "--from", "officer1", "--cosign", "officer2")
	if r := d.verify(0, "--file", page, d.receipt(e.ID)); r.Verdict != receipt.Warned || r.Facts.State != "WITHDRAWN" {
		d.Errorf("withdrawn: %s %s", r.Verdict, r.Facts.State)
	}
	// The receipt of the day still says what held then.
	if r := d.verify(0, "--file", page, e.Receipt); r.Verdict != receipt.Verified {
		d.Errorf("receipt from before: %s", r.Verdict)
	}
}

// testKeyTypes has a statement sealed by secp256k1 with SM2, and with ML-DSA-65.
func (d *demo) testKeyTypes() {
	for _, cosigner := range []string{"city2", "notary"} {
		page := d.file(cosigner + ".png")
		e := d.zheng("notarize", page, "--from", "officer1", "--cosign", "officer2,"+cosigner)
		if e.State != "SEALED" {
			d.Errorf("with %s: %+v", cosigner, e)
		}
		d.verify(0, "--file", page, e.Receipt)
	}
}

func (d *demo) testBadEnvelopes() {
	// A good envelope to spoil.
	draft, path := filepath.Join(d.out, "draft.json"), filepath.Join(d.out, "envelope.json")
	keys := filepath.Join(d.home, "keys")
	must(d.T, 0, nil, "zheng", "notarize", d.file("page.png"), "--gateway", d.url, "--keys", keys, "--from", "officer1", "--out", d.out, "--draft", draft)
	must(d.T, 0, nil, "zheng", "sign", draft, "--keys", keys, "--from", "officer1", "--cosign", "officer2,city", "--out", path)
	good, err := tx.ParseEnvelopeJSON(bytes.TrimSpace(d.read(path)))
	if err != nil {
		d.Fatal(err)
	}
	before := d.logSize()

	payload := func(old, new string) func() []byte {
		return func() []byte {
			e := *good
			if e.Payload = bytes.Replace(good.Payload, []byte(old), []byte(new), 1); bytes.Equal(e.Payload, good.Payload) {
				d.Fatalf("%q is not in %s", old, good.Payload)
			}
			return e.AppendJSON(nil)
		}
	}
	whole := func(s string) func() []byte { return func() []byte { return []byte(s) } }
	for _, c := range []struct {
		name   string
		body   func() []byte
		code   tx.Code // 0: any
		status int
	}{
		{"empty", whole(""), 0, 400},
		{"not JSON", whole("envelope"), tx.CodeSyntax, 400},
		{"not an envelope", whole(`{"statement":{}}`), 0, 400},
		{"not base64", whole(`{"payload":"?","payloadType":"` + tx.PayloadType + `","signatures":[]}`), tx.CodeType, 400},
		{"other payload type", whole(`{"payload":"AAAA","payloadType":"x","signatures":[]}`), tx.CodePayloadType, 400},
		{"unsigned", func() []byte { return (&tx.Envelope{Payload: good.Payload}).AppendJSON(nil) }, tx.CodeSigCount, 400},
		{"65 signatures", func() []byte {
			e := &tx.Envelope{Payload: good.Payload}
			for i := range 65 {
				e.Signatures = append(e.Signatures, tx.Signature{Account: tx.AccountID{byte(i)}, Sig: good.Signatures[0].Sig})
			}
			return e.AppendJSON(nil)
		}, tx.CodeSigCount, 400},
		{"white space", payload(`,"chain"`, `, "chain"`), tx.CodeCanonical, 400},
		{"unknown member", payload(`{"at":`, `{"aa":1,"at":`), tx.CodeUnknown, 400},
		{"duplicate member", payload(`"chain":`, `"chain":"x","chain":`), tx.CodeDuplicate, 400},
		{"deep nesting", func() []byte {
			return (&tx.Envelope{Payload: bytes.Repeat([]byte("["), 30_000), Signatures: good.Signatures}).AppendJSON(nil)
		}, 0, 400},
		{"oversize", func() []byte {
			return (&tx.Envelope{Payload: bytes.Repeat([]byte(" "), tx.MaxStatement+1), Signatures: good.Signatures}).AppendJSON(nil)
		}, tx.CodeTooLarge, 413},
		{"other chain", payload(`"chain":"zhenglian-demo"`, `"chain":"zhenglian-other"`), tx.CodeChain, 422},
		{"altered after signing", payload(`"class":"file"`, `"class":"video"`), tx.CodeSignature, 422},
		{"unknown account", func() []byte {
			key, err := tx.GenerateKey(tx.Secp256k1)
			if err != nil {
				d.Fatal(err)
			}
			e, err := tx.Seal(good.Payload, key)
			if err != nil {
				d.Fatal(err)
			}
			return e.AppendJSON(nil)
		}, tx.CodeUnknownAccount, 422},
	} {
		d.Run(c.name, func(t *testing.T) {
			r, b := d.in(t).do(http.MethodPost, api.PathEnvelopes, api.MediaJSON, c.body())
			var p api.Problem
			if err := json.Unmarshal(b, &p); err != nil || r.Header.Get("Content-Type") != api.MediaProblem {
				t.Fatalf("%s %s: %s", r.Status, r.Header.Get("Content-Type"), b)
			}
			if r.StatusCode != c.status || c.code != 0 && (p.Code != c.code.Name() || p.Number != uint32(c.code)) {
				t.Errorf("%d E%d %s, want %d E%d %s", r.StatusCode, p.Number, p.Code, c.status, c.code, c.code.Name())
			}
			if p.Hint == "" || p.HintZH == "" || p.Status != r.StatusCode {
				t.Errorf("problem without help: %s", b)
			}
		})
	}
	if after := d.logSize(); after != before {
		d.Errorf("the log grew from %d to %d", before, after)
	}
}

func (d *demo) logSize() uint64 {
	d.Helper()
	r, b := d.do(http.MethodGet, api.PathStatus, "", nil)
	var s api.Status
	if err := json.Unmarshal(b, &s); err != nil || r.StatusCode != http.StatusOK {
		d.Fatalf("%s: %s", r.Status, b)
	}
	return s.LogSize
}

func (d *demo) testBlobs() {
	content := d.read(d.file("page.png"))
	sum := sha256.Sum256(content)
	path := "/v1/blobs/" + hex.EncodeToString(sum[:])
	const media = "application/octet-stream"

	if r, b := d.do(http.MethodPut, path, media, content[1:]); r.StatusCode != http.StatusUnprocessableEntity {
		d.Errorf("other bytes: %s %s", r.Status, b)
	}
	if r, _ := d.do(http.MethodGet, path, "", nil); r.StatusCode != http.StatusNotFound {
		d.Errorf("before it was stored: %s", r.Status)
	}
	for _, want := range []int{http.StatusCreated, http.StatusOK} {
		if r, b := d.do(http.MethodPut, path, media, content); r.StatusCode != want {
			d.Errorf("store: %s %s, want %d", r.Status, b, want)
		}
	}
	if r, b := d.do(http.MethodGet, path, "", nil); r.StatusCode != http.StatusOK || !bytes.Equal(b, content) {
		d.Errorf("stored bytes: %s, %d of them", r.Status, len(b))
	}
	if r, _ := d.do(http.MethodHead, path, "", nil); r.StatusCode != http.StatusOK || r.ContentLength != int64(len(content)) {
		d.Errorf("head: %s, %d bytes", r.Status, r.ContentLength)
	}

	// notarize hands the bytes in, unless told not to.
	for name, want := range map[string]int{"kept.png": http.StatusOK, "held-back.png": http.StatusNotFound} {
		file := d.file(name)
		args := []string{"notarize", file, "--from", "officer1", "--cosign", "officer2,city"}
		if want == http.StatusNotFound {
			args = append(args, "--no-upload")
		}
		d.zheng(args...)
		sum := sha256.Sum256(d.read(file))
		if r, _ := d.do(http.MethodHead, "/v1/blobs/"+hex.EncodeToString(sum[:]), "", nil); r.StatusCode != want {
			d.Errorf("%s: %s, want %d", name, r.Status, want)
		}
	}
}

func (d *demo) testLookUp() {
	page := d.file("page.png")
	e := d.zheng("notarize", page, "--from", "officer1", "--cosign", "officer2,city")
	sum := sha256.Sum256(d.read(page))

	r, b := d.do(http.MethodGet, api.PathEvidence+"?sha256="+hex.EncodeToString(sum[:]), "", nil)
	var list api.Page[api.Evidence]
	if err := json.Unmarshal(b, &list); err != nil || len(list.Data) != 1 || list.Data[0].ID.String() != e.ID {
		d.Errorf("by digest: %s %s", r.Status, b)
	}
	must(d.T, 0, nil, "zheng", "verify", page, "--gateway", d.url, "--trust", d.trust)
	must(d.T, 0, nil, "zheng", "verify", "--receipt", e.Receipt, "--trust", d.trust, page)
	must(d.T, 3, nil, "zheng", "verify", "--receipt", e.Receipt, "--trust", d.trust, d.file("other.png"))

	// What is not there is not there, and nobody answers for the others.
	must(d.T, 4, nil, "zheng", "verify", d.file("unknown.png"), "--gateway", d.url, "--trust", d.trust)
	must(d.T, 4, nil, "zheng", "show", strings.Repeat("0", 64), "--gateway", d.url)
	must(d.T, 5, nil, "zheng", "show", e.ID, "--gateway", "http://"+freeAddr(d.T))
	must(d.T, 2, nil, "zheng", "show", "not-an-id", "--gateway", d.url)
}

func (d *demo) testContract() {
	_, b := d.do(http.MethodGet, api.PathOpenAPI, "", nil)
	var doc struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(b, &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1") {
		d.Fatalf("OpenAPI %q: %v", doc.OpenAPI, err)
	}
	for path, method := range map[string]string{
		api.PathEnvelopes: "post", api.PathStatement: "get", api.PathReceipt: "get", api.PathEvidence: "get",
		api.PathVerify: "post", api.PathBlob: "put", api.PathCheckpoint: "get",
	} {
		if doc.Paths[path][method] == nil {
			d.Errorf("not in the OpenAPI document: %s %s", method, path)
		}
	}
	for _, path := range []string{"/", api.PathDocs, api.PathTrust, api.PathMembers, api.PathPolicies, api.PathProblems, api.PathLive} {
		if r, _ := d.do(http.MethodGet, path, "", nil); r.StatusCode != http.StatusOK {
			d.Errorf("GET %s: %s", path, r.Status)
		}
	}

	// The checkpoint's note speaks of the same log as its fields.
	_, b = d.do(http.MethodGet, api.PathCheckpoint, "", nil)
	var cp api.Checkpoint
	if err := json.Unmarshal(b, &cp); err != nil {
		d.Fatal(err)
	}
	if root := base64.StdEncoding.EncodeToString(cp.LogRoot[:]); cp.Chain != "zhenglian-demo" || !strings.HasSuffix(cp.Note, "\n"+root+"\n") {
		d.Errorf("checkpoint: %s", b)
	}
}

func (d *demo) testStatus() {
	must(d.T, 0, nil, "zhengd", "version")
	for _, name := range []string{"regulator", "platform", "city", "court"} {
		var s struct {
			Ready      bool
			Moniker    string
			Validator  bool
			Peers      []any
			Validators []any
		}
		must(d.T, 0, &s, "zhengd", "status", "--home", filepath.Join(d.home, name))
		if !s.Ready || s.Moniker != name || !s.Validator || len(s.Peers) != 3 || len(s.Validators) != 4 {
			d.Errorf("status of %s: %+v", name, s)
		}
	}
	must(d.T, 2, nil, "zhengd", "status")
	must(d.T, 2, nil, "zhengd", "no-such-command")
	// The address is taken: say so, rather than listen elsewhere.
	must(d.T, 1, nil, "zhengd", "demo", "--home", filepath.Join(d.T.TempDir(), "second"), "--listen", strings.TrimPrefix(d.url, "http://"))
}
