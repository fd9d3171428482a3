package tx

// The kinds of inspection: a regulator has a lot sampled, a laboratory tests it,
// whoever made or held it may have it tested again, and what failed for good is
// made known and taken off the platforms. An inspection is a matter of the
// family inspect; each order to a platform is one of the family delist.
const (
	InspectAccept   Kind = "inspect.accept"   // a party does not ask for a retest
	InspectAssign   Kind = "inspect.assign"   // the regulator names the laboratory of the retest
	InspectClose    Kind = "inspect.close"    // nothing is left to do
	InspectConfirm  Kind = "inspect.confirm"  // the failure is final
	InspectFail     Kind = "inspect.fail"     // laboratory and regulator report that the sample fails
	InspectNotify   Kind = "inspect.notify"   // the result is made known
	InspectOverturn Kind = "inspect.overturn" // the retest passes
	InspectPass     Kind = "inspect.pass"     // laboratory and regulator report that the sample passes
	InspectRefuse   Kind = "inspect.refuse"   // the regulator refuses a retest
	InspectRetest   Kind = "inspect.retest"   // a party asks for a retest
	InspectRevoke   Kind = "inspect.revoke"   // the result counts no more
	InspectSample   Kind = "inspect.sample"   // a sample was taken of a unit
	InspectTask     Kind = "inspect.task"     // a product is to be sampled and tested
	InspectUphold   Kind = "inspect.uphold"   // the retest fails, too
	InspectWithdraw Kind = "inspect.withdraw" // it does not take place

	DelistAck      Kind = "delist.ack"      // the platform has the order
	DelistDone     Kind = "delist.done"     // the platform has taken the goods off
	DelistOrder    Kind = "delist.order"    // a platform is to take goods off
	DelistReturn   Kind = "delist.return"   // they are not all off
	DelistVerify   Kind = "delist.verify"   // they are
	DelistWithdraw Kind = "delist.withdraw" // the order is taken back
)

// Limits of inspections.
const (
	MaxItems       = 1000 // items of a test
	MaxFailedItems = 16   // that failed, each described
	MaxItemName    = 60   // bytes of an item's name
	MaxStandard    = 64   // bytes of a standard's name
	MaxFigure      = 16   // bytes of a measured value
	MaxFigureUnit  = 16   // bytes of its unit
)

var (
	taskReasons   = []string{"routine", "special", "complaint", "follow_up", "emergency"}
	refuseReasons = []string{"late", "microbial", "backup_expired", "backup_unfit", "other"}
	returnReasons = []string{"still_offered", "relisted", "incomplete", "unreachable"}
)

// A SampleTask is the body of inspect.task: a laboratory is to test a product.
//
//	document_sha256  hex     of the plan or order, optional
//	lab              string  member in the role lab
//	product          string  product code
//	reason           string  routine | special | complaint | follow_up | emergency
type SampleTask struct {
	Document Digest // zero: absent
	Lab      MemberID
	Product  ProductCode
	Reason   string
}

func (b *SampleTask) read(r *Reader) {
	o := r.Object()
	if o.Has("document_sha256") {
		r.HexSome(b.Document[:])
	}
	o.Need("lab")
	b.Lab = MemberID(r.Slug(2, 32, '-'))
	o.Need("product")
	b.Product = readProduct(r)
	o.Need("reason")
	b.Reason = r.Name(taskReasons)
	o.End()
}

func (b *SampleTask) write(w *Writer) {
	if !b.Document.IsZero() {
		w.Hex("document_sha256", b.Document[:])
	}
	w.String("lab", string(b.Lab))
	w.String("product", string(b.Product))
	w.String("reason", b.Reason)
}

// Validate implements Body.
func (b *SampleTask) Validate() error { return nil }

// A Sample is the body of inspect.sample. The record of the sampling, which names
// persons, stays off the ledger.
//
//	document_sha256  hex     of the sampling record
//	quantity         int     1 to MaxQuantity, of the unit, in the product's unit
//	taken            date
//	unit             string  code of goods of the task's product
type Sample struct {
	Document Digest
	Quantity int64
	Taken    Date
	Unit     UnitCode
}

func (b *Sample) read(r *Reader) {
	o := r.Object()
	o.Need("document_sha256")
	r.HexSome(b.Document[:])
	o.Need("quantity")
	b.Quantity = r.Int(1, MaxQuantity)
	o.Need("taken")
	b.Taken = r.Date()
	o.Need("unit")
	b.Unit = readCode(r)
	o.End()
}

func (b *Sample) write(w *Writer) {
	w.Hex("document_sha256", b.Document[:])
	w.Int("quantity", b.Quantity)
	w.String("taken", b.Taken.String())
	w.String("unit", string(b.Unit))
}

// Validate implements Body.
func (b *Sample) Validate() error {
	if b.Unit.Container() {
		return &Error{Code: CodeBody, Path: "body.unit", Detail: "a container is no sample"}
	}
	return nil
}

// A TestPass is the body of inspect.pass and inspect.overturn.
//
//	document_sha256  hex     of the test report
//	items            int     1 to MaxItems: how many were tested
//	standard         string  1 to 64 bytes, such as 'GB 2762-2022'
//	tested           date    on which the test ended
type TestPass struct {
	Document Digest
	Items    int64
	Standard string
	Tested   Date
}

func (b *TestPass) read(r *Reader) {
	o := r.Object()
	o.Need("document_sha256")
	r.HexSome(b.Document[:])
	o.Need("items")
	b.Items = r.Int(1, MaxItems)
	o.Need("standard")
	b.Standard = readShort(r, MaxStandard)
	o.Need("tested")
	b.Tested = r.Date()
	o.End()
}

func (b *TestPass) write(w *Writer) {
	w.Hex("document_sha256", b.Document[:])
	w.Int("items", b.Items)
	w.String("standard", b.Standard)
	w.String("tested", b.Tested.String())
}

// Validate implements Body.
func (b *TestPass) Validate() error { return nil }

// A TestFail is the body of inspect.fail and inspect.uphold.
//
//	document_sha256  hex     of the test report
//	failed           array   1 to 16 of {found, limit, name_en, name_zh, unit}: what did not pass
//	items            int     failed ones to MaxItems: how many were tested
//	standard         string  as in inspect.pass
//	tested           date    on which the test ended
type TestFail struct {
	Document Digest
	Failed   []FailedItem
	Items    int64
	Standard string
	Tested   Date
}

// A FailedItem is what did not pass: what was found and what is allowed, as the
// report writes them. They are shown, never computed with.
type FailedItem struct {
	Found  string // such as '0.35', or 'not detected'
	Limit  string
	NameEN string
	NameZH string
	Unit   string // such as 'mg/kg'; "": none
}

func (b *TestFail) read(r *Reader) {
	o := r.Object()
	o.Need("document_sha256")
	r.HexSome(b.Document[:])
	o.Need("failed")
	r.Array(MaxFailedItems, func(int) { b.Failed = append(b.Failed, readFailed(r)) })
	r.some(len(b.Failed))
	o.Need("items")
	b.Items = r.Int(1, MaxItems)
	o.Need("standard")
	b.Standard = readShort(r, MaxStandard)
	o.Need("tested")
	b.Tested = r.Date()
	o.End()
}

func readFailed(r *Reader) (f FailedItem) {
	i := r.Object()
	i.Need("found")
	f.Found = readShort(r, MaxFigure)
	i.Need("limit")
	f.Limit = readShort(r, MaxFigure)
	i.Need("name_en")
	f.NameEN = readShort(r, MaxItemName)
	i.Need("name_zh")
	f.NameZH = readShort(r, MaxItemName)
	if i.Has("unit") {
		f.Unit = readShort(r, MaxFigureUnit)
	}
	i.End()
	return f
}

func (b *TestFail) write(w *Writer) {
	w.Hex("document_sha256", b.Document[:])
	w.Array("failed", len(b.Failed), func(i int) {
		f := &b.Failed[i]
		w.Open()
		w.String("found", f.Found)
		w.String("limit", f.Limit)
		w.String("name_en", f.NameEN)
		w.String("name_zh", f.NameZH)
		if f.Unit != "" {
			w.String("unit", f.Unit)
		}
		w.Close()
	})
	w.Int("items", b.Items)
	w.String("standard", b.Standard)
	w.String("tested", b.Tested.String())
}

// Validate implements Body.
func (b *TestFail) Validate() error {
	if b.Items < int64(len(b.Failed)) {
		return &Error{Code: CodeBody, Path: "body.items", Detail: "more failed than were tested"}
	}
	return nil
}

// A LabChoice is the body of inspect.assign.
//
//	document_sha256  hex     of the decision to accept the application
//	lab              string  another member in the role lab
type LabChoice struct {
	Document Digest
	Lab      MemberID
}

func (b *LabChoice) read(r *Reader) {
	o := r.Object()
	o.Need("document_sha256")
	r.HexSome(b.Document[:])
	o.Need("lab")
	b.Lab = MemberID(r.Slug(2, 32, '-'))
	o.End()
}

func (b *LabChoice) write(w *Writer) {
	w.Hex("document_sha256", b.Document[:])
	w.String("lab", string(b.Lab))
}

// Validate implements Body.
func (b *LabChoice) Validate() error { return nil }

// A Delisting is the body of delist.order. What is to be taken off are the offers
// of the inspected lot and of all that was made of it.
//
//	document_sha256  hex     of the order
//	inspection       hex     id of an inspect.task whose failure is confirmed
//	platform         string  member in the role platform
type Delisting struct {
	Document   Digest
	Inspection ID
	Platform   MemberID
}

func (b *Delisting) read(r *Reader) {
	o := r.Object()
	o.Need("document_sha256")
	r.HexSome(b.Document[:])
	o.Need("inspection")
	r.Hex(b.Inspection[:])
	o.Need("platform")
	b.Platform = MemberID(r.Slug(2, 32, '-'))
	o.End()
}

func (b *Delisting) write(w *Writer) {
	w.Hex("document_sha256", b.Document[:])
	w.Hex("inspection", b.Inspection[:])
	w.String("platform", string(b.Platform))
}

// Validate implements Body.
func (b *Delisting) Validate() error { return nil }

// A Delisted is the body of delist.done. Offers are counted, not named.
//
//	count            int  offers taken off
//	document_sha256  hex  of the platform's list of them, optional
//	shops            int  shops that had made them
type Delisted struct {
	Count    int64
	Document Digest // zero: absent
	Shops    int64
}

func (b *Delisted) read(r *Reader) {
	o := r.Object()
	o.Need("count")
	b.Count = r.Int(0, MaxCounted)
	if o.Has("document_sha256") {
		r.HexSome(b.Document[:])
	}
	o.Need("shops")
	b.Shops = r.Int(0, MaxCounted)
	o.End()
}

func (b *Delisted) write(w *Writer) {
	w.Int("count", b.Count)
	if !b.Document.IsZero() {
		w.Hex("document_sha256", b.Document[:])
	}
	w.Int("shops", b.Shops)
}

// Validate implements Body.
func (b *Delisted) Validate() error {
	if b.Shops > b.Count {
		return &Error{Code: CodeBody, Path: "body.shops", Detail: "more shops than offers"}
	}
	return nil
}

// readShort reads a text that is there.
func readShort(r *Reader, max int) string {
	s := r.String(max)
	if r.err == nil && s == "" {
		r.Fail(CodeLimit, "empty")
	}
	return s
}
