package tx

import "strconv"

// The kinds of traceability: what goods there are, who holds them, what was
// made of what, and which of them are recalled. Units are named by their codes,
// so that a statement can be signed before those it builds on are accepted.
const (
	TraceAck          Kind = "trace.ack"          // a holder says that it has stopped what is recalled
	TraceAggregate    Kind = "trace.aggregate"    // units are put into a container
	TraceCancel       Kind = "trace.cancel"       // the sender takes an offered hand-over back
	TraceClose        Kind = "trace.close"        // a recall is over
	TraceDestroy      Kind = "trace.destroy"      // units are no more
	TraceDisaggregate Kind = "trace.disaggregate" // units are taken out of a container
	TraceDispose      Kind = "trace.dispose"      // recalled units are made harmless
	TraceDispute      Kind = "trace.dispute"      // the receiver contradicts a hand-over
	TraceEvents       Kind = "trace.events"       // a batch of EPCIS events, by Merkle root
	TraceHarvest      Kind = "trace.harvest"      // what a village has harvested of a product in a season
	TraceProduct      Kind = "trace.product"      // what a product is, who makes it and out of how much
	TraceRecall       Kind = "trace.recall"       // units, and all that was made of them, are recalled
	TraceReceive      Kind = "trace.receive"      // the receiver accepts a hand-over
	TraceRegister     Kind = "trace.register"     // units come into being
	TraceRelease      Kind = "trace.release"      // units are recalled no more
	TraceSell         Kind = "trace.sell"         // units leave the ledger: one-sided
	TraceShip         Kind = "trace.ship"         // units are offered to another member
	TraceTake         Kind = "trace.take"         // units that had left come back: one-sided
	TraceTransform    Kind = "trace.transform"    // units are made of others, or split
	TraceWithdraw     Kind = "trace.withdraw"     // its member gives up a statement that waits
)

// Limits of traceability.
const (
	MaxUnits     = 200               // units named in one body
	MaxOutputs   = 200               // units made by one statement
	MaxQuantity  = 1_000_000_000_000 // of one unit, in grams, millilitres or pieces
	MaxRatio     = 10_000            // of a yield
	MaxMakers    = 32                // members that make a product besides its owner
	MaxFrom      = 16                // products of which a product is made
	MaxEventRoot = 1 << 20           // events under one root
)

// Modes of a product: what happens to a statement that breaks its balance.
const (
	Reject = "reject" // it is refused
	Flag   = "flag"   // it is accepted, and what it makes bears a flag for ever
)

// FailedTest is the reason of a recall that an inspection led to.
const FailedTest = "failed_test"

var (
	productModes   = []string{Reject, Flag}
	productUnits   = []string{"g", "ml", "pc"}
	destroyReasons = []string{"expired", "damaged", "consumed", "sample", "other"}
	sellReasons    = []string{"sold", "exported", "given", "lost"}
	disputeReasons = []string{"not_received", "short", "other_goods", "damaged", "other"}
	recallReasons  = []string{"unsafe", FailedTest, "mislabelled", "counterfeit", "origin", "other"}
	disposeMethods = []string{"destroyed", "harmless", "reworked"}
)

// Product is the body of trace.product: a product as its owner, the first who
// declares it, describes it. Yield bounds what a transformation may make of it:
//
//	Σ outputs ≤ Σ inputs of the same product + ⌊Σ inputs of the products in from · gives / per⌋
//
//	makers   array   members who may register and make units of it besides the owner, ascending, optional
//	mode     string  reject | flag: a statement that breaks its yield or harvest
//	name_en  string  1 to 200 bytes
//	name_zh  string  1 to 200 bytes
//	product  string  product code
//	uom      string  g | ml | pc: unit of its quantities
//	yield    object  {from: products, ascending; gives: int; per: int}, optional
type Product struct {
	Makers []MemberID
	Mode   string
	NameEN string
	NameZH string
	Code   ProductCode
	UOM    string
	Yield  *Yield // nil: it is made of itself only
}

// A Yield says that of every Per of the products in From come at most Gives.
type Yield struct {
	From  []ProductCode // ascending
	Gives int64         // 1 to MaxRatio
	Per   int64         // 1 to MaxRatio
}

func (b *Product) read(r *Reader) {
	o := r.Object()
	if o.Has("makers") {
		r.Array(MaxMakers, func(int) { b.Makers = append(b.Makers, MemberID(r.Slug(2, 32, '-'))) })
		r.some(len(b.Makers))
		for i := 1; i < len(b.Makers); i++ {
			if b.Makers[i] <= b.Makers[i-1] {
				r.Fail(CodeBody, "want them ascending, each once")
			}
		}
	}
	o.Need("mode")
	b.Mode = r.Name(productModes)
	o.Need("name_en")
	b.NameEN = readName(r)
	o.Need("name_zh")
	b.NameZH = readName(r)
	o.Need("product")
	b.Code = readProduct(r)
	o.Need("uom")
	b.UOM = r.Name(productUnits)
	if o.Has("yield") {
		b.Yield = readYield(r)
	}
	o.End()
}

func readYield(r *Reader) *Yield {
	y := new(Yield)
	o := r.Object()
	o.Need("from")
	r.Array(MaxFrom, func(int) { y.From = append(y.From, readProduct(r)) })
	r.some(len(y.From))
	for i := 1; i < len(y.From); i++ {
		if y.From[i] <= y.From[i-1] {
			r.Fail(CodeBody, "want them ascending, each once")
		}
	}
	o.Need("gives")
	y.Gives = r.Int(1, MaxRatio)
	o.Need("per")
	y.Per = r.Int(1, MaxRatio)
	o.End()
	return y
}

func (b *Product) write(w *Writer) {
	if len(b.Makers) > 0 {
		w.Array("makers", len(b.Makers), func(i int) { w.B = AppendString(w.B, string(b.Makers[i])) })
	}
	w.String("mode", b.Mode)
	w.String("name_en", b.NameEN)
	w.String("name_zh", b.NameZH)
	w.String("product", string(b.Code))
	w.String("uom", b.UOM)
	if y := b.Yield; y != nil {
		w.Member("yield")
		w.Open()
		w.Array("from", len(y.From), func(i int) { w.B = AppendString(w.B, string(y.From[i])) })
		w.Int("gives", y.Gives)
		w.Int("per", y.Per)
		w.Close()
	}
}

// Validate implements Body.
func (b *Product) Validate() error {
	if b.Yield != nil {
		for i, f := range b.Yield.From {
			if f == b.Code {
				return &Error{Code: CodeBody, Path: "body.yield.from[" + strconv.Itoa(i) + "]", Detail: "a product counts for itself one to one"}
			}
		}
	}
	return nil
}

// Harvest is the body of trace.harvest: how much of a product a place yielded
// in a season. It replaces what was declared before. What is registered under
// it never exceeds it, or is flagged, as the product's mode says.
//
//	origin    string  12 digits: the place, see ValidPlace
//	product   string  product code
//	quantity  int     1 to MaxQuantity, in the product's unit
//	season    string  slug, 2 to 16 bytes, such as 's2026'
type Harvest struct {
	Origin   string
	Product  ProductCode
	Quantity int64
	Season   string
}

func (b *Harvest) read(r *Reader) {
	o := r.Object()
	o.Need("origin")
	b.Origin = readPlace(r)
	o.Need("product")
	b.Product = readProduct(r)
	o.Need("quantity")
	b.Quantity = r.Int(1, MaxQuantity)
	o.Need("season")
	b.Season = r.Slug(2, 16, '-')
	o.End()
}

func (b *Harvest) write(w *Writer) {
	w.String("origin", b.Origin)
	w.String("product", string(b.Product))
	w.Int("quantity", b.Quantity)
	w.String("season", b.Season)
}

// Validate implements Body.
func (b *Harvest) Validate() error { return nil }

// Register is the body of trace.register.
//
//	best_before  date    of food, optional
//	event        hex     SHA-256 of the EPCIS event's pre-hash string, optional
//	harvest      object  {origin, season}: what the units were harvested in; all of one product; optional
//	made         date    optional
//	units        array   1 to 200 of {code, quantity}; the quantity of a container is 0
type Register struct {
	BestBefore string // "": absent
	Event      Digest // zero: absent
	Harvest    *HarvestRef
	Made       string // "": absent
	Units      []Amount
}

// A HarvestRef names a declared harvest of the product of the units.
type HarvestRef struct{ Origin, Season string }

// An Amount is so much of a unit, or a unit of so much.
type Amount struct {
	Code     UnitCode
	Quantity int64 // in the product's unit
}

func (b *Register) read(r *Reader) {
	o := r.Object()
	if o.Has("best_before") {
		b.BestBefore = readDate(r)
	}
	if o.Has("event") {
		r.HexSome(b.Event[:])
	}
	if o.Has("harvest") {
		b.Harvest = new(HarvestRef)
		h := r.Object()
		h.Need("origin")
		b.Harvest.Origin = readPlace(r)
		h.Need("season")
		b.Harvest.Season = r.Slug(2, 16, '-')
		h.End()
	}
	if o.Has("made") {
		b.Made = readDate(r)
	}
	o.Need("units")
	b.Units = readAmounts(r, MaxUnits)
	o.End()
}

func (b *Register) write(w *Writer) {
	if b.BestBefore != "" {
		w.String("best_before", b.BestBefore)
	}
	if !b.Event.IsZero() {
		w.Hex("event", b.Event[:])
	}
	if b.Harvest != nil {
		w.Member("harvest")
		w.Open()
		w.String("origin", b.Harvest.Origin)
		w.String("season", b.Harvest.Season)
		w.Close()
	}
	if b.Made != "" {
		w.String("made", b.Made)
	}
	writeAmounts(w, "units", b.Units)
}

// Validate implements Body.
func (b *Register) Validate() error {
	if err := distinctAmounts("units", b.Units); err != nil {
		return err
	}
	for i, u := range b.Units {
		path := "body.units[" + strconv.Itoa(i) + "]"
		if u.Code.Container() != (u.Quantity == 0) {
			return &Error{Code: CodeBody, Path: path + ".quantity", Detail: "goods have a quantity, containers have none"}
		}
		if b.Harvest != nil && (u.Code.Container() || u.Code.Product() != b.Units[0].Code.Product()) {
			return &Error{Code: CodeBody, Path: path + ".code", Detail: "what was harvested is of one product"}
		}
	}
	if b.Made != "" && b.BestBefore != "" && b.BestBefore < b.Made {
		return &Error{Code: CodeBody, Path: "body.best_before", Detail: "before made"}
	}
	return nil
}

// Ship is the body of trace.ship. The units are the receiver's when it accepts.
//
//	event  hex     as in trace.register, optional
//	to     string  another member
//	units  array   1 to 200 codes
type Ship struct {
	Event Digest // zero: absent
	To    MemberID
	Units []UnitCode
}

func (b *Ship) read(r *Reader) {
	o := r.Object()
	if o.Has("event") {
		r.HexSome(b.Event[:])
	}
	o.Need("to")
	b.To = MemberID(r.Slug(2, 32, '-'))
	o.Need("units")
	b.Units = readUnits(r)
	o.End()
}

func (b *Ship) write(w *Writer) {
	if !b.Event.IsZero() {
		w.Hex("event", b.Event[:])
	}
	w.String("to", string(b.To))
	writeUnits(w, "units", b.Units)
}

// Validate implements Body.
func (b *Ship) Validate() error { return distinct("units", b.Units) }

// Receive is the body of trace.receive: every unit of the shipment has arrived.
//
//	event  hex  as in trace.register, optional
type Receive struct{ Event Digest }

func (b *Receive) read(r *Reader) {
	o := r.Object()
	if o.Has("event") {
		r.HexSome(b.Event[:])
	}
	o.End()
}

func (b *Receive) write(w *Writer) {
	if !b.Event.IsZero() {
		w.Hex("event", b.Event[:])
	}
}

// Validate implements Body.
func (b *Receive) Validate() error { return nil }

// Dispute is the body of trace.dispute.
//
//	document_sha256  hex     of the complaint, optional
//	reason           string  not_received | short | other_goods | damaged | other
type Dispute struct {
	Document Digest // zero: absent
	Reason   string
}

func (b *Dispute) read(r *Reader) {
	o := r.Object()
	if o.Has("document_sha256") {
		r.HexSome(b.Document[:])
	}
	o.Need("reason")
	b.Reason = r.Name(disputeReasons)
	o.End()
}

func (b *Dispute) write(w *Writer) {
	if !b.Document.IsZero() {
		w.Hex("document_sha256", b.Document[:])
	}
	w.String("reason", b.Reason)
}

// Validate implements Body.
func (b *Dispute) Validate() error { return nil }

// Sell is the body of trace.sell: units go to somebody who is no member, so
// nobody confirms it.
//
//	event   hex     as in trace.register, optional
//	reason  string  sold | exported | given | lost
//	units   array   1 to 200 codes
type Sell struct {
	Event  Digest // zero: absent
	Reason string
	Units  []UnitCode
}

func (b *Sell) read(r *Reader) {
	o := r.Object()
	if o.Has("event") {
		r.HexSome(b.Event[:])
	}
	o.Need("reason")
	b.Reason = r.Name(sellReasons)
	o.Need("units")
	b.Units = readUnits(r)
	o.End()
}

func (b *Sell) write(w *Writer) {
	if !b.Event.IsZero() {
		w.Hex("event", b.Event[:])
	}
	w.String("reason", b.Reason)
	writeUnits(w, "units", b.Units)
}

// Validate implements Body.
func (b *Sell) Validate() error { return distinct("units", b.Units) }

// Take is the body of trace.take: units that had left the ledger are there
// again, and nobody confirms from whom.
//
//	event  hex    as in trace.register, optional
//	units  array  1 to 200 codes
type Take struct {
	Event Digest // zero: absent
	Units []UnitCode
}

func (b *Take) read(r *Reader) {
	o := r.Object()
	if o.Has("event") {
		r.HexSome(b.Event[:])
	}
	o.Need("units")
	b.Units = readUnits(r)
	o.End()
}

func (b *Take) write(w *Writer) {
	if !b.Event.IsZero() {
		w.Hex("event", b.Event[:])
	}
	writeUnits(w, "units", b.Units)
}

// Validate implements Body.
func (b *Take) Validate() error { return distinct("units", b.Units) }

// Aggregate is the body of trace.aggregate and trace.disaggregate.
//
//	children  array   1 to 200 codes
//	event     hex     as in trace.register, optional
//	parent    string  code of a container
type Aggregate struct {
	Children []UnitCode
	Event    Digest // zero: absent
	Parent   UnitCode
}

func (b *Aggregate) read(r *Reader) {
	o := r.Object()
	o.Need("children")
	b.Children = readUnits(r)
	if o.Has("event") {
		r.HexSome(b.Event[:])
	}
	o.Need("parent")
	b.Parent = readCode(r)
	o.End()
}

func (b *Aggregate) write(w *Writer) {
	writeUnits(w, "children", b.Children)
	if !b.Event.IsZero() {
		w.Hex("event", b.Event[:])
	}
	w.String("parent", string(b.Parent))
}

// Validate implements Body.
func (b *Aggregate) Validate() error {
	if !b.Parent.Container() {
		return &Error{Code: CodeBody, Path: "body.parent", Detail: "want a container"}
	}
	for i, c := range b.Children {
		if c == b.Parent {
			return &Error{Code: CodeBody, Path: "body.children[" + strconv.Itoa(i) + "]", Detail: "it is the parent"}
		}
	}
	return distinct("children", b.Children)
}

// Transform is the body of trace.transform: so much of the inputs became the
// outputs, which are new units.
//
//	best_before  date   optional
//	event        hex    as in trace.register, optional
//	inputs       array  1 to 200 of {code, quantity}: what is used up
//	made         date   optional
//	outputs      array  1 to 200 of {code, quantity}
type Transform struct {
	BestBefore string // "": absent
	Event      Digest // zero: absent
	Inputs     []Amount
	Made       string // "": absent
	Outputs    []Amount
}

func (b *Transform) read(r *Reader) {
	o := r.Object()
	if o.Has("best_before") {
		b.BestBefore = readDate(r)
	}
	if o.Has("event") {
		r.HexSome(b.Event[:])
	}
	o.Need("inputs")
	b.Inputs = readAmounts(r, MaxUnits)
	if o.Has("made") {
		b.Made = readDate(r)
	}
	o.Need("outputs")
	b.Outputs = readAmounts(r, MaxOutputs)
	o.End()
}

func (b *Transform) write(w *Writer) {
	if b.BestBefore != "" {
		w.String("best_before", b.BestBefore)
	}
	if !b.Event.IsZero() {
		w.Hex("event", b.Event[:])
	}
	writeAmounts(w, "inputs", b.Inputs)
	if b.Made != "" {
		w.String("made", b.Made)
	}
	writeAmounts(w, "outputs", b.Outputs)
}

// Validate implements Body.
func (b *Transform) Validate() error {
	for _, list := range []struct {
		name string
		as   []Amount
	}{{"inputs", b.Inputs}, {"outputs", b.Outputs}} {
		if err := distinctAmounts(list.name, list.as); err != nil {
			return err
		}
		for i, a := range list.as {
			if a.Code.Container() || a.Quantity == 0 {
				return &Error{Code: CodeBody, Path: "body." + list.name + "[" + strconv.Itoa(i) + "]", Detail: "want goods and a quantity"}
			}
		}
	}
	if b.Made != "" && b.BestBefore != "" && b.BestBefore < b.Made {
		return &Error{Code: CodeBody, Path: "body.best_before", Detail: "before made"}
	}
	return nil
}

// Destroy is the body of trace.destroy.
//
//	event   hex     as in trace.register, optional
//	reason  string  expired | damaged | consumed | sample | other
//	units   array   1 to 200 codes
type Destroy struct {
	Event  Digest // zero: absent
	Reason string
	Units  []UnitCode
}

func (b *Destroy) read(r *Reader) {
	o := r.Object()
	if o.Has("event") {
		r.HexSome(b.Event[:])
	}
	o.Need("reason")
	b.Reason = r.Name(destroyReasons)
	o.Need("units")
	b.Units = readUnits(r)
	o.End()
}

func (b *Destroy) write(w *Writer) {
	if !b.Event.IsZero() {
		w.Hex("event", b.Event[:])
	}
	w.String("reason", b.Reason)
	writeUnits(w, "units", b.Units)
}

// Validate implements Body.
func (b *Destroy) Validate() error { return distinct("units", b.Units) }

// Events is the body of trace.events: EPCIS events whose documents stay off the
// ledger, under one root. Leaves are the events' hashes in the order of capture.
//
//	count  int  1 to 2^20
//	root   hex  RFC 6962 root over the events' leaves: the SHA-256 of their pre-hash
//	            strings, which for a correction go on with its errorDeclaration
type Events struct {
	Count int64
	Root  Digest
}

func (b *Events) read(r *Reader) {
	o := r.Object()
	o.Need("count")
	b.Count = r.Int(1, MaxEventRoot)
	o.Need("root")
	r.Hex(b.Root[:])
	o.End()
}

func (b *Events) write(w *Writer) {
	w.Int("count", b.Count)
	w.Hex("root", b.Root[:])
}

// Validate implements Body.
func (b *Events) Validate() error { return nil }

// Recall is the body of trace.recall. Its scope is the units named and all
// that was made of them or is inside them.
//
//	document_sha256  hex     of the notice or order, optional
//	inspection       hex     id of the inspect.task that failed for good, of one of the units; with failed_test only; optional
//	level            int     1 to 3, 1 the gravest (食品召回管理办法)
//	reason           string  unsafe | failed_test | mislabelled | counterfeit | origin | other
//	units            array   1 to 200 codes
type Recall struct {
	Document   Digest // zero: absent
	Inspection ID     // zero: absent
	Level      int64
	Reason     string
	Units      []UnitCode
}

func (b *Recall) read(r *Reader) {
	o := r.Object()
	if o.Has("document_sha256") {
		r.HexSome(b.Document[:])
	}
	if o.Has("inspection") {
		r.HexSome(b.Inspection[:])
	}
	o.Need("level")
	b.Level = r.Int(1, 3)
	o.Need("reason")
	b.Reason = r.Name(recallReasons)
	o.Need("units")
	b.Units = readUnits(r)
	o.End()
}

func (b *Recall) write(w *Writer) {
	if !b.Document.IsZero() {
		w.Hex("document_sha256", b.Document[:])
	}
	if !b.Inspection.IsZero() {
		w.Hex("inspection", b.Inspection[:])
	}
	w.Int("level", b.Level)
	w.String("reason", b.Reason)
	writeUnits(w, "units", b.Units)
}

// Validate implements Body.
func (b *Recall) Validate() error {
	if !b.Inspection.IsZero() && b.Reason != FailedTest {
		return &Error{Code: CodeBody, Path: "body.inspection", Detail: "the reason is another"}
	}
	return distinct("units", b.Units)
}

// Ack is the body of trace.ack.
//
//	recall  hex  id of the trace.recall
type Ack struct{ Recall ID }

func (b *Ack) read(r *Reader) {
	o := r.Object()
	o.Need("recall")
	r.Hex(b.Recall[:])
	o.End()
}

func (b *Ack) write(w *Writer) { w.Hex("recall", b.Recall[:]) }

// Validate implements Body.
func (b *Ack) Validate() error { return nil }

// Dispose is the body of trace.dispose.
//
//	document_sha256  hex     of the record of disposal, optional
//	method           string  destroyed | harmless | reworked
//	recall           hex     id of the trace.recall
//	units            array   1 to 200 codes
type Dispose struct {
	Document Digest // zero: absent
	Method   string
	Recall   ID
	Units    []UnitCode
}

func (b *Dispose) read(r *Reader) {
	o := r.Object()
	if o.Has("document_sha256") {
		r.HexSome(b.Document[:])
	}
	o.Need("method")
	b.Method = r.Name(disposeMethods)
	o.Need("recall")
	r.Hex(b.Recall[:])
	o.Need("units")
	b.Units = readUnits(r)
	o.End()
}

func (b *Dispose) write(w *Writer) {
	if !b.Document.IsZero() {
		w.Hex("document_sha256", b.Document[:])
	}
	w.String("method", b.Method)
	w.Hex("recall", b.Recall[:])
	writeUnits(w, "units", b.Units)
}

// Validate implements Body.
func (b *Dispose) Validate() error { return distinct("units", b.Units) }

// Release is the body of trace.release.
//
//	decision_sha256  hex    the reasoned decision, such as a retest that overturned the first
//	recall           hex    id of the trace.recall
//	units            array  1 to 200 codes
type Release struct {
	Document Digest
	Recall   ID
	Units    []UnitCode
}

func (b *Release) read(r *Reader) {
	o := r.Object()
	o.Need("decision_sha256")
	r.Hex(b.Document[:])
	o.Need("recall")
	r.Hex(b.Recall[:])
	o.Need("units")
	b.Units = readUnits(r)
	o.End()
}

func (b *Release) write(w *Writer) {
	w.Hex("decision_sha256", b.Document[:])
	w.Hex("recall", b.Recall[:])
	writeUnits(w, "units", b.Units)
}

// Validate implements Body.
func (b *Release) Validate() error { return distinct("units", b.Units) }

func readCode(r *Reader) UnitCode {
	c := UnitCode(r.plain())
	if r.err == nil {
		if len(c) > maxUnitCode {
			r.Fail(CodeLimit, "longer than "+strconv.Itoa(maxUnitCode)+" bytes")
		} else if e, ok := c.Validate().(*Error); ok {
			r.Fail(e.Code, e.Detail)
		}
	}
	return c
}

func readProduct(r *Reader) ProductCode {
	c := ProductCode(r.plain())
	if r.err == nil {
		if e, ok := c.Validate().(*Error); ok {
			r.Fail(e.Code, e.Detail)
		}
	}
	return c
}

func readPlace(r *Reader) string {
	s := string(r.plain())
	if r.err == nil && !ValidPlace(s) {
		r.Fail(CodePlace, "")
	}
	return s
}

func readDate(r *Reader) string {
	s := string(r.plain())
	if r.err == nil && !ValidDate(s) {
		r.Fail(CodeType, "want a date like 2026-11-23")
	}
	return s
}

func readUnits(r *Reader) (us []UnitCode) {
	r.Array(MaxUnits, func(int) { us = append(us, readCode(r)) })
	r.some(len(us))
	return us
}

func writeUnits(w *Writer, name string, us []UnitCode) {
	w.Array(name, len(us), func(i int) { w.B = AppendString(w.B, string(us[i])) })
}

func readAmounts(r *Reader, max int) (as []Amount) {
	r.Array(max, func(int) {
		var a Amount
		o := r.Object()
		o.Need("code")
		a.Code = readCode(r)
		o.Need("quantity")
		a.Quantity = r.Int(0, MaxQuantity)
		o.End()
		as = append(as, a)
	})
	r.some(len(as))
	return as
}

func writeAmounts(w *Writer, name string, as []Amount) {
	w.Array(name, len(as), func(i int) {
		w.Open()
		w.String("code", string(as[i].Code))
		w.Int("quantity", as[i].Quantity)
		w.Close()
	})
}

func distinctAmounts(name string, as []Amount) error {
	us := make([]UnitCode, len(as))
	for i := range as {
		us[i] = as[i].Code
	}
	return distinct(name, us)
}

// distinct checks that a list names each unit once.
func distinct(name string, us []UnitCode) error {
	seen := make(map[UnitCode]bool, len(us))
	for i, u := range us {
		if seen[u] {
			return &Error{Code: CodeBody, Path: "body." + name + "[" + strconv.Itoa(i) + "]", Detail: "the same unit twice"}
		}
		seen[u] = true
	}
	return nil
}
