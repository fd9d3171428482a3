package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zhenglian/app/receipt"
	"zhenglian/client/api"
)

// TestTrace takes plums from a village through a kitchen to a shop, and recalls
// them, with the commands that those who do it use.
func TestTrace(t *testing.T) {
	p, d := runDemo(t, filepath.Join(t.TempDir(), "demo"))
	const (
		plums, jam   = "zg/50011000010017", "01/09506000134352"
		lot, j1, box = plums + "/10/P1", jam + "/10/J1", "zs/500110000100000017"
	)
	page := func(code string) string {
		t.Helper()
		r, b := d.do("GET", "/"+code, "", nil)
		if r.StatusCode != 200 {
			t.Fatalf("page of %s: %d", code, r.StatusCode)
		}
		return string(b)
	}
	reach := func(code string, flags ...string) (codes []string) {
		t.Helper()
		lines := lines[api.TraceLine](d, append([]string{"trace", "follow", code}, flags...)...)
		for _, l := range lines {
			if l.Unit != nil {
				codes = append(codes, string(l.Unit.Code))
			}
		}
		if n := len(lines); n == 0 || lines[n-1].End == nil || lines[n-1].End.Units != len(codes) {
			t.Errorf("trace of %s: %+v", code, lines)
		}
		return codes
	}
	eventually(t, "first block", func() error {
		var c api.Checkpoint
		if _, b := d.do("GET", api.PathCheckpoint, "", nil); json.Unmarshal(b, &c) != nil || c.Anchor.Height < 1 {
			return errors.New(string(b))
		}
		return nil
	})
	d.zheng("trace", "product", plums, "--zh", "李子", "--en", "Plums", "--from", "qijiang")
	d.zheng("trace", "product", jam, "--zh", "李子酱", "--en", "Plum jam", "--of", plums, "--yield", "4/5", "--from", "platform")
	d.zheng("trace", "harvest", plums, "--origin", "500110101200", "--season", "s2026", "--quantity", "1000", "--from", "qijiang")
	d.zheng("trace", "register", lot+"=900", "--origin", "500110101200", "--season", "s2026", "--made", "2026-11-01", "--from", "qijiang")
	d.refused(520, "trace", "register", plums+"/10/P2=101", "--origin", "500110101200", "--season", "s2026", "--from", "qijiang")
	table := filepath.Join(d.out, "lots.csv")
	if err := os.WriteFile(table, []byte("code,quantity\n"+plums+"/10/T1,5\n"+plums+"/10/T2,6\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	d.zheng("trace", "import", table, "--from", "qijiang")
	ship := d.zheng("trace", "ship", lot, "--to", "platform-a", "--from", "qijiang")
	if ship.State != "OFFERED" || !strings.Contains(page(lot), "对方尚未确认") {
		t.Errorf("shipped: %+v", ship)
	}
	d.refused(512, "trace", "ship", lot, "--to", "hangzhou-amr", "--from", "qijiang")
	received := d.zheng("trace", "receive", ship.ID, "--from", "platform")
	d.refused(519, "trace", "event", "make", j1+"=801", "--use", lot+"=900", "--from", "platform")
	made := d.zheng("trace", "event", "make", j1+"=400", "--use", lot+"=500", "--made", "2026-11-02", "--best-before", "2027-11-02", "--from", "platform")
	d.zheng("trace", "register", box, "--from", "platform")
	d.zheng("trace", "event", "pack", j1, "--box", box, "--from", "platform")
	if got := reach(lot); !slices.Equal(got, []string{lot, j1, box}) {
		t.Errorf("forward: %v", got)
	}
	if got := reach(box, "--back"); !slices.Equal(got, []string{box, j1, lot}) {
		t.Errorf("back: %v", got)
	}
	if got := reach(lot, "--at", fmt.Sprint(ship.Height)); !slices.Equal(got, []string{lot}) {
		t.Errorf("as of height %d: %v", ship.Height, got)
	}
	if b := page(j1); !strings.Contains(b, "没有召回记录") || !strings.Contains(b, "2027-11-02") || !strings.Contains(b, made.ID) {
		t.Errorf("page: %s", b)
	}
	for _, e := range []entry{ship, received, made} {
		if r := d.verify(0, "--id", e.ID, d.receipt(e.ID)); r.Verdict == receipt.NotVerified {
			t.Errorf("%s: %v", e.ID, failed(r))
		}
	}

	recall := d.zheng("trace", "recall", "open", lot, "--reason", "failed_test", "--from", "officer1")
	var r api.Recall
	d.ask(&r, "trace", "recall", "show", recall.ID)
	if r.State != "FROZEN" || r.Count != 2 || r.Frozen != recall.Height || len(r.Holders) != 1 || r.Holders[0].Member != "platform-a" {
		t.Errorf("recall: %+v", r)
	}
	if b := page(j1); !strings.Contains(b, "此产品已被召回") {
		t.Errorf("page after the recall: %s", b)
	}
	d.refused(515, "trace", "ship", box, "--to", "hangzhou-amr", "--from", "platform")
	d.zheng("trace", "event", "unpack", j1, "--box", box, "--from", "platform")
	d.refused(515, "trace", "event", "sell", j1, "--from", "platform")
	d.zheng("trace", "recall", "ack", recall.ID, "--from", "platform")
	d.zheng("trace", "recall", "dispose", recall.ID, j1, "--method", "destroyed", "--from", "platform")
	decision := d.file("decision.png")
	d.zheng("trace", "recall", "release", recall.ID, lot, "--decision", decision, "--from", "officer1")
	d.zheng("trace", "recall", "close", recall.ID, "--decision", decision, "--from", "city")
	if d.ask(&r, "trace", "recall", "show", recall.ID); r.State != "CLOSED" || r.Disposed != 1 || r.Released != 1 || r.Holders[0].Acked == 0 {
		t.Errorf("closed: %+v", r)
	}
	if b := page(j1); !strings.Contains(b, "销毁") && !strings.Contains(b, "召回") {
		t.Errorf("page at the end: %s", b)
	}
	d.verify(0, "--id", recall.ID, d.receipt(recall.ID))
	p.stop()
}
