package tx

// The kinds of the routing family: hints, about people who complain, on which
// desk a complaint goes to. They are off until the consortium switches them on
// (gov.routing), name nobody, say roughly how many, end within a year, are read
// only by a statement, and are no reason to refuse anything: 国办发〔2020〕49号,
// 个人信息保护法 arts. 6, 24, 28, 47.
const (
	RoutingContest Kind = "routing.contest" // the person disputes it: it is out of force until it is kept
	RoutingKeep    Kind = "routing.keep"    // after a contest it stands
	RoutingRead    Kind = "routing.read"    // somebody looks a tag up
	RoutingRemove  Kind = "routing.remove"  // it ends
	RoutingTag     Kind = "routing.tag"     // opens: a hint about a tag
	GovRouting     Kind = "gov.routing"     // switches hints on or off
)

// MaxRoutingMonths is how long a hint lasts at most.
const MaxRoutingMonths = 12

// A RoutingHint is the body of routing.tag.
//
//	bucket      string  few | several | many: how many complaints, roughly
//	commitment  hex     to the facts, which stay with the regulator
//	epoch       int     of the key that made the tag
//	ground      string  repeated_claims | withdrawn_after_payment | false_claims
//	tag         hex     keyed pseudonym of the person
//	until       date    first day on which it is no longer in force, within 12 months
type RoutingHint struct {
	Bucket     string
	Commitment Digest
	Epoch      int64
	Ground     string
	Tag        Digest
	Until      Date
}

var routingBuckets = []string{"few", "several", "many"}
var routingGrounds = []string{"repeated_claims", "withdrawn_after_payment", "false_claims"}

func (b *RoutingHint) read(r *Reader) {
	o := r.Object()
	o.Need("bucket")
	b.Bucket = r.Name(routingBuckets)
	o.Need("commitment")
	r.HexSome(b.Commitment[:])
	o.Need("epoch")
	b.Epoch = r.Int(1, MaxEpoch)
	o.Need("ground")
	b.Ground = r.Name(routingGrounds)
	o.Need("tag")
	r.HexSome(b.Tag[:])
	o.Need("until")
	b.Until = r.Date()
	o.End()
}

func (b *RoutingHint) write(w *Writer) {
	w.String("bucket", b.Bucket)
	w.Hex("commitment", b.Commitment[:])
	w.Int("epoch", b.Epoch)
	w.String("ground", b.Ground)
	w.Hex("tag", b.Tag[:])
	w.String("until", b.Until.String())
}

// Validate implements Body.
func (b *RoutingHint) Validate() error { return nil }

// A RoutingLookup is the body of routing.read.
//
//	purpose  string  routing | subject_access
//	tag      hex
type RoutingLookup struct {
	Purpose string
	Tag     Digest
}

var routingPurposes = []string{"routing", "subject_access"}

func (b *RoutingLookup) read(r *Reader) {
	o := r.Object()
	o.Need("purpose")
	b.Purpose = r.Name(routingPurposes)
	o.Need("tag")
	r.HexSome(b.Tag[:])
	o.End()
}

func (b *RoutingLookup) write(w *Writer) {
	w.String("purpose", b.Purpose)
	w.Hex("tag", b.Tag[:])
}

// Validate implements Body.
func (b *RoutingLookup) Validate() error { return nil }

// A RoutingSwitch is the body of gov.routing.
//
//	action             string  on | off
//	assessment_sha256  hex     of the assessment of the effects on persons (个人信息保护法 art. 55); with on
type RoutingSwitch struct {
	Action     string
	Assessment Digest // zero: absent
}

// The actions of gov.routing.
const (
	SwitchOn  = "on"
	SwitchOff = "off"
)

var switchActions = []string{SwitchOn, SwitchOff}

func (b *RoutingSwitch) read(r *Reader) {
	o := r.Object()
	o.Need("action")
	b.Action = r.Name(switchActions)
	if o.Has("assessment_sha256") {
		r.HexSome(b.Assessment[:])
	}
	o.End()
}

func (b *RoutingSwitch) write(w *Writer) {
	w.String("action", b.Action)
	if !b.Assessment.IsZero() {
		w.Hex("assessment_sha256", b.Assessment[:])
	}
}

// Validate implements Body.
func (b *RoutingSwitch) Validate() error {
	if (b.Action == SwitchOn) == b.Assessment.IsZero() {
		return &Error{Code: CodeBody, Path: "body.assessment_sha256", Detail: "goes with on"}
	}
	return nil
}
