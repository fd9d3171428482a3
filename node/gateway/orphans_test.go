package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// Hand-overs are listed as long as only one side has signed them, oldest first,
// with who has to act and until when.
func TestOrphans(t *testing.T) {
	h := newHarness(t)
	village := func(k tx.Kind, b tx.Body) tx.ID { return h.state("qijiang", "qijiang-amr", k, tx.ID{}, b) }
	platform := func(k tx.Kind, prev tx.ID, b tx.Body) tx.ID { return h.state("platform", "platform-a", k, prev, b) }
	code := func(n int) tx.UnitCode { return tx.UnitCode(fmt.Sprintf("%s/10/O%d", plums.Product(), n)) }
	village(tx.TraceProduct, &tx.Product{Mode: tx.Flag, NameEN: "Plums", NameZH: "李子", Code: plums.Product(), UOM: "g"})
	var all []tx.Amount
	for n := range 5 {
		all = append(all, tx.Amount{Code: code(n), Quantity: 10})
	}
	village(tx.TraceRegister, &tx.Register{Units: all})
	ship := func(n int) tx.ID {
		return village(tx.TraceShip, &tx.Ship{To: "platform-a", Units: []tx.UnitCode{code(n)}})
	}
	waits, answered, disputed, taken := ship(0), ship(1), ship(2), ship(3)
	platform(tx.TraceReceive, answered, &tx.Receive{})
	complaint := platform(tx.TraceDispute, disputed, &tx.Dispute{Reason: "short"})
	h.state("qijiang", "qijiang-amr", tx.TraceCancel, taken, &tx.Withdraw{Reason: "mistake"})
	sold := village(tx.TraceSell, &tx.Sell{Reason: "sold", Units: []tx.UnitCode{code(4)}})
	h.indexed()

	list := func(q api.OrphanQuery) string {
		t.Helper()
		var lines []string
		for o, err := range h.client().Orphans(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			if o.Age < 0 || o.Time == 0 || len(o.Units) != 1 {
				t.Errorf("%+v", o)
			}
			lines = append(lines, fmt.Sprintf("%s %s %s %s>%s %s %t", o.ID.String()[:8], o.Kind, o.State, o.Member, o.To, o.Waits, o.Overdue))
		}
		return strings.Join(lines, "\n")
	}
	line := func(id tx.ID, rest string) string { return id.String()[:8] + " " + rest }
	want := []string{
		line(waits, "trace.ship OFFERED qijiang-amr>platform-a platform-a false"),
		line(disputed, "trace.ship DISPUTED qijiang-amr>platform-a qijiang-amr false"),
		line(sold, "trace.sell ONE_SIDED qijiang-amr>  false"),
	}
	if got := list(api.OrphanQuery{}); got != strings.Join(want, "\n") {
		t.Errorf("all:\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if got := list(api.OrphanQuery{Limit: 1}); got != strings.Join(want, "\n") {
		t.Errorf("page by page:\n%s", got)
	}
	if got := list(api.OrphanQuery{Kind: "sell"}); got != want[2] {
		t.Errorf("sold: %s", got)
	}
	if got := list(api.OrphanQuery{Member: "platform-a"}); got != want[0]+"\n"+want[1] {
		t.Errorf("offered to the platform: %s", got)
	}
	if got := list(api.OrphanQuery{Member: "xianyang-amr"}); got != "" {
		t.Errorf("of somebody else: %s", got)
	}

	platform(tx.TraceReceive, complaint, &tx.Receive{})
	h.mu.Lock()
	h.chain.Skipped += 7 * 24 * time.Hour
	h.chain.Block()
	h.mu.Unlock()
	back := platform(tx.TraceTake, tx.ID{}, &tx.Take{Units: []tx.UnitCode{code(4)}})
	h.indexed()
	want = []string{line(waits, "trace.ship OFFERED qijiang-amr>platform-a platform-a true"), want[2], line(back, "trace.take ONE_SIDED platform-a>  false")}
	if got := list(api.OrphanQuery{}); got != strings.Join(want, "\n") {
		t.Errorf("later:\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}
