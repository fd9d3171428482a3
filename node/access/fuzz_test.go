package access

import (
	"errors"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"
)

// Whatever is shown is refused unless it is a key that was given out.
func FuzzPrincipal(f *testing.F) {
	k, err := OpenKeys(filepath.Join(f.TempDir(), "apikeys.json"))
	if err != nil {
		f.Fatal(err)
	}
	_, good, err := k.Add(Key{Name: "x", Scopes: []Scope{Read}, Expires: time.Now().Add(time.Hour)})
	if err != nil {
		f.Fatal(err)
	}
	g, err := New(Config{Keys: k})
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", "Bearer", "Bearer zlk_", "Bearer zlk_a_b", "bearer a.b.c", "Basic eDp5", "Bearer eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Authorization"] = []string{header}
		if p, err := g.Principal(r); !errors.Is(err, ErrDenied) && header != "Bearer "+good {
			t.Fatalf("%q: %+v, %v", header, p, err)
		}
	})
}
