package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zhenglian/client"
	"zhenglian/client/api"
)

// TestListKeys is the ceremony of a list's key with real processes: made by an
// administrator of Hangzhou and sealed, checked and co-signed by one of Xianyang,
// opened by officers and a platform, who sweeps a copy of the list with it; then
// another key takes its place, the entry is tagged anew, and who has the new key
// alone finds it. Meanwhile the time for the decision runs, stands still while a
// hearing is due, and is proven; and the events of all this are told over REST.
func TestListKeys(t *testing.T) {
	p, d := runDemo(t, filepath.Join(t.TempDir(), "demo"))
	defer p.stop()
	keys := filepath.Join(d.home, "keys")
	doc, list := strings.Repeat("d1", 32), "negative_index"
	china := time.FixedZone("CST", 8*60*60)
	day := func(days int) string { return time.Now().In(china).AddDate(0, 0, days).Format("2006-01-02") }
	dir := t.TempDir()
	// mine is the copy of an epoch that a key opens.
	mine := func(epoch int, key, statement string) string {
		t.Helper()
		all, err := filepath.Glob(filepath.Join(dir, fmt.Sprintf("%s-%d-*.sealed", list, epoch)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range all {
			if r := run(t, "zheng", "list", "key", "open", f, "--from", key, "--keys", keys, "--statement", statement, "--gateway", d.url, "--trust", d.trust); r.code == 0 {
				return f
			}
		}
		t.Fatalf("%s opens none of %v", key, all)
		return ""
	}
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const code, other = "91330100799655058B", "91350100M000100Y43"
	ids := write("ids.txt", code+"\n")
	shops := write("shops.csv", "id,uscc\n1,"+other+"\n2,"+code+"\n")
	// open makes the key of an epoch and has it co-signed.
	open := func(epoch int, verb string) string {
		t.Helper()
		made := d.zheng("list", "key", verb, "--list", list, "--to", "city-admin1,officer1,platform", "--dir", dir, "--from", "admin1", "--cosign", "admin2")
		if made.Outcome == "effective" {
			t.Errorf("epoch %d is in force without another member: %+v", epoch, made)
		}
		mine(epoch, "city-admin1", made.ID)
		d.zheng("endorse", made.ID, "--from", "city-admin1")
		return made.ID
	}
	tag := func(key string) string {
		t.Helper()
		var out struct {
			Tag string `json:"tag"`
		}
		must(t, 0, &out, "zheng", "list", "tag", "--list", list, "--type", "uscc", "--key", key, "--from", "officer1", "--keys", keys, "-o", "json", ids)
		return out.Tag
	}
	// sweep fetches the list and counts what the platform finds with copies of keys.
	sweep := func(want int, sealed ...string) {
		t.Helper()
		file := filepath.Join(dir, "list.zlsnap")
		must(t, 0, nil, "zheng", "list", "fetch", "--list", list, "--copy", file, "--gateway", d.url, "--trust", d.trust, "-o", "json")
		r := run(t, "zheng", "list", "sweep", "--list", list, "--copy", file, "--key", strings.Join(sealed, ","), "--from", "platform", "--keys", keys, "--trust", d.trust, "-o", "json", shops)
		if got := strings.Count(string(r.stdout), `"2"`); r.code != 0 || got != want || strings.Contains(string(r.stdout), `"1"`) {
			t.Errorf("a sweep finds %d, want %d: exit %d %s %s", got, want, r.code, r.stdout, r.stderr)
		}
	}

	// A proof needs the block after the one that it is of.
	d.zheng("list", "enrol", list, "platform-a", "--from", "officer1", "--cosign", "officer2")
	first := open(1, "new")
	officer1, platform1 := mine(1, "officer1", first), mine(1, "platform", first)
	was := tag(officer1)
	propose := func(tag string, epoch int) []string {
		return []string{"list", "propose", "--list", list, "--tag", tag, "--epoch", fmt.Sprint(epoch), "--law", "consortium_rules:3", "--reason", "delisted_elsewhere",
			"--severity", "general", "--measures", "compare", "--from", "officer1"}
	}
	d.refused(467, propose(was, 2)...)
	id := d.zheng(propose(was, 1)...).ID
	clock := func(want string) (k api.Clock) {
		t.Helper()
		for _, k = range lines[api.Clock](d, "clock", "list", "--matter", id) {
			if k.Code == "LIST_DECIDE" {
				if k.State != want {
					t.Errorf("the clock is %+v, want %s", k, want)
				}
				return k
			}
		}
		t.Errorf("no clock of %s", id)
		return k
	}
	clock(api.ClockRunning)
	d.zheng("list", "serve", id, "--notice", doc, "--served", day(0), "--respond-by", day(30), "--method", "electronic", "--from", "officer1", "--cosign", "officer2")
	d.zheng("list", "hearing", id, "--request", doc, "--from", "officer1")
	clock(api.ClockPaused)
	proof := filepath.Join(dir, "clock.json")
	must(t, 0, nil, "zheng", "clock", "prove", id, "hangzhou-amr", "LIST_DECIDE", "--out", proof, "--gateway", d.url, "--trust", d.trust)
	var proven struct{ Verdict, State string }
	must(t, 0, &proven, "zheng", "clock", "verify", proof, fmt.Sprint(clock(api.ClockPaused).Seq), "hangzhou-amr", "LIST_DECIDE", "--trust", d.trust, "-o", "json")
	if proven.State != api.ClockPaused {
		t.Errorf("proven: %+v", proven)
	}
	d.zheng("list", "hear", id, "--record", doc, "--held", day(0), "--from", "officer1", "--cosign", "officer2")
	d.zheng("clock", "extend", id, "LIST_DECIDE", "--document", doc, "--from", "officer1", "--cosign", "officer2,admin1")
	d.refused(409, "clock", "extend", id, "LIST_DECIDE", "--document", doc, "--from", "officer1", "--cosign", "officer2,admin1")
	if k := clock(api.ClockRunning); !k.Extended {
		t.Errorf("extended: %+v", k)
	}
	d.zheng("list", "review", id, "--opinion", doc, "--from", "officer2")
	d.zheng("list", "decide", id, "--decision", doc, "--remedy", doc, "--first-day", day(0), "--repair-from", day(100), "--until", day(300),
		"--from", "officer1", "--cosign", "officer2,city")
	d.zheng("list", "publish", id, "--summary", doc, "--from", "officer1", "--cosign", "officer2")
	sweep(1, platform1)
	owed := lines[api.Clock](d, "clock", "list", "--member", "platform-a", "--state", "open")
	if len(owed) != 1 || owed[0].Code != "LIST_ACK" || owed[0].Notice != 1 {
		t.Errorf("what the platform owes: %+v", owed)
	}
	must(t, 0, nil, "zheng", "clock", "prove", list+"/1", "platform-a", "LIST_ACK", "--gateway", d.url, "--trust", d.trust)

	second := open(2, "rotate")
	officer2, platform2 := mine(2, "officer1", second), mine(2, "platform", second)
	d.refused(466, propose(was, 1)...)
	sweep(0, platform2)
	sweep(1, platform2, platform1)
	d.zheng("list", "key", "retag", "--list", list, "--type", "uscc", "--key", officer2+","+officer1, ids, "--from", "officer1", "--cosign", "officer2")
	sweep(1, platform2)
	sweep(0, platform1)
	d.zheng("list", "key", "withdraw", "--list", list, "--epoch", "1", "--reason", "retagged", "--from", "admin1", "--cosign", "admin2,city-admin1")
	must(t, 0, nil, "zheng", "list", "check", list, tag(officer2), "--trust", d.trust, "--gateway", d.url)

	// Everything of it is told over REST to who asks from the beginning.
	missing := []string{api.EventClock, api.EventStopped, api.EventSubject, api.EventNotice, api.EventListEntry}
	c, err := client.New(client.Config{Gateway: d.url})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	for e, err := range c.Events(ctx, client.EventOptions{After: &api.EventID{}, EventQuery: api.EventQuery{Types: slices.Clone(missing)}}) {
		if err != nil {
			t.Fatalf("never told of %v: %v", missing, err)
		}
		if missing = slices.DeleteFunc(missing, func(typ string) bool { return typ == e.Type }); len(missing) == 0 {
			break
		}
	}
}
