package api

import (
	"net/url"
	"strconv"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// Paths of traceability.
const (
	PathUnits  = "/v1/units"
	PathUnit   = "/v1/units/{id}"
	PathTrace  = "/v1/units/{id}/trace"
	PathRecall = "/v1/recalls/{id}"

	PathOrphans = "/v1/orphans"

	MediaLinkset = "application/linkset+json"
)

// A Unit is a lot, an item or a container, as the state has it.
type Unit struct {
	ID        row.UnitID  `json:"id" doc:"SEQ.INDEX: the entry that made it and its place there"`
	Code      tx.UnitCode `json:"code" doc:"path of its GS1 Digital Link"`
	Product   *Product    `json:"product,omitempty" doc:"absent for a container"`
	State     string      `json:"state" enum:"ACTIVE,OFFERED,CONSUMED,OUT,DESTROYED"`
	Recalled  bool        `json:"recalled" doc:"it, or something inside it, is recalled: it may not move"`
	Recalls   int64       `json:"recalls,omitempty" doc:"recalls that it is in"`
	Custodian tx.MemberID `json:"custodian" doc:"who holds it; for a unit inside another, who put it there"`
	Maker     tx.MemberID `json:"maker"`
	Quantity  int64       `json:"quantity" doc:"in the product's unit; 0 for a container"`
	Left      int64       `json:"left" doc:"of the quantity, what has not become something else"`
	Flags     []string    `json:"flags,omitempty" doc:"disputed, harvest, one_sided, yield: never taken away"`
	Parent    string      `json:"parent,omitempty" doc:"id of the container it is in"`
	Inside    int64       `json:"inside,omitempty" doc:"units directly inside"`
	Hot       int64       `json:"hot,omitempty" doc:"recalled units inside, at any depth"`
	Since     int64       `json:"since" doc:"height of the last change"`
	AsOf      int64       `json:"as_of" doc:"height of this answer"`
	Events    []UnitEvent `json:"events,omitempty" doc:"statements that name the unit, newest first, at most 100; from an index, which proves nothing"`
}

// A Product is a declared product.
type Product struct {
	Code   tx.ProductCode `json:"code"`
	NameZH string         `json:"name_zh"`
	NameEN string         `json:"name_en"`
	Owner  tx.MemberID    `json:"owner"`
	UOM    string         `json:"uom" enum:"g,ml,pc"`
}

// A UnitEvent is a statement about a unit.
type UnitEvent struct {
	ID      tx.ID     `json:"id"`
	Seq     uint64    `json:"seq"`
	Height  int64     `json:"height"`
	Kind    tx.Kind   `json:"kind"`
	Member  string    `json:"member"`
	At      tx.Time   `json:"at" doc:"when they say: a claim"`
	Outcome string    `json:"outcome"`
	State   row.State `json:"state,omitempty" doc:"of its matter now; OFFERED: the other side has not answered; ONE_SIDED: nobody confirms it"`
	To      string    `json:"to,omitempty" doc:"of a shipment"`
}

// A TraceLine is one line of a trace: a unit that was reached, or the end.
type TraceLine struct {
	Unit  *Unit      `json:"unit,omitempty"`
	Depth int        `json:"depth"`
	From  string     `json:"from,omitempty" doc:"id of the unit that leads to it"`
	How   string     `json:"how,omitempty" enum:"made_into,made_of,contains,inside_of"`
	Entry uint64     `json:"entry,omitempty" doc:"the transformation"`
	End   *TraceEnd  `json:"end,omitempty" doc:"in the last line only: without it the answer was cut off"`
	Fault *TraceStop `json:"fault,omitempty" doc:"in place of the end: the gateway could not go on"`
}

// TraceEnd is the last line of a whole trace.
type TraceEnd struct {
	Units int   `json:"units"`
	Cut   bool  `json:"cut" doc:"a bound of depth or size left something out"`
	Depth int   `json:"depth" doc:"steps that were allowed"`
	Limit int   `json:"limit" doc:"units that were allowed"`
	AsOf  int64 `json:"as_of"`
}

// A TraceStop says why a trace ended early.
type TraceStop struct {
	Code string `json:"code"`
}

// A TraceQuery says where a trace goes and how far.
type TraceQuery struct {
	Back  bool
	Depth int   // 1 to 64; 0: 64
	Limit int   // units, 1 to 100 000; 0: 10 000
	At    int64 // height; 0: the newest
}

// Values are the query parameters.
func (q TraceQuery) Values() url.Values {
	v := url.Values{"direction": {"forward"}}
	if q.Back {
		v.Set("direction", "back")
	}
	for name, n := range map[string]int64{"depth": int64(q.Depth), "limit": int64(q.Limit), "at": q.At} {
		if n != 0 {
			v.Set(name, strconv.FormatInt(n, 10))
		}
	}
	return v
}

// An Orphan is a hand-over that only one side has signed.
type Orphan struct {
	ID      tx.ID         `json:"id" doc:"of the statement"`
	Seq     uint64        `json:"seq"`
	Kind    tx.Kind       `json:"kind" enum:"trace.ship,trace.sell,trace.take"`
	State   row.State     `json:"state" enum:"OFFERED,DISPUTED,ONE_SIDED"`
	Member  tx.MemberID   `json:"member" doc:"who stated it"`
	To      tx.MemberID   `json:"to,omitempty" doc:"of a shipment"`
	Reason  string        `json:"reason,omitempty" doc:"why the goods left"`
	Units   []tx.UnitCode `json:"units"`
	Height  int64         `json:"height"`
	Time    tx.Time       `json:"time" doc:"of its block"`
	Age     int64         `json:"age_s" doc:"seconds from its block to the newest"`
	Waits   tx.MemberID   `json:"waits_for,omitempty" doc:"who has to act: to answer, or of a disputed one to settle it"`
	Due     tx.Date       `json:"due,omitzero" doc:"until when; absent where no rule set says so"`
	Overdue bool          `json:"overdue,omitempty"`
}

// OrphanQuery are the query parameters of GET /v1/orphans.
type OrphanQuery struct {
	Kind   string      // ship, sell or take; "": any
	Member tx.MemberID // who stated it or to whom it was offered; "": anybody
	Limit  int         // 0: DefaultLimit; at most MaxLimit
	Cursor string      // NextCursor of the page before, "" for the first
}

// A Recall is a recall and how far it has come.
type Recall struct {
	ID       tx.ID         `json:"id"`
	State    row.State     `json:"state"`
	Member   string        `json:"member" doc:"who recalls"`
	Level    int64         `json:"level"`
	Reason   string        `json:"reason"`
	Seeds    []tx.UnitCode `json:"seeds" doc:"the units named"`
	Frozen   int64         `json:"frozen" doc:"height at which the scope was complete; 0: not yet"`
	Count    int64         `json:"count" doc:"units in the scope"`
	Root     tx.Digest     `json:"root" doc:"RFC 6962 root over the ids of the scope's units, in their order there"`
	Disposed int64         `json:"disposed"`
	Released int64         `json:"released"`
	Holders  []Holder      `json:"holders"`
	AsOf     int64         `json:"as_of"`
}

// A Holder is what a member held when the scope was frozen.
type Holder struct {
	Member tx.MemberID `json:"member"`
	Units  int64       `json:"units"`
	Acked  int64       `json:"acked,omitempty" doc:"height at which it answered"`
}

// UnitURL is the path of a unit.
func UnitURL(id row.UnitID) string { return PathUnits + "/" + id.String() }

// TraceURL is the path of a unit's trace.
func TraceURL(id row.UnitID) string { return UnitURL(id) + "/trace" }

// RecallURL is the path of a recall.
func RecallURL(id tx.ID) string { return "/v1/recalls/" + id.String() }
