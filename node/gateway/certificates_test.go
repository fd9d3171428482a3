package gateway

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	printed "zhenglian/client/certificate"
	"zhenglian/client/paper"
)

func TestCertificate(t *testing.T) {
	font, err := printed.LoadFont("", "")
	if err != nil {
		t.Skip(err)
	}
	h := newHarness(t, func(_ *Config, o *Options) { o.Printer = &Printer{Font: font} })
	s := h.submit(h.seal(1, complete3...))
	waits := h.submit(h.seal(2, "officer1", "officer2"))
	h.indexed()

	res, doc := h.do(http.MethodGet, api.CertificateURL(s.ID), "")
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != api.MediaPDF {
		t.Fatalf("%s %s", res.Status, doc)
	}
	b, err := paper.Attached(doc)
	if err != nil {
		t.Fatal(err)
	}
	if r := receipt.Verify(b, h.trust, receipt.Options{WantID: s.ID}); r.Verdict != receipt.Verified {
		t.Error(r.Text(receipt.EN))
	}
	_, first := h.do(http.MethodGet, api.CertificateURL(s.ID)+"?at=entry", "")
	if _, again := h.do(http.MethodGet, api.CertificateURL(s.ID)+"?at=entry", ""); !bytes.Equal(first, again) {
		t.Error("the same certificate has other bytes")
	}

	// The gateway verifies its own certificate, as the other shells do.
	q, err := json.Marshal(api.ReportRequest{Receipt: doc})
	if err != nil {
		t.Fatal(err)
	}
	_, text := h.do(http.MethodPost, api.PathReports+"?form=html&lang=zh", string(q))
	want := receipt.HTMLOf(paper.Verify(doc, h.trust, receipt.Options{}).Page, receipt.ZH)
	if string(text) != want {
		t.Errorf("report %s", text)
	}

	for path, status := range map[string]int{
		api.CertificateURL(waits.ID):           http.StatusConflict,
		api.CertificateURL(tx.ID{9}):           http.StatusNotFound,
		api.CertificateURL(s.ID) + "?at=never": http.StatusBadRequest,
	} {
		if res, b := h.do(http.MethodGet, path, ""); res.StatusCode != status {
			t.Errorf("%s: %s %s, want %d", path, res.Status, b, status)
		}
	}
	bare := newHarness(t)
	if res, b := bare.do(http.MethodGet, api.CertificateURL(s.ID), ""); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("without a font: %s %s", res.Status, b)
	}
}
