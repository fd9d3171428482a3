package warc

import (
	"net/http"
	"testing"
)

func TestReasons(t *testing.T) {
	for code := range 1000 {
		if got, want := reasons[code], http.StatusText(code); got != want {
			t.Errorf("%d: %q, net/http has %q", code, got, want)
		}
	}
}
