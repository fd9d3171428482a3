package bundle_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"testing"
	"time"

	"zhenglian/client/bundle"
	"zhenglian/client/bundle/bundletest"
	"zhenglian/client/clienttest/npm"
)

// webrecorder installs the npm packages of testdata/webrecorder, in the versions of
// its lock file, beside the caches of this user, and returns the folder.
func webrecorder(t *testing.T) string {
	t.Helper()
	dir, err := npm.Install(t, "zhenglian-webrecorder", "testdata/webrecorder", "check.mjs")
	if err != nil {
		t.Skip(err)
	}
	return dir
}

// openWACZ opens a bundle with the programs of the Webrecorder project.
func openWACZ(t *testing.T, b []byte) (found struct {
	Resources, Index int
	Types            map[string]int
	Pages            []struct{ URL, Title string }
}) {
	t.Helper()
	dir := webrecorder(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "case.wacz", time.Time{}, bytes.NewReader(b))
	}))
	defer srv.Close()
	cmd := exec.Command("node", "check.mjs", srv.URL+"/case.wacz")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(out[bytes.LastIndexByte(bytes.TrimSpace(out), '\n')+1:], &found); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return found
}

func TestOpensAsWACZ(t *testing.T) {
	k := bundletest.New(t, 1000)
	b := k.Bytes(t)
	got := openWACZ(t, b)
	if got.Index != 1 || got.Types["response"] != 1 || got.Types["request"] != 1 || got.Types["warcinfo"] != 1 || len(got.Pages) != 1 || got.Pages[0].Title != "示例店铺" {
		t.Errorf("found %+v", got)
	}
	a, err := bundle.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if got.Resources != len(a.Entries)-2 {
		t.Errorf("%d resources of %d entries", got.Resources, len(a.Entries))
	}
}

// TestWithheldArchive: a bundle that does not show the whole archive is no WACZ
// file, and does not pretend to be one.
func TestWithheldArchive(t *testing.T) {
	k := bundletest.New(t, 0)
	k.Contents.Withhold = []string{bundle.NameIndex}
	b := k.Bytes(t)
	a, err := bundle.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if a.Find(bundle.NamePackage) != nil || a.Find(bundle.NamePackageDigest) != nil || a.Find(bundle.NameWARC) == nil {
		t.Errorf("entries %+v", a.Entries)
	}
}
