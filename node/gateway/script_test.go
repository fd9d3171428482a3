package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"zhenglian/app/tx"
)

// TestScripts runs testdata/*.txt, each against a gateway of its own. A script
// is a list of paragraphs:
//
//	# a comment
//	@directive arguments          acts on the chain, see directive
//
//	GET /path?query               a request: its line, then headers, then "< body"
//	Header: value
//	< body
//
//	404                           what must come back: the status, then
//	Header: value                 a header, exactly
//	.a.0.b = JSON                 a member of the JSON body
//	.a.b absent                   no such member
//	~ text                        text in the body
//
// ${name} is replaced by a value that a directive or an earlier answer has set;
// ".a.b -> name" or "Header -> name" in an answer sets one.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := &script{T: t, h: newHarness(t), file: file, vars: map[string]string{}}
			s.run(strings.Split(string(b), "\n"))
		})
	}
}

type script struct {
	*testing.T
	h      *harness
	file   string
	line   int
	vars   map[string]string
	answer *http.Response
	body   []byte
}

func (s *script) failf(format string, args ...any) {
	s.Helper()
	s.Errorf("%s:%d: %s", s.file, s.line, fmt.Sprintf(format, args...))
}

func (s *script) run(lines []string) {
	for i := 0; i < len(lines); i++ {
		s.line = i + 1
		line := s.expand(lines[i])
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '@':
			s.directive(strings.Fields(line[1:]))
		case line[0] >= '1' && line[0] <= '9':
			if s.answer == nil {
				s.Fatalf("%s:%d: an answer before any request", s.file, s.line)
			}
			if got := strconv.Itoa(s.answer.StatusCode); got != line {
				s.failf("status %s, want %s: %s", got, line, clipped(s.body))
			}
			for ; i+1 < len(lines) && lines[i+1] != ""; i++ {
				s.line = i + 2
				s.expect(s.expand(lines[i+1]))
			}
		default:
			var more []string
			for ; i+1 < len(lines) && lines[i+1] != ""; i++ {
				more = append(more, s.expand(lines[i+1]))
			}
			s.request(line, more)
		}
	}
}

func (s *script) expand(line string) string {
	for {
		before, rest, ok := strings.Cut(line, "${")
		if !ok {
			return line
		}
		name, after, ok := strings.Cut(rest, "}")
		value, known := s.vars[name]
		if !ok || !known {
			s.Fatalf("%s:%d: no value for %q", s.file, s.line, name)
		}
		line = before + value + after
	}
}

// directive acts on the chain:
//
//	seal NAME N [signer…]     an evidence.seal with file N: sets NAME.envelope, .id, .sha256, .sm3
//	endorse NAME ID signer    an endorsement by the platform, the court or a city
//	withdraw NAME ID          of evidence of the stating member
//	block [N]                 decides and executes blocks
//	decide                    decides a block and does not execute it
//	manual, auto, full, free  what the chain does with submissions
//	unready REASON            the node is not ready
//	blob NAME TEXT            sets NAME.sha256 for the text
func (s *script) directive(a []string) {
	h := s.h
	set := func(name string, e *tx.Envelope) {
		s.vars[name+".envelope"] = string(e.AppendJSON(nil))
		s.vars[name+".id"] = e.ID().String()
		st, err := tx.ParseStatement(e.Payload)
		if err != nil {
			s.Fatal(err)
		}
		if ev, ok := st.Body.(*tx.Evidence); ok {
			s.vars[name+".sha256"], s.vars[name+".sm3"] = ev.Files[0].SHA256.String(), ev.Files[0].SM3.String()
		}
	}
	id := func(text string) tx.ID {
		id, err := tx.ParseID(text)
		if err != nil {
			s.Fatalf("%s:%d: %v", s.file, s.line, err)
		}
		return id
	}
	mode := func(f func()) {
		h.mu.Lock()
		defer h.mu.Unlock()
		f()
	}
	switch a[0] {
	case "seal":
		n, err := strconv.Atoi(a[2])
		if err != nil {
			s.Fatal(err)
		}
		signers := a[3:]
		if len(signers) == 0 {
			signers = complete3
		}
		set(a[1], h.seal(n, signers...))
	case "endorse":
		member := map[string]tx.MemberID{"platform": "platform-a", "court": "internet-court", "city": "xianyang-amr", "officer2": "hangzhou-amr"}[a[3]]
		set(a[1], h.sign(member, tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: id(a[2]), Type: tx.Agrees}, a[3]))
	case "withdraw":
		set(a[1], h.sign("hangzhou-amr", tx.EvidenceWithdraw, id(a[2]), &tx.Withdraw{Reason: "mistake"}, "officer1", "officer2"))
	case "block":
		n := 1
		if len(a) > 1 {
			n, _ = strconv.Atoi(a[1])
		}
		h.block(n)
	case "decide":
		mode(h.decide)
	case "manual":
		mode(func() { h.auto = false })
	case "auto":
		mode(func() { h.auto = true })
	case "full":
		mode(func() { h.full = true })
	case "free":
		mode(func() { h.full = false })
	case "unready":
		mode(func() { h.ready = errors.New(strings.Join(a[1:], " ")) })
	case "blob":
		sum := sha256.Sum256([]byte(a[2]))
		s.vars[a[1]+".sha256"] = hex.EncodeToString(sum[:])
	default:
		s.Fatalf("%s:%d: unknown directive %q", s.file, s.line, a[0])
	}
}

func (s *script) request(line string, more []string) {
	method, path, ok := strings.Cut(line, " ")
	if !ok {
		s.Fatalf("%s:%d: not a request: %q", s.file, s.line, line)
	}
	var body io.Reader
	header := http.Header{}
	for _, m := range more {
		if text, ok := strings.CutPrefix(m, "< "); ok {
			body = strings.NewReader(text)
			continue
		}
		name, value, ok := strings.Cut(m, ": ")
		if !ok {
			s.Fatalf("%s:%d: not a header: %q", s.file, s.line, m)
		}
		header.Set(name, value)
	}
	r, err := http.NewRequest(method, s.h.http.URL+path, body)
	if err != nil {
		s.Fatal(err)
	}
	r.Header = header
	if s.answer, err = http.DefaultTransport.RoundTrip(r); err != nil {
		s.Fatalf("%s:%d: %v", s.file, s.line, err)
	}
	defer s.answer.Body.Close()
	if s.body, err = io.ReadAll(s.answer.Body); err != nil {
		s.Fatalf("%s:%d: %v", s.file, s.line, err)
	}
	if s.answer.StatusCode >= 400 && method != http.MethodHead {
		s.problem()
	}
}

// problem holds every error to RFC 9457 and to our own members.
func (s *script) problem() {
	var p struct {
		Type, Title, Instance, Code, Hint string
		HintZH                            string `json:"hint_zh"`
		RequestID                         string `json:"request_id"`
		Status                            int
	}
	if err := json.Unmarshal(s.body, &p); err != nil {
		s.failf("an error that is no problem: %v in %s", err, clipped(s.body))
		return
	}
	if got := s.answer.Header.Get("Content-Type"); got != "application/problem+json" {
		s.failf("problem with content type %q", got)
	}
	if p.Status != s.answer.StatusCode || p.Type != "/problems/"+p.Code || p.Title == "" || p.Hint == "" || p.HintZH == "" ||
		p.Instance != s.answer.Request.URL.Path || p.RequestID == "" || p.RequestID != s.answer.Header.Get("X-Request-Id") {
		s.failf("incomplete problem: %s", s.body)
	}
	if p.Status == http.StatusTooManyRequests && s.answer.Header.Get("Retry-After") == "" {
		s.failf("429 without Retry-After")
	}
}

func (s *script) expect(line string) {
	switch {
	case strings.HasPrefix(line, "~ "):
		if !bytes.Contains(s.body, []byte(line[2:])) {
			s.failf("no %q in the body: %s", line[2:], clipped(s.body))
		}
	case strings.HasPrefix(line, "."):
		var body any
		if err := json.Unmarshal(s.body, &body); err != nil {
			s.failf("body is not JSON: %v", err)
			return
		}
		if path, ok := strings.CutSuffix(line, " absent"); ok {
			if got, there := member(body, path); there {
				s.failf("%s is there: %v", path, got)
			}
			return
		}
		if path, name, ok := strings.Cut(line, " -> "); ok {
			got, there := member(body, path)
			if !there {
				s.failf("no %s in %s", path, clipped(s.body))
			}
			s.vars[name] = fmt.Sprint(got)
			return
		}
		path, value, _ := strings.Cut(line, " = ")
		var want any
		if err := json.Unmarshal([]byte(value), &want); err != nil {
			s.Fatalf("%s:%d: %q is not JSON: %v", s.file, s.line, value, err)
		}
		if got, there := member(body, path); !there || !reflect.DeepEqual(got, want) {
			s.failf("%s is %v, want %v in %s", path, got, want, clipped(s.body))
		}
	case strings.Contains(line, " -> "):
		name, as, _ := strings.Cut(line, " -> ")
		s.vars[as] = s.answer.Header.Get(name)
	default:
		name, want, _ := strings.Cut(line, ": ")
		if got := s.answer.Header.Get(name); got != want {
			s.failf("%s is %q, want %q", name, got, want)
		}
	}
}

// member follows a path like .a.0.b into JSON.
func member(v any, path string) (any, bool) {
	for _, p := range strings.Split(path, ".")[1:] {
		switch t := v.(type) {
		case map[string]any:
			var ok bool
			if v, ok = t[p]; !ok {
				return nil, false
			}
		case []any:
			i, err := strconv.Atoi(p)
			if err != nil || i < 0 || i >= len(t) {
				return nil, false
			}
			v = t[i]
		default:
			return nil, false
		}
	}
	return v, true
}

func clipped(b []byte) string {
	if len(b) > 600 {
		return string(b[:600]) + "…"
	}
	return string(b)
}
