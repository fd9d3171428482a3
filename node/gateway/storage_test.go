package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/custody"
	"zhenglian/node/access"
	"zhenglian/node/blob"
	"zhenglian/node/blob/vault"
	"zhenglian/node/erasure"
)

// stored is a gateway whose store logs, and a key with every scope.
type stored struct {
	*harness
	vault *vault.Vault
	token string
	id    string // of the key
	now   time.Time
}

func newStored(t *testing.T, change ...func(*Config, *Options)) *stored {
	t.Helper()
	s := &stored{now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}
	v, err := vault.Open(t.Context(), vault.Config{Dir: filepath.Join(t.TempDir(), "vault"), Key: &vault.StoreKey{1}, MaxBytes: maxBlob, Now: func() time.Time { return s.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	keys, err := access.OpenKeys(filepath.Join(t.TempDir(), "apikeys.json"))
	if err != nil {
		t.Fatal(err)
	}
	k, token, err := keys.Add(access.Key{Name: "archivist", Scopes: access.Scopes, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := access.New(access.Config{Anonymous: access.Open, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	s.vault, s.token, s.id = v, token, k.ID
	s.harness = newHarness(t, append([]func(*Config, *Options){func(_ *Config, o *Options) { o.Blobs, o.Vault, o.Access = v, v, guard }}, change...)...)
	return s
}

// ask sends a request, with the key if known, and returns status, header and body.
func (s *stored) ask(t *testing.T, known bool, method, path string, body any, header ...string) (int, http.Header, []byte) {
	t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		r = bytes.NewReader(b)
	default:
		j, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		r = bytes.NewReader(j)
	}
	req, err := http.NewRequest(method, s.http.URL+path, r)
	if err != nil {
		t.Fatal(err)
	}
	if _, raw := body.([]byte); !raw && body != nil {
		req.Header.Set("Content-Type", api.MediaJSON)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if known {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, b
}

func (s *stored) want(t *testing.T, status int, known bool, method, path string, body any, header ...string) []byte {
	t.Helper()
	got, _, b := s.ask(t, known, method, path, body, header...)
	if got != status {
		t.Fatalf("%s %s = %d, want %d: %s", method, path, got, status, b)
	}
	return b
}

func TestStore(t *testing.T) {
	s := newStored(t)
	file := bytes.Repeat([]byte("evidence "), 20_000)
	d := tx.Digest(blob.Sum(file))
	url, about := api.BlobURL(d), api.StoredURL(d)
	s.want(t, 201, true, "PUT", url+"?why=case+17", file)
	if got := s.want(t, 200, false, "GET", url+"?why=just+looking", nil); !bytes.Equal(got, file) {
		t.Error("other bytes")
	}
	s.want(t, 200, true, "GET", url+"?use=export&why=court", nil)
	s.want(t, 400, true, "GET", url+"?use=theft", nil)
	s.want(t, 200, false, "HEAD", url, nil) // no reading, and no line
	if got := s.want(t, 206, false, "GET", url, nil, "Range", "bytes=100000-100008"); !bytes.Equal(got, file[100_000:100_009]) {
		t.Errorf("a range: %q", got)
	}
	if got := s.want(t, 206, false, "GET", url, nil, "Range", "bytes=-9"); string(got) != "evidence " {
		t.Errorf("the last bytes: %q", got)
	}
	s.want(t, 416, false, "GET", url, nil, "Range", "bytes=180000-")

	// The log is for those with the scope.
	s.want(t, 401, false, "GET", "/v1/custody?digest="+d.String(), nil)
	log := s.want(t, 200, true, "GET", "/v1/custody?digest="+d.String(), nil)
	lines, err := custody.Check(log)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range lines {
		got = append(got, l.Event+" "+l.Who+" "+l.Why)
	}
	want := []string{"stored " + s.id + " case 17", "read anonymous just looking", "exported " + s.id + " court", "read anonymous ", "read anonymous "}
	for i := range want { // the id of a key is that of its principal
		if i == 0 || i == 2 {
			want[i] = lines[i].Event + " " + lines[0].Who + " " + lines[i].Why
		}
	}
	if !slices.Equal(got, want) || lines[0].Who == "anonymous" {
		t.Errorf("custody\n%q\nwant\n%q", got, want)
	}
	if rest := s.want(t, 200, true, "GET", "/v1/custody?after=4&limit=1", nil); bytes.Count(rest, []byte("\n")) != 1 {
		t.Errorf("after line 4: %q", rest)
	}

	// Retention and holds.
	s.want(t, 409, true, "DELETE", about+"?why=tidy", nil)
	s.want(t, 400, true, "POST", about+"/class", api.ClassRequest{Class: "fleeting", Why: "x"})
	s.want(t, 200, true, "POST", about+"/class", api.ClassRequest{Class: "transient", Why: "not relied on"})
	s.want(t, 200, true, "POST", about+"/holds", api.HoldRequest{ID: "2026-17", Why: "order of the court"})
	s.now = s.now.AddDate(1, 0, 0)
	if b := s.want(t, 409, true, "DELETE", about+"?why=tidy", nil); !bytes.Contains(b, []byte(`"HELD"`)) {
		t.Errorf("deleting a held file: %s", b)
	}
	var k api.Stored
	if err := json.Unmarshal(s.want(t, 200, true, "GET", about, nil), &k); err != nil || k.Class != "transient" || len(k.Holds) != 1 || k.Until == nil {
		t.Errorf("%+v, %v", k, err)
	}
	s.want(t, 404, true, "DELETE", about+"/holds/2026-18?why=over", nil)
	s.want(t, 200, true, "DELETE", about+"/holds/2026-17?why=over", nil)
	s.want(t, 204, true, "DELETE", about+"?why=tidy", nil)
	s.want(t, 404, true, "GET", url, nil)
	s.want(t, 404, true, "GET", about, nil)

	// What is erased is gone, and stays away.
	s.want(t, 201, true, "PUT", url, file)
	if _, err := s.vault.Erase(context.Background(), tx.ID{1}, []blob.Digest{blob.Digest(d)}); err != nil {
		t.Fatal(err)
	}
	s.want(t, 410, true, "GET", url, nil)
	s.want(t, 410, true, "PUT", url, file)
}

// TestErased seals three files, two of which share one, and erases the first evidence
// by a statement: its bytes are gone, and every proof stays.
func TestErased(t *testing.T) {
	s := newStored(t)
	keep, gone, shared := []byte("stays"), []byte("a natural person's data"), []byte("named by two")
	sealed := make(map[string]*api.Submission)
	for name, content := range map[string][]byte{"keep": keep, "gone": gone} {
		s.want(t, 201, true, "PUT", api.BlobURL(tx.Digest(blob.Sum(content))), content)
		sealed[name] = s.sealFile(content)
	}
	s.want(t, 201, true, "PUT", api.BlobURL(tx.Digest(blob.Sum(shared))), shared)
	s.sealFile(shared)
	before := s.want(t, 200, false, "GET", api.ReceiptURL(sealed["gone"].ID), nil)

	files := []tx.Digest{tx.Digest(blob.Sum(gone)), tx.Digest(blob.Sum(shared))}
	slices.SortFunc(files, func(a, b tx.Digest) int { return bytes.Compare(a[:], b[:]) })
	body := &tx.Erase{Authority: "internet-court", Basis: "court_order", Decision: tx.Digest{1}, Files: files, Salts: true}
	follow := erasure.Config{Vault: s.vault, Index: s.g.ledger.index, Store: s.Store(), Directory: s.Directory, Log: slog.New(slog.DiscardHandler)}
	step := func() {
		t.Helper()
		if err := erasure.Step(t.Context(), follow); err != nil {
			t.Fatal(err)
		}
	}
	url := api.BlobURL(tx.Digest(blob.Sum(gone)))

	// Two officers alone do not suffice, and nothing is destroyed while the court is missing.
	waiting := s.submit(s.sign("hangzhou-amr", tx.EvidenceErase, sealed["gone"].ID, body, "officer1", "officer2"))
	step()
	s.want(t, 200, false, "GET", url, nil)
	// A hold keeps the file although the statement is effective.
	if err := s.vault.Hold(t.Context(), blob.Sum(gone), "2026-1"); err != nil {
		t.Fatal(err)
	}
	s.submit(s.sign("internet-court", tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: waiting.ID, Type: tx.Agrees}, "court"))
	s.block(1)
	step()
	step()
	s.want(t, 200, false, "GET", url, nil)
	if err := s.vault.Release(t.Context(), blob.Sum(gone), "2026-1"); err != nil {
		t.Fatal(err)
	}
	step()
	s.want(t, 410, false, "GET", url, nil)
	s.want(t, 410, true, "PUT", url, gone)
	s.want(t, 200, false, "GET", api.BlobURL(tx.Digest(blob.Sum(keep))), nil)
	s.want(t, 200, false, "GET", api.BlobURL(tx.Digest(blob.Sum(shared))), nil) // other evidence names it

	// The proofs: the old receipt, a new one that says so, and the other evidence.
	s.verify("receipt from before", before, receipt.Options{WantID: sealed["gone"].ID})
	after := s.want(t, 200, false, "GET", api.ReceiptURL(sealed["gone"].ID), nil)
	digests := receipt.FileDigests{SHA256: tx.Digest(blob.Sum(gone)), SM3: sm3.Sum(gone), Bytes: int64(len(gone))}
	s.verify("receipt of erased evidence", after, receipt.Options{WantID: sealed["gone"].ID, Files: []receipt.FileDigests{digests}})
	r := receipt.Verify(after, s.trust, receipt.Options{WantID: sealed["gone"].ID})
	if text := r.Text("en"); !strings.Contains(text, "ERASED") || !strings.Contains(text, "lawfully erased") {
		t.Errorf("the report does not say that it is erased:\n%s", text)
	}
	s.verify("receipt of the erasure", s.want(t, 200, false, "GET", api.ReceiptURL(waiting.ID), nil), receipt.Options{WantID: waiting.ID})
	s.verify("receipt of other evidence", s.want(t, 200, false, "GET", api.ReceiptURL(sealed["keep"].ID), nil), receipt.Options{WantID: sealed["keep"].ID})

	// The log tells it all, once.
	lines, err := custody.Check(s.want(t, 200, true, "GET", "/v1/custody?digest="+tx.Digest(blob.Sum(gone)).String(), nil))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range lines {
		got = append(got, l.Event)
	}
	if want := []string{custody.Stored, custody.Read, custody.Held, custody.Refused, custody.Read, custody.Released, custody.Erased}; !slices.Equal(got, want) {
		t.Errorf("custody %q, want %q", got, want)
	}
}
