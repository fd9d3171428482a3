package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"zhenglian/client"
	"zhenglian/client/api"
	"zhenglian/node/access"
	"zhenglian/node/member"
)

// TestHooks has a closed gateway send events to a receiver that is away half of
// the time, and kills the gateway meanwhile. Every entry arrives, signed, in order;
// who has no key gets nothing; and no secret is in any log.
func TestHooks(t *testing.T) {
	n := newNetwork(t, func(i int, g *member.Gateway) {
		if i == 0 {
			g.Auth.Anonymous = []access.Scope{}
			g.Hooks.Allow = []string{"127.0.0.0/8"}
		}
	})
	dir := t.TempDir()
	key := func(scopes string) (token, file, id string) {
		var k struct{ ID, Key string }
		must(t, 0, &k, "zhengd", "apikey", "add", "--home", n.cfgs[0].Home, "--name", "test", "--scope", scopes)
		file = filepath.Join(dir, k.ID)
		if err := os.WriteFile(file, []byte(k.Key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return k.Key, file, k.ID
	}
	submits, submitFile, _ := key("read,submit")
	_, hookFile, hookKey := key("hooks")
	c, err := client.New(client.Config{Gateway: n.urls[0], Token: submits})
	if err != nil {
		t.Fatal(err)
	}

	var mu sync.Mutex
	var secret string
	var got []uint64
	seen, calls, bad := map[uint64]bool{}, 0, 0
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if v, err := standardwebhooks.NewWebhook(secret); err != nil || v.Verify(b, r.Header) != nil {
			bad++
		}
		if calls++; calls%2 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		var m struct{ Data api.Event }
		if json.Unmarshal(b, &m) != nil || m.Data.ID.Height == 0 {
			return // the test message
		}
		if seq := seqOf(t, m.Data); !seen[seq] {
			seen[seq] = true
			got = append(got, seq)
		}
	}))
	defer receiver.Close()

	must(t, 1, nil, "zheng", "hook", "list", "--gateway", n.urls[0], "-o", "json")
	must(t, 1, nil, "zheng", "hook", "list", "--gateway", n.urls[0], "--token-file", submitFile, "-o", "json")
	if r := run(t, "zheng", "event", "follow", "--until-now", "--after", "0", "--gateway", n.urls[0], "-o", "json"); r.code != 1 || !strings.Contains(r.stderr, api.CodeUnauthenticated) {
		t.Errorf("without a key: exit %d, %s", r.code, r.stderr)
	}
	var hook api.HookSecret
	must(t, 0, &hook, "zheng", "hook", "add", receiver.URL+"/?token=hush", "--type", "statement.accepted", "--after", "0",
		"--gateway", n.urls[0], "--token-file", hookFile, "-o", "json")
	mu.Lock()
	secret = hook.Secret
	mu.Unlock()

	const rounds, each = 3, 4
	for r := range rounds {
		for s := range each {
			e := n.envelope(fmt.Sprint("round ", r, " statement ", s))
			eventually(t, "submission", func() error {
				_, err := c.Submit(t.Context(), e, api.SubmitOptions{NoReceipt: true})
				return err
			})
		}
		n.procs[0].kill()
		n.start(0)
		n.awaitReady(0)
	}
	eventually(t, "all entries", func() error {
		mu.Lock()
		defer mu.Unlock()
		if len(got) < rounds*each {
			return fmt.Errorf("%d of %d", len(got), rounds*each)
		}
		return nil
	})
	mu.Lock()
	for i, seq := range got {
		if seq != uint64(i) {
			t.Errorf("entry %d came as number %d", seq, i)
		}
	}
	if bad > 0 {
		t.Errorf("%d messages do not verify", bad)
	}
	mu.Unlock()
	var log bytes.Buffer
	if r := run(t, "zheng", "hook", "log", hook.ID, "--limit", "0", "--gateway", n.urls[0], "--token-file", hookFile, "-o", "json"); r.code != 0 || bytes.Count(r.stdout, []byte("\n")) < 2*rounds*each-2 {
		t.Errorf("log: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	must(t, 0, nil, "zheng", "hook", "redeliver", hook.ID, "--after", "0", "--gateway", n.urls[0], "--token-file", hookFile, "-o", "json")
	must(t, 0, nil, "zheng", "hook", "show", hook.ID, "--gateway", n.urls[0], "--token-file", hookFile, "-o", "json")
	must(t, 0, nil, "zheng", "hook", "remove", hook.ID, "--gateway", n.urls[0], "--token-file", hookFile, "-o", "json")
	must(t, 4, nil, "zheng", "hook", "show", hook.ID, "--gateway", n.urls[0], "--token-file", hookFile, "-o", "json")
	must(t, 0, nil, "zhengd", "apikey", "revoke", "--home", n.cfgs[0].Home, hookKey)
	must(t, 1, nil, "zheng", "hook", "list", "--gateway", n.urls[0], "--token-file", hookFile, "-o", "json")
	n.procs[0].stop()
	b, err := os.ReadFile(n.procs[0].log)
	if err != nil {
		t.Fatal(err)
	}
	log.Write(b)
	for _, hidden := range []string{strings.TrimPrefix(hook.Secret, "whsec_"), submits, "zlk_", "hush", receiver.URL} {
		if strings.Contains(log.String(), hidden) {
			t.Errorf("the node's log holds %q", hidden)
		}
	}
}
