package bundle_test

import (
	"bytes"
	"strings"
	"testing"

	"zhenglian/app/tx"
	"zhenglian/client/bundle"
)

var sampleWaiver = bundle.Waiver{Account: tx.AccountID{1}, At: 1795420800000, EnvSHA256: tx.Digest{2}, Items: []string{"sandbox"}, Reason: "centrally managed"}

func TestWaiver(t *testing.T) {
	b := sampleWaiver.Encode()
	w, err := bundle.ParseWaiver(b)
	if err != nil || !bytes.Equal(w.Encode(), b) {
		t.Fatalf("%+v, %v", w, err)
	}
	env := `{"result":"fail","items":[{"id":"sandbox","result":"fail"},{"id":"dns","result":"na"}]}`
	if err := w.Accepts([]byte(env), tx.Digest{2}); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"another report": w.Accepts([]byte(env), tx.Digest{3}),
		"one more item":  w.Accepts([]byte(strings.Replace(env, `"na"`, `"error"`, 1)), tx.Digest{2}),
		"no report":      w.Accepts([]byte("x"), tx.Digest{2}),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	for _, c := range [][2]string{{`"v":1`, `"v":2`}, {`["sandbox"]`, `[]`}, {"centrally managed", ""}, {`"v":1}`, `"v":1}x`}, {`"items"`, `"item"`}, {`{"account"`, `{ "account"`}} {
		if _, err := bundle.ParseWaiver([]byte(strings.Replace(string(b), c[0], c[1], 1))); err == nil {
			t.Errorf("%s instead of %s was read", c[1], c[0])
		}
	}
}

func FuzzWaiver(f *testing.F) {
	f.Add(sampleWaiver.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if w, err := bundle.ParseWaiver(b); err == nil && !bytes.Equal(w.Encode(), b) {
			t.Fatalf("%q is read, and written as %q", b, w.Encode())
		}
	})
}
