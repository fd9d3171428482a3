package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenglian/client/api"
)

// TestLists takes an entry of the negative index from proposal to revocation
// with real processes: a partner city co-signs the decision, a platform
// acknowledges, and what is in force is proven before, during and after.
func TestLists(t *testing.T) {
	p, d := runDemo(t, filepath.Join(t.TempDir(), "demo"))
	tag := strings.Repeat("5a", 32)
	doc := strings.Repeat("d1", 32)
	china := time.FixedZone("CST", 8*60*60)
	day := func(days int) string { return time.Now().In(china).AddDate(0, 0, days).Format("2006-01-02") }
	type checked struct {
		Verdict string `json:"verdict"`
		Found   bool   `json:"found"`
		Height  int64  `json:"height"`
	}
	check := func(want bool, extra ...string) checked {
		t.Helper()
		var c checked
		must(t, 0, &c, "zheng", append([]string{"list", "check", "negative_index", tag, "--trust", d.trust, "-o", "json"}, extra...)...)
		if c.Verdict != "VERIFIED" || c.Found != want {
			t.Errorf("check %v: %+v, want found %v", extra, c, want)
		}
		return c
	}

	propose := d.zheng("list", "propose", "--list", "negative_index", "--tag", tag, "--law", "consortium_rules:3", "--reason", "delisted_elsewhere",
		"--severity", "general", "--measures", "compare,key_watch", "--from", "officer1")
	must(t, 2, nil, "zheng", "list", "propose", "--list", "negative_index", "--tag", tag, "--law", "consortium_rules:3", "--reason", "delisted_elsewhere",
		"--severity", "general", "--measures", "no_honours", "--gateway", d.url) // a measure of statutory lists
	id := propose.ID
	d.zheng("list", "serve", id, "--notice", doc, "--served", day(0), "--respond-by", day(30), "--method", "electronic", "--from", "officer1", "--cosign", "officer2")
	d.zheng("list", "defend", id, "--defence", doc, "--from", "officer1")
	d.zheng("list", "hear", id, "--record", doc, "--held", day(0), "--from", "officer1", "--cosign", "officer2")
	d.refused(431, "list", "review", id, "--opinion", doc, "--from", "officer1")
	d.zheng("list", "review", id, "--opinion", doc, "--from", "officer2")
	before := check(false, "--gateway", d.url)

	decide := d.zheng("list", "decide", id, "--decision", doc, "--remedy", doc, "--first-day", day(0), "--repair-from", day(100), "--until", day(300),
		"--from", "officer1", "--cosign", "officer2")
	if decide.State != "REVIEWED" {
		t.Errorf("decided without a partner city: %+v", decide)
	}
	waits := lines[api.Pending](d, "pending", "--from", "city", "--keys", filepath.Join(d.home, "keys"))
	if len(waits) != 1 || waits[0].ID.String() != decide.ID || !strings.Contains(fmt.Sprint(waits[0].Changes), "not statutory") {
		t.Errorf("inbox of the city: %+v", waits)
	}
	d.zheng("endorse", decide.ID, "--from", "city")
	d.zheng("list", "enrol", "negative_index", "platform-a", "--from", "officer1", "--cosign", "officer2")
	d.zheng("list", "publish", id, "--summary", doc, "--from", "officer1", "--cosign", "officer2")

	proof := filepath.Join(t.TempDir(), "proof.json")
	during := check(true, "--gateway", d.url, "--out", proof)
	check(true, "--proof", proof) // offline
	check(false, "--gateway", d.url, "--height", fmt.Sprint(before.Height))
	must(t, 3, nil, "zheng", "list", "check", "negative_index", strings.Repeat("5b", 32), "--trust", d.trust, "--proof", proof)

	acks := lines[api.ListAck](d, "list", "acks", "negative_index")
	if len(acks) != 1 || acks[0].Open != 1 {
		t.Errorf("acknowledgements: %+v", acks)
	}
	d.zheng("list", "ack", "negative_index", "--through", "1", "--applied", "2", "--from", "platform")
	d.refused(442, "list", "ack", "negative_index", "--through", "1", "--from", "platform")

	d.refused(437, "list", "repair", id, "--application", doc, "--promise", doc, "--fulfilment", doc, "--from", "officer1")
	d.zheng("list", "stay", id, "--order", doc, "--reason", "court_order", "--from", "court")
	d.zheng("list", "resume", id, "--order", doc, "--from", "court")
	d.zheng("list", "revoke", id, "--decision", doc, "--ground", "mistake", "--since", day(0), "--from", "officer1", "--cosign", "officer2")
	check(false, "--gateway", d.url)
	check(true, "--gateway", d.url, "--height", fmt.Sprint(during.Height))

	history := lines[api.ListNotice](d, "list", "history", "negative_index", tag)
	var actions []string
	for _, n := range history {
		actions = append(actions, n.Action)
	}
	if got := strings.Join(actions, " "); got != "apply lift apply lift" {
		t.Errorf("history: %s", got)
	}
	if open := lines[api.ListNotice](d, "list", "notices", "negative_index", "--member", "platform-a"); len(open) != 3 {
		t.Errorf("the platform still owes %d notices, want 3", len(open))
	}
	var e api.ListEntry
	d.ask(&e, "list", "show", id)
	if e.State != "REVOKED" || e.InForce || e.Statutory {
		t.Errorf("entry: %+v", e)
	}
	p.stop()
}
