package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"zhenglian/client/api"
)

// TestStory tells the story that scripts/demo tells, with the same commands against
// the same consortium, and looks at what it leaves on the ledger.
func TestStory(t *testing.T) {
	p, d := runDemo(t, filepath.Join(t.TempDir(), "demo"))
	eventually(t, "first block", func() error {
		var c api.Checkpoint
		if _, b := d.do("GET", api.PathCheckpoint, "", nil); json.Unmarshal(b, &c) != nil || c.Anchor.Height < 1 {
			return errors.New(string(b))
		}
		return nil
	})
	script, err := filepath.Abs("../../scripts/story")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command("bash", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "LC_ALL=C.UTF-8",
		"ZHENG_GATEWAY="+d.url, "ZHENG_KEYS="+filepath.Join(d.home, "keys"), "ZHENG_TRUST="+d.trust)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	after, err := os.ReadFile(filepath.Join(dir, "after.html"))
	if err != nil {
		t.Fatal(err)
	}
	banner, title := strings.Index(string(after), "此产品已被召回"), strings.Index(string(after), "<h1>")
	if banner < 0 || banner > title {
		t.Errorf("the recall does not come first: %s", after)
	}
	// The whole way is on the page of one jar, with who signed each step.
	for _, who := range []string{"綦江村级农产品服务站（示例）", "綦江食品加工厂（示例）", "电商平台甲（示例）", "复检机构（示例）", "杭州市市场监督管理局"} {
		if !strings.Contains(string(after), who) {
			t.Errorf("no %s on the page", who)
		}
	}
	var found api.Page[api.Inspection]
	d.ask(&found, "inspect", "list", "--state", "CLOSED")
	if len(found.Data) != 1 || found.Data[0].Recall == "" || found.Data[0].Report.Passes || found.Data[0].RetestLab != "retest-institute" {
		t.Errorf("inspections: %+v", found)
	}
	var orders api.Page[api.Delisting]
	d.ask(&orders, "inspect", "delist", "list", "--member", "platform-a")
	if len(orders.Data) != 1 || orders.Data[0].State != "VERIFIED" {
		t.Errorf("orders: %+v", orders)
	}
	var r api.Recall
	d.ask(&r, "trace", "recall", "show", found.Data[0].Recall)
	if r.State != "FROZEN" || r.Count != 3 { // the plums, the batch, the jar
		t.Errorf("recall: %+v", r)
	}
	p.stop()
}
