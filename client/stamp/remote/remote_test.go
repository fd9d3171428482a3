package remote

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"zhenglian/app/tx"
	"zhenglian/client/stamp"
)

var ctx = context.Background()

func authority(t testing.TB) *stamp.TestAuthority {
	t.Helper()
	a, err := stamp.NewTestAuthority("A", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func stamped(t testing.TB, a stamp.Authority, d tx.Digest) *stamp.Stamped {
	t.Helper()
	s, err := a.Stamp(ctx, d)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRemote(t *testing.T) {
	a := authority(t)
	srv := httptest.NewServer(Handler(a))
	defer srv.Close()
	r := &Authority{URL: srv.URL, Roots: []*x509.Certificate{a.Root}}
	got, err := stamp.All(ctx, tx.Digest{7}, r, a)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range got {
		again, err := stamp.ParseResponse(s.Response())
		if err != nil || again.Digest() != s.Digest() || again.Imprint != (tx.Digest{7}) || !again.Test() || len(s.Certs) != 2 {
			t.Errorf("token: %+v, %v", again, err)
		}
		if d := time.Since(again.Time); d < 0 || d > time.Minute {
			t.Errorf("token is of %v ago", d)
		}
	}

	other := &Authority{URL: srv.URL, Roots: []*x509.Certificate{authority(t).Root}}
	if _, err := stamp.All(ctx, tx.Digest{7}, r, other); err == nil {
		t.Error("a token of another root was accepted")
	}
	old := stamped(t, a, tx.Digest{7}).Response()
	replay := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(old) }))
	defer replay.Close()
	if _, err := (&Authority{URL: replay.URL, Roots: r.Roots}).Stamp(ctx, tx.Digest{7}); err == nil || !strings.Contains(err.Error(), "another request") {
		t.Errorf("a replayed token: %v", err)
	}
	down := httptest.NewServer(http.NotFoundHandler())
	defer down.Close()
	if _, err := (&Authority{URL: down.URL, Roots: r.Roots}).Stamp(ctx, tx.Digest{7}); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("no authority: %v", err)
	}
}
