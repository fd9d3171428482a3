package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/capture"
	"zhenglian/client/certificate"
	"zhenglian/client/clienttest"
	"zhenglian/client/keys"
)

func TestMain(m *testing.M) {
	capture.RunChild()
	testscript.Main(m, map[string]func(){"zheng": main})
}

// TestScripts runs testdata/*.txt and the examples of client/README.md. Each
// finds a ledger at $GATEWAY whose trust root is $TRUST, a web page at $SHOP, nothing at $NOBODY, and
// the keys officer1, officer2 and city in $KEYS. Two commands are ours:
//
//	exits N PROGRAM ARGS…   runs it and compares the exit code
//	field VAR NAME          puts a member of the JSON object on stdout into $VAR
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files: append(scripts, readmeScript(t)),
		Condition: func(cond string) (bool, error) {
			if cond != "font" {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			_, err := certificate.LoadFont("", "")
			return err == nil, nil
		},
		Setup: func(e *testscript.Env) error {
			s := httptest.NewServer(clienttest.New())
			e.Defer(s.Close)
			e.Setenv("GATEWAY", s.URL)
			shop := httptest.NewServer(http.HandlerFunc(shopPage))
			e.Defer(shop.Close)
			e.Setenv("SHOP", shop.URL)
			e.Setenv("NOBODY", "http://"+freePort(t))
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			trust := filepath.Join(e.WorkDir, "trust.json")
			e.Setenv("TRUST", trust)
			if err := os.WriteFile(trust, clienttest.New().Trust.Encode(), 0o644); err != nil {
				return err
			}
			forged, err := receipt.NewTrust(clienttest.Chain, 1, []receipt.Validator{{PubKey: [32]byte{1}, Power: 1}})
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(e.WorkDir, "other-trust.json"), forged.Encode(), 0o644); err != nil {
				return err
			}
			dir := filepath.Join(e.WorkDir, "keys")
			e.Setenv("KEYS", dir)
			for name, member := range map[string]tx.MemberID{"officer1": "hangzhou-amr", "officer2": "hangzhou-amr", "city": "xianyang-amr"} {
				p, err := tx.GenerateKey(tx.Secp256k1)
				if err != nil {
					return err
				}
				if err := keys.Save(dir, keys.Key{Name: name, Member: member, PrivateKey: p}, nil); err != nil {
					return err
				}
			}
			return setupLists(e, dir)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits, "field": field},
	})
}

// shopPage is a page to capture, with a link to a licence.
func shopPage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if r.URL.Path == "/licence" {
		fmt.Fprint(w, "<title>亮照</title><p>91330100MA2XXXXX1A")
		return
	}
	fmt.Fprint(w, `<title>示例店铺</title><p>“国家级”龙井茶<p><a id=licence href=/licence>营业执照</a>`)
}

// readmeScript makes a script of the console examples in client/README.md.
// $ID and $RECEIPT are those of the notarization before.
func readmeScript(t *testing.T) string {
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var s strings.Builder
	s.WriteString("env ZHENG_GATEWAY=$GATEWAY\nenv ZHENG_KEYS=$KEYS\nenv ZHENG_FROM=officer1\nenv ZHENG_TRUST=$TRUST\n")
	n, console := 0, false
	for _, line := range strings.Split(string(b), "\n") {
		if fence, ok := strings.CutPrefix(line, "```"); ok {
			console = fence == "console"
		}
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok || !console {
			continue
		}
		n++
		s.WriteString("exits 0 " + command + "\n")
		if strings.Contains(command, "notarize") && strings.HasSuffix(command, "-o json") {
			s.WriteString("field ID id\nfield RECEIPT receipt\n")
		}
	}
	if n < 10 {
		t.Fatalf("README.md has only %d examples", n)
	}
	for _, name := range []string{"page.png", "pass.txt", "objection.txt", "decision.txt"} {
		s.WriteString("-- " + name + " --\n" + name + "\n")
	}
	path := filepath.Join(t.TempDir(), "readme.txt")
	if err := os.WriteFile(path, []byte(s.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// freePort is an address where nothing listens.
func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N PROGRAM ARGS…")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("got exit code %d, want %s", got, args[0])
	}
}

func field(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: field VAR NAME")
	}
	var m map[string]any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &m); err != nil {
		ts.Fatalf("stdout is not one JSON object: %v", err)
	}
	v, ok := m[args[1]]
	if !ok {
		ts.Fatalf("no member %q", args[1])
	}
	ts.Setenv(args[0], fmt.Sprint(v))
}
