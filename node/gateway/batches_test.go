package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"zhenglian/app/batch"
	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// batchOf submits an evidence.batch of the digests of n numbered files.
func (h *harness) batchOf(n int) (*api.Submission, *batch.Tree, []byte) {
	h.t.Helper()
	var list []byte
	for i := range n {
		d := sha256.Sum256(fmt.Append(nil, "file ", i))
		list = append(list, d[:]...)
	}
	tree, err := batch.Build(list)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.submit(h.sign("hangzhou-amr", tx.EvidenceBatch, tx.ID{}, h.chain.Batch(int64(n), tree.List(), tree.Root()), "officer1", "officer2", "city")), tree, list
}

func TestBatch(t *testing.T) {
	h := newHarness(t)
	s, tree, list := h.batchOf(1000)
	h.verify("batch", s.Receipt, receipt.Options{WantID: s.ID})
	d := tree.Digest(700)
	item := api.ReceiptURL(s.ID) + "?item=" + d.String()

	// Without the list nothing can be said of single items.
	if res, b := h.do("GET", item, ""); res.StatusCode != http.StatusNotFound || !bytes.Contains(b, []byte("list of the batch is not kept here")) {
		t.Fatalf("%s %s", res.Status, b)
	}
	if res, b := h.do("PUT", api.BlobURL(tree.List()), string(list)); res.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", res.Status, b)
	}
	file := receipt.FileDigests{Name: "file 700", SHA256: d}
	for _, form := range []string{"", "&at=entry", "&form=compact"} {
		res, b := h.do("GET", item+form, "")
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s", form, res.Status, b)
		}
		rep := receipt.Verify(b, h.trust, receipt.Options{WantID: s.ID, Files: []receipt.FileDigests{file}})
		if rep.Verdict == receipt.NotVerified || rep.Facts.Item == nil || rep.Facts.Item.Index != 700 {
			t.Errorf("%s: %s", form, rep.Text(receipt.EN))
		}
	}
	other := sha256.Sum256(nil)
	for path, want := range map[string]int{
		api.ReceiptURL(s.ID) + "?item=" + tx.Digest(other).String():                                    http.StatusNotFound,
		api.ReceiptURL(s.ID) + "?item=" + tx.Digest{}.String():                                         http.StatusBadRequest,
		api.ReceiptURL(h.submit(h.seal(9, "officer1", "officer2", "city")).ID) + "?item=" + d.String(): http.StatusBadRequest,
	} {
		if res, b := h.do("GET", path, ""); res.StatusCode != want {
			t.Errorf("%s: %s %s, want %d", path, res.Status, b, want)
		}
	}

	// The index finds items as soon as it has gone through the list.
	h.eventually("the item is found", func() bool {
		_, b := h.do("POST", api.PathVerify, `{"sha256":"`+d.String()+`"}`)
		var v api.Verification
		if err := json.Unmarshal(b, &v); err != nil || !v.Found {
			return false
		}
		if len(v.Items) != 1 || v.Items[0].Place != 700 || v.ID != s.ID {
			t.Fatalf("%s", b)
		}
		h.verify("item", v.Receipt, receipt.Options{Files: []receipt.FileDigests{file}})
		return true
	})
	if _, b := h.do("GET", api.PathEvidence+"?limit=2", ""); !bytes.Contains(b, []byte(`"class":"batch"`)) {
		t.Errorf("evidence does not list the batch: %s", b)
	}
}

// A stream of digests is answered line by line, in order, and ends with a line that
// says so.
func TestVerifyStream(t *testing.T) {
	h := newHarness(t)
	one := h.submit(h.seal(1, "officer1", "officer2", "city"))
	s, tree, list := h.batchOf(300)
	if res, b := h.do("PUT", api.BlobURL(tree.List()), string(list)); res.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", res.Status, b)
	}
	h.eventually("the items are found", func() bool {
		_, b := h.do("POST", api.PathVerify, `{"sha256":"`+tree.Digest(299).String()+`"}`)
		return bytes.Contains(b, []byte(`"found":true`))
	})
	file := h.chain.Evidence(1).Files[0]
	var in strings.Builder
	for i := range 700 {
		switch {
		case i == 10:
			in.WriteString("{\"sha256\":\"xyz\"}\n\n")
		case i == 20:
			fmt.Fprintf(&in, "{\"sm3\":%q}\n", file.SM3)
		case i == 30:
			fmt.Fprintf(&in, "{\"sha256\":%q}\n", file.SHA256)
		case i == 40:
			fmt.Fprintf(&in, "{\"sha256\":%q,\"sm3\":%q}\n", file.SHA256, file.SM3)
		case i >= 300:
			fmt.Fprintf(&in, "{\"sha256\":\"%064x\"}\n", i)
		default:
			fmt.Fprintf(&in, "{\"sha256\":%q}\n", tree.Digest(i))
		}
	}
	res, err := http.Post(h.http.URL+api.PathVerify, "application/x-ndjson; charset=utf-8", strings.NewReader(in.String()))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != api.MediaNDJSON {
		t.Fatalf("%s, %v: %s", res.Status, err, b)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	if len(lines) != 701 {
		t.Fatalf("%d lines: %s", len(lines), b)
	}
	for i, want := range map[int]string{
		0:   `"found":true,"matches":[{"id":"` + s.ID.String() + `","seq":1,"place":0,"state":"SEALED"`,
		10:  `{"line":11,"error":`,
		20:  `"found":true,"matches":[{"id":"` + one.ID.String() + `","seq":0,"state":"SEALED","receipt_url":`,
		30:  `"found":true,"matches":[{"id":"` + one.ID.String(),
		40:  `{"line":41,"error":"want one of`,
		299: `"place":299`,
		300: `"found":false}`,
		699: `"found":false}`,
		700: `{"lines":700,"found":298,"bad":2,`,
	} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("line %d is %s, want %s", i, lines[i], want)
		}
	}

	// A line that is too long ends the stream without its last line.
	res, err = http.Post(h.http.URL+api.PathVerify, api.MediaNDJSON, strings.NewReader(strings.Repeat("x", streamLine+1)))
	if err == nil {
		defer res.Body.Close()
		if b, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("a line that is too long is answered %s", b)
		}
	}
}
