package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"zhenglian/app/tx"
	"zhenglian/client/keys"
	"zhenglian/client/list"
)

// setupLists serves the vectors of package list at $LISTS: height 1 and then
// height 2 of the list serious_dishonest, to be proven against $LISTTRUST, and
// seals the key of its tags to officer1 as $SEALED. $LIAR serves what is not
// proven.
func setupLists(e *testscript.Env, keyring string) error {
	b, err := os.ReadFile("../../list/testdata/vectors/copies.json")
	if err != nil {
		return err
	}
	var vs []struct{ Name, Trust, Snapshot, Delta string }
	if err := json.Unmarshal(b, &vs); err != nil {
		return err
	}
	bytesOf := func(name string, delta bool) []byte {
		for _, v := range vs {
			if v.Name == name {
				s := v.Snapshot
				if delta {
					s = v.Delta
				}
				b, _ := hex.DecodeString(s)
				return b
			}
		}
		return nil
	}
	serve := func(snapshot, delta []byte) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/v1/lists/serious_dishonest/snapshot":
				w.Write(snapshot)
			case "/v1/lists/serious_dishonest/delta":
				w.Write(delta)
			default:
				http.Error(w, "no", http.StatusNotFound)
			}
		}))
		e.Defer(s.Close)
		return s.URL
	}
	e.Setenv("LISTS", serve(bytesOf("snapshot", false), bytesOf("delta to it", true)))
	e.Setenv("LIAR", serve(bytesOf("a root changed", false), bytesOf("delta to it", true)))
	trust := filepath.Join(e.WorkDir, "list-trust.json")
	e.Setenv("LISTTRUST", trust)
	if err := os.WriteFile(trust, []byte(vs[0].Trust), 0o644); err != nil {
		return err
	}
	f, err := keys.Load(keyring, "officer1")
	if err != nil {
		return err
	}
	key := list.Key(sha256.Sum256(binary.BigEndian.AppendUint64([]byte("test key "), 1)))
	sealed, err := list.Seal(list.Epoch{Chain: "zhenglian-test", List: tx.SeriousDishonest, Number: 1}, key, f.Public)
	if err != nil {
		return err
	}
	path := filepath.Join(e.WorkDir, "epoch1.sealed")
	e.Setenv("SEALED", path)
	return os.WriteFile(path, sealed.Encode(), 0o600)
}
