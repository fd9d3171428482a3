package tx

import (
	"strings"
	"testing"
)

// Codes of the example: plums of a village in Qijiang, without a GTIN, the jam
// made of them, and containers.
const (
	plums UnitCode = "zg/50011000010017/10/P1"
	jam   UnitCode = "01/09506000134352/10/J1"
	jar   UnitCode = "01/09506000134352/10/J1/21/7"
	crate UnitCode = "zs/500110000100000017"
	sscc  UnitCode = "00/095060001343520000"
)

func traceSamples(st func(Kind, ID, Body) *Statement) map[string]*Statement {
	two := []UnitCode{plums, jar}
	return map[string]*Statement{
		"trace-product": st(TraceProduct, ID{}, &Product{Makers: []MemberID{"coop", "mill"}, Mode: Flag, NameEN: "Plum jam", NameZH: "李子酱", Code: jam.Product(), UOM: "g",
			Yield: &Yield{From: []ProductCode{plums.Product()}, Gives: 4, Per: 5}}),
		"trace-product-raw": st(TraceProduct, ID{}, &Product{Mode: Reject, NameEN: "Plums", NameZH: "李子", Code: plums.Product(), UOM: "g"}),
		"trace-harvest":     st(TraceHarvest, ID{}, &Harvest{Origin: "500110101200", Product: plums.Product(), Quantity: 5_000_000, Season: "s2026"}),
		"trace-register": st(TraceRegister, ID{}, &Register{BestBefore: "2026-12-01", Event: Digest{5}, Harvest: &HarvestRef{"500110101200", "s2026"}, Made: "2026-11-20",
			Units: []Amount{{plums, 1000}}}),
		"trace-register-crate": st(TraceRegister, ID{}, &Register{Units: []Amount{{crate, 0}, {sscc, 0}, {"01/09506000134352/22/A%2FB/10/%25", 1}}}),
		"trace-ship":           st(TraceShip, ID{}, &Ship{Event: Digest{5}, To: "mill", Units: two}),
		"trace-receive":        st(TraceReceive, ID{1}, &Receive{}),
		"trace-receive-event":  st(TraceReceive, ID{1}, &Receive{Event: Digest{5}}),
		"trace-dispute":        st(TraceDispute, ID{1}, &Dispute{Document: Digest{6}, Reason: "short"}),
		"trace-cancel":         st(TraceCancel, ID{1}, &Withdraw{Reason: "mistake"}),
		"trace-sell":           st(TraceSell, ID{}, &Sell{Event: Digest{5}, Reason: "sold", Units: two}),
		"trace-take":           st(TraceTake, ID{}, &Take{Units: two}),
		"trace-aggregate":      st(TraceAggregate, ID{}, &Aggregate{Children: two, Parent: crate}),
		"trace-disaggregate":   st(TraceDisaggregate, ID{}, &Aggregate{Children: two, Event: Digest{5}, Parent: crate}),
		"trace-transform":      st(TraceTransform, ID{}, &Transform{BestBefore: "2027-11-20", Inputs: []Amount{{plums, 1000}}, Made: "2026-11-21", Outputs: []Amount{{jam, 800}}}),
		"trace-destroy":        st(TraceDestroy, ID{}, &Destroy{Reason: "expired", Units: two}),
		"trace-events":         st(TraceEvents, ID{}, &Events{Count: 3, Root: Digest{7}}),
		"trace-recall":         st(TraceRecall, ID{}, &Recall{Document: Digest{6}, Level: 1, Reason: "failed_test", Units: two}),
		"trace-ack":            st(TraceAck, ID{}, &Ack{Recall: ID{1}}),
		"trace-dispose":        st(TraceDispose, ID{}, &Dispose{Document: Digest{6}, Method: "harmless", Recall: ID{1}, Units: two}),
		"trace-release":        st(TraceRelease, ID{}, &Release{Document: Digest{6}, Recall: ID{1}, Units: two}),
		"trace-close":          st(TraceClose, ID{1}, &Decision{Document: Digest{3}}),
		"trace-withdraw":       st(TraceWithdraw, ID{1}, &Withdraw{Reason: "mistake"}),
	}
}

type badVector struct{ name, statement, old, new string }

// traceBad are departures from good statements, by the name of the sample.
func traceBad(sample func(string) string) []badVector {
	register, ship, product := sample("trace-register"), sample("trace-ship"), sample("trace-product")
	return []badVector{
		{"GTIN with a wrong check digit", sample("trace-transform"), "09506000134352/10/J1", "09506000134353/10/J1"},
		{"consortium code with a wrong check digit", register, "50011000010017/10", "50011000010018/10"},
		{"consortium code of no division", register, "zg/500110", "zg/990110"},
		{"SSCC with a wrong check digit", sample("trace-register-crate"), "095060001343520000", "095060001343520002"},
		{"GTIN of 13 digits", sample("trace-transform"), "01/09506000134352", "01/9506000134352"},
		{"unit without lot or serial", ship, "zg/50011000010017/10/P1", "zg/50011000010017"},
		{"variant without lot or serial", sample("trace-register-crate"), "/22/A%2FB/10/%25", "/22/A%2FB"},
		{"qualifiers out of order", ship, "/10/J1/21/7", "/21/7/10/J1"},
		{"empty lot", ship, "/10/P1", "/10/"},
		{"lot of 21 characters", ship, "/10/P1", "/10/" + strings.Repeat("P", 21)},
		{"lot with needless escape", ship, "/10/P1", "/10/%50"},
		{"lot with lower-case escape", ship, "/10/P1", "/10/%2f"},
		{"lot with a character outside set 82", ship, "/10/P1", "/10/%7E"},
		{"code of another scheme", ship, "zg/5", "99/5"},
		{"product with a lot", product, `"product":"01/09506000134352"`, `"product":"01/09506000134352/10/J1"`},
		{"product made of itself", product, `"zg/50011000010017"`, `"01/09506000134352"`},
		{"yield of nothing", product, `"per":5`, `"per":0`},
		{"makers out of order", product, `"coop","mill"`, `"mill","coop"`},
		{"unknown mode", product, `"flag"`, `"warn"`},
		{"village of 11 digits", sample("trace-harvest"), "500110101200", "50011010120"},
		{"village of no province", sample("trace-harvest"), "500110101200", "990110101200"},
		{"nothing harvested", sample("trace-harvest"), `"quantity":5000000`, `"quantity":0`},
		{"a unit twice", ship, "01/09506000134352/10/J1/21/7", "zg/50011000010017/10/P1"},
		{"goods without quantity", register, `"quantity":1000`, `"quantity":0`},
		{"container with a quantity", sample("trace-register-crate"), `"quantity":0`, `"quantity":1`},
		{"made on no day", register, "2026-11-20", "2026-11-31"},
		{"best before it was made", register, `"best_before":"2026-12-01"`, `"best_before":"2026-11-01"`},
		{"goods as a container", sample("trace-aggregate"), string(crate), string(jam)},
		{"a container in itself", sample("trace-aggregate"), string(jar), string(crate)},
		{"recall of level 4", sample("trace-recall"), `"level":1`, `"level":4`},
		{"no units", sample("trace-take"), `"zg/50011000010017/10/P1","01/09506000134352/10/J1/21/7"`, ``},
		{"no events", sample("trace-events"), `"count":3`, `"count":0`},
	}
}

// GS1's own examples of check digits (General Specifications §7.9).
func TestCheckDigit(t *testing.T) {
	for digits, want := range map[string]byte{"629104150021": '3', "37610425002123456": '9', "0950600013435": '2', "9638507": '4'} {
		if got := CheckDigit(digits); got != want {
			t.Errorf("%s: %c, want %c", digits, got, want)
		}
	}
}

func TestUnitCode(t *testing.T) {
	for code, product := range map[UnitCode]ProductCode{plums: "zg/50011000010017", jar: "01/09506000134352", crate: "", sscc: ""} {
		if err := code.Validate(); err != nil {
			t.Errorf("%s: %v", code, err)
		}
		if got := code.Product(); got != product {
			t.Errorf("product of %s: %q, want %q", code, got, product)
		}
	}
}
