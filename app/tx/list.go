package tx

import (
	"slices"
	"strconv"
)

// The kinds of the list family. list.propose opens a matter; the others but
// list.ack and list.consumer continue it, in the order of the law: notice,
// defence or hearing, review, consent, decision, publication, repair.
const (
	ListAccept    Kind = "list.accept"    // an application for repair is taken up
	ListAck       Kind = "list.ack"       // a consumer has acted on the notices of a list
	ListAgree     Kind = "list.agree"     // decision together with a partner city: negative_index
	ListConsent   Kind = "list.consent"   // the superior consents
	ListConsumer  Kind = "list.consumer"  // who must act on a list
	ListDecide    Kind = "list.decide"    // decision of a statutory list
	ListDefend    Kind = "list.defend"    // the party has defended itself
	ListDeny      Kind = "list.deny"      // repair is denied
	ListDrop      Kind = "list.drop"      // the proposal is given up
	ListGrant     Kind = "list.grant"     // repair is granted: the entry ends
	ListHear      Kind = "list.hear"      // the party was heard
	ListHearing   Kind = "list.hearing"   // the party asks for a hearing
	ListPropose   Kind = "list.propose"   // opens: an entry is proposed
	ListPublish   Kind = "list.publish"   // the entry comes into force
	ListReinstate Kind = "list.reinstate" // repair was got by false materials: in force again
	ListRepair    Kind = "list.repair"    // the party applies for repair
	ListResolve   Kind = "list.resolve"   // decision of a joint meeting: industry_notice
	ListResume    Kind = "list.resume"    // the stay ends
	ListReview    Kind = "list.review"    // legal review, by another officer
	ListRevoke    Kind = "list.revoke"    // the entry should not have been, or its basis has gone
	ListServe     Kind = "list.serve"     // the party was told reasons, basis and rights
	ListStay      Kind = "list.stay"      // the entry is suspended
	ListWaive     Kind = "list.waive"     // the party does not use its right to be heard
)

// Limits of the bodies of lists.
const (
	MaxListEvidence = 16
	MaxMeasures     = 8
	MaxArticle      = 999
	MaxLaws         = 16
	MaxTermMonths   = 120
	MaxEpoch        = 1 << 31
	MaxCounted      = 1_000_000_000 // of one acknowledgement
)

// Severities of what an entry is based on, as in 信用修复管理办法 (NDRC Order 36).
const (
	Minor   = "minor"
	General = "general"
	Serious = "serious"
)

var severities = []string{Minor, General, Serious}

// What an entry may be based on, and what may follow from it. Each word is of
// one list or more: see reasonsOf and measuresOf.
var listReasons = []string{"address_unreachable", "bad_faith_trade", "broken_pledge", "consumer_harm", "counterfeit", "delisted_elsewhere", "drug_safety",
	"evades_supervision", "false_advertising", "false_identity", "false_registration", "false_report", "food_safety", "no_annual_report", "no_instant_report",
	"past_penalty", "product_quality", "refuses_order", "repeated_complaints", "special_equipment", "unfair_competition"}
var listMeasures = []string{"by_law", "compare", "key_supervision", "key_watch", "no_commitment", "no_honours", "notify_members", "platform_restrict",
	"public_mark", "self_discipline", "weigh_in_licensing"}

// reasonsOf are the reasons of each list, and measuresOf its measures. Those of
// lists that are not statutory touch no right: they compare, watch and notify.
var reasonsOf = [...][]string{
	SeriousDishonest: {"consumer_harm", "counterfeit", "drug_safety", "false_advertising", "false_registration", "food_safety", "product_quality", "refuses_order",
		"special_equipment", "unfair_competition"},
	AbnormalOperation: {"address_unreachable", "false_report", "no_annual_report", "no_instant_report"},
	IndustryNotice:    {"bad_faith_trade", "broken_pledge", "repeated_complaints"},
	NegativeIndex:     {"delisted_elsewhere", "evades_supervision", "false_identity", "past_penalty"},
}
var measuresOf = [...][]string{
	SeriousDishonest:  {"by_law", "key_supervision", "no_commitment", "no_honours", "platform_restrict", "weigh_in_licensing"},
	AbnormalOperation: {"key_supervision", "public_mark", "weigh_in_licensing"},
	IndustryNotice:    {"notify_members", "self_discipline"},
	NegativeIndex:     {"compare", "key_watch"},
}

// Reasons are the reasons of the list, and Measures its measures, ascending.
func (l List) Reasons() []string  { return reasonsOf[l] }
func (l List) Measures() []string { return measuresOf[l] }

// List reads the word of a list.
func (r *Reader) List() List {
	l, _ := ParseList(r.Name(listWords[1:]))
	return l
}

// A Law names the article that a statement rests on.
type Law struct {
	Article   int64
	ID        string // slug, such as samr_44_2021
	Paragraph int64  // 0: absent
}

func readLaw(r *Reader) (l Law) {
	o := r.Object()
	o.Need("article")
	l.Article = r.Int(1, MaxArticle)
	o.Need("id")
	l.ID = r.Slug(2, 48, '_')
	if o.Has("paragraph") {
		l.Paragraph = r.Int(1, MaxArticle)
	}
	o.End()
	return l
}

func (l *Law) write(w *Writer) {
	w.Open()
	w.Int("article", l.Article)
	w.String("id", l.ID)
	if l.Paragraph != 0 {
		w.Int("paragraph", l.Paragraph)
	}
	w.Close()
}

func (l Law) String() string {
	s := l.ID + " art. " + strconv.FormatInt(l.Article, 10)
	if l.Paragraph != 0 {
		s += "(" + strconv.FormatInt(l.Paragraph, 10) + ")"
	}
	return s
}

// A ListedSubject is whom an entry is about: a keyed pseudonym, and beside it a
// credit code only where the law publishes the list.
type ListedSubject struct {
	Epoch int64 // of the list's key that made the tag
	Tag   Digest
	USCC  string // "": absent
}

func readSubject(r *Reader) (s ListedSubject) {
	o := r.Object()
	o.Need("epoch")
	s.Epoch = r.Int(1, MaxEpoch)
	o.Need("tag")
	r.HexSome(s.Tag[:])
	if o.Has("uscc") {
		if s.USCC = string(r.plain()); !ValidUSCC(s.USCC) {
			r.Fail(CodeUSCC, clip(s.USCC))
		}
	}
	o.End()
	return s
}

func (s *ListedSubject) write(w *Writer) {
	w.Open()
	w.Int("epoch", s.Epoch)
	w.Hex("tag", s.Tag[:])
	if s.USCC != "" {
		w.String("uscc", s.USCC)
	}
	w.Close()
}

// A Proposal is the body of list.propose. There is no place in it for a name, a
// number of a person or an address.
//
//	basis_sha256  hex     of the penalty decision that it rests on; required for serious_dishonest
//	evidence      array   1 to 16 ids of evidence.seal statements, optional
//	law           object  {article, id, paragraph}
//	list          string  serious_dishonest | abnormal_operation | industry_notice | negative_index
//	measures      array   of the list's measures, ascending
//	reason        string  one of the list's reasons
//	severity      string  minor | general | serious
//	statutory     bool    whether the list has a basis in law: nobody may present another as if it had
//	subject       object  {epoch, tag, uscc}
type Proposal struct {
	Basis     Digest // zero: absent
	Exhibits  []ID
	Law       Law
	List      List
	Measures  []string
	Reason    string
	Severity  string
	Statutory bool
	Subject   ListedSubject
}

func (b *Proposal) read(r *Reader) {
	o := r.Object()
	if o.Has("basis_sha256") {
		r.HexSome(b.Basis[:])
	}
	if o.Has("evidence") {
		r.Array(MaxListEvidence, func(int) {
			var id ID
			r.HexSome(id[:])
			b.Exhibits = append(b.Exhibits, id)
		})
		r.some(len(b.Exhibits))
	}
	o.Need("law")
	b.Law = readLaw(r)
	o.Need("list")
	b.List = r.List()
	o.Need("measures")
	r.Array(MaxMeasures, func(i int) {
		m := r.Name(listMeasures)
		if i > 0 && b.Measures[i-1] >= m {
			r.Fail(CodeBody, "measures are ascending, each once")
		}
		b.Measures = append(b.Measures, m)
	})
	r.some(len(b.Measures))
	o.Need("reason")
	b.Reason = r.Name(listReasons)
	o.Need("severity")
	b.Severity = r.Name(severities)
	o.Need("statutory")
	b.Statutory = r.Bool()
	o.Need("subject")
	b.Subject = readSubject(r)
	o.End()
}

func (b *Proposal) write(w *Writer) {
	if !b.Basis.IsZero() {
		w.Hex("basis_sha256", b.Basis[:])
	}
	if len(b.Exhibits) > 0 {
		w.Array("evidence", len(b.Exhibits), func(i int) { w.B = appendHex(w.B, b.Exhibits[i][:]) })
	}
	w.Member("law")
	b.Law.write(w)
	w.String("list", b.List.String())
	w.Array("measures", len(b.Measures), func(i int) { w.B = AppendString(w.B, b.Measures[i]) })
	w.String("reason", b.Reason)
	w.String("severity", b.Severity)
	w.Bool("statutory", b.Statutory)
	w.Member("subject")
	b.Subject.write(w)
}

// Validate implements Body.
func (b *Proposal) Validate() error {
	fail := func(c Code, path, detail string) error {
		return &Error{Code: c, Path: "body." + path, Detail: detail}
	}
	if b.Statutory != b.List.Statutory() {
		return fail(CodeStatutory, "statutory", b.List.String())
	}
	if !slices.Contains(b.List.Reasons(), b.Reason) {
		return fail(CodeListReason, "reason", b.Reason+" on "+b.List.String())
	}
	for i, m := range b.Measures {
		if !slices.Contains(b.List.Measures(), m) {
			return fail(CodeListMeasure, "measures["+strconv.Itoa(i)+"]", m+" on "+b.List.String())
		}
	}
	if b.Subject.USCC != "" && !b.List.Statutory() {
		return fail(CodeListUSCC, "subject.uscc", b.List.String()+" is not published by law")
	}
	if b.Basis.IsZero() && b.List == SeriousDishonest {
		return fail(CodeListBasis, "basis_sha256", "an entry of this list rests on a penalty")
	}
	for i := range b.Exhibits {
		if slices.Contains(b.Exhibits[:i], b.Exhibits[i]) {
			return fail(CodeBody, "evidence["+strconv.Itoa(i)+"]", "the same twice")
		}
	}
	return nil
}

// A Paper is the body of the steps that are a document and nothing else:
// list.accept, list.consent, list.defend, list.grant, list.hearing, list.resume,
// list.review, routing.contest and routing.keep.
//
//	document_sha256  hex  of the document
type Paper struct{ Document Digest }

func (b *Paper) read(r *Reader) {
	o := r.Object()
	o.Need("document_sha256")
	r.HexSome(b.Document[:])
	o.End()
}

func (b *Paper) write(w *Writer) { w.Hex("document_sha256", b.Document[:]) }

// Validate implements Body.
func (b *Paper) Validate() error { return nil }

// A Service is the body of list.serve.
//
//	document_sha256  hex     of the notice: facts, reasons, basis, measures, rights
//	method           string  direct | electronic | mail | public_notice
//	respond_by       date    last day for a defence or for asking for a hearing
//	served_on        date
type Service struct {
	Document  Digest
	Method    string
	RespondBy Date
	ServedOn  Date
}

var serviceMethods = []string{"direct", "electronic", "mail", "public_notice"}

func (b *Service) read(r *Reader) {
	o := r.Object()
	o.Need("document_sha256")
	r.HexSome(b.Document[:])
	o.Need("method")
	b.Method = r.Name(serviceMethods)
	o.Need("respond_by")
	b.RespondBy = r.Date()
	o.Need("served_on")
	b.ServedOn = r.Date()
	o.End()
}

func (b *Service) write(w *Writer) {
	w.Hex("document_sha256", b.Document[:])
	w.String("method", b.Method)
	w.String("respond_by", b.RespondBy.String())
	w.String("served_on", b.ServedOn.String())
}

// Validate implements Body.
func (b *Service) Validate() error {
	if b.RespondBy <= b.ServedOn {
		return &Error{Code: CodeRespondBy, Path: "body.respond_by", Detail: "not after served_on"}
	}
	return nil
}

// A Hearing is the body of list.hear.
//
//	held_on        date
//	record_sha256  hex   of the record, which says how each objection was verified
type Hearing struct {
	HeldOn Date
	Record Digest
}

func (b *Hearing) read(r *Reader) {
	o := r.Object()
	o.Need("held_on")
	b.HeldOn = r.Date()
	o.Need("record_sha256")
	r.HexSome(b.Record[:])
	o.End()
}

func (b *Hearing) write(w *Writer) {
	w.String("held_on", b.HeldOn.String())
	w.Hex("record_sha256", b.Record[:])
}

// Validate implements Body.
func (b *Hearing) Validate() error { return nil }

// A Waiver is the body of list.waive.
//
//	document_sha256  hex     what the party declared; absent with no_response
//	reason           string  declared | no_response | withdrawn
type Waiver struct {
	Document Digest // zero: absent
	Reason   string
}

// NoResponse is the reason of a waiver that nobody declared: the time for a
// response has passed.
const NoResponse = "no_response"

var waiveReasons = []string{"declared", NoResponse, "withdrawn"}

func (b *Waiver) read(r *Reader) {
	o := r.Object()
	if o.Has("document_sha256") {
		r.HexSome(b.Document[:])
	}
	o.Need("reason")
	b.Reason = r.Name(waiveReasons)
	o.End()
}

func (b *Waiver) write(w *Writer) {
	if !b.Document.IsZero() {
		w.Hex("document_sha256", b.Document[:])
	}
	w.String("reason", b.Reason)
}

// Validate implements Body.
func (b *Waiver) Validate() error {
	if (b.Reason == NoResponse) != b.Document.IsZero() {
		return &Error{Code: CodeBody, Path: "body.document_sha256", Detail: "is what the party declared"}
	}
	return nil
}

// A Listing is the body of list.decide, list.resolve and list.agree.
//
//	decision_sha256  hex   of the decision: facts, reasons, basis, measures, remedies
//	from             date  first day
//	remedy_sha256    hex   of the text on how to be removed
//	repair_from      date  first day on which repair may be applied for
//	until            date  first day on which the entry is no longer in force
type Listing struct {
	Decision   Digest
	From       Date
	Remedy     Digest
	RepairFrom Date
	Until      Date
}

func (b *Listing) read(r *Reader) {
	o := r.Object()
	o.Need("decision_sha256")
	r.HexSome(b.Decision[:])
	o.Need("from")
	b.From = r.Date()
	o.Need("remedy_sha256")
	r.HexSome(b.Remedy[:])
	o.Need("repair_from")
	b.RepairFrom = r.Date()
	o.Need("until")
	b.Until = r.Date()
	o.End()
}

func (b *Listing) write(w *Writer) {
	w.Hex("decision_sha256", b.Decision[:])
	w.String("from", b.From.String())
	w.Hex("remedy_sha256", b.Remedy[:])
	w.String("repair_from", b.RepairFrom.String())
	w.String("until", b.Until.String())
}

// Validate implements Body.
func (b *Listing) Validate() error {
	if b.RepairFrom < b.From || b.RepairFrom > b.Until || b.Until <= b.From {
		return &Error{Code: CodeBody, Path: "body.until", Detail: "want from ≤ repair_from ≤ until, and from < until"}
	}
	return nil
}

// A Publication is the body of list.publish.
//
//	summary_sha256  hex  of what is published
type Publication struct{ Summary Digest }

func (b *Publication) read(r *Reader) {
	o := r.Object()
	o.Need("summary_sha256")
	r.HexSome(b.Summary[:])
	o.End()
}

func (b *Publication) write(w *Writer) { w.Hex("summary_sha256", b.Summary[:]) }

// Validate implements Body.
func (b *Publication) Validate() error { return nil }

// A RepairApplication is the body of list.repair.
//
//	application_sha256  hex
//	promise_sha256      hex  of the promise letter
//	proof_sha256        hex  of what proves that the obligations are met
type RepairApplication struct{ Application, Promise, Proof Digest }

func (b *RepairApplication) read(r *Reader) {
	o := r.Object()
	o.Need("application_sha256")
	r.HexSome(b.Application[:])
	o.Need("promise_sha256")
	r.HexSome(b.Promise[:])
	o.Need("proof_sha256")
	r.HexSome(b.Proof[:])
	o.End()
}

func (b *RepairApplication) write(w *Writer) {
	w.Hex("application_sha256", b.Application[:])
	w.Hex("promise_sha256", b.Promise[:])
	w.Hex("proof_sha256", b.Proof[:])
}

// Validate implements Body.
func (b *RepairApplication) Validate() error { return nil }

// A Reasoned is the body of list.deny, list.reinstate, list.stay and
// routing.remove: a decision for a reason of the kind's own table.
//
//	decision_sha256  hex
//	reason           string  see the kind
type Reasoned struct {
	Decision Digest
	Reason   string

	words []string // of the kind
}

var denyReasons = []string{"false_materials", "harm_remains", "incomplete", "new_penalty", "not_fulfilled"}
var reinstateReasons = []string{"broken_promise", "false_materials"}
var stayReasons = []string{"administrative_review", "court_order", "reexamination"}
var removeReasons = []string{"contest_upheld", "mistake", "no_longer_needed", "unlawful"}

func (b *Reasoned) read(r *Reader) {
	o := r.Object()
	o.Need("decision_sha256")
	r.HexSome(b.Decision[:])
	o.Need("reason")
	b.Reason = r.Name(b.words)
	o.End()
}

func (b *Reasoned) write(w *Writer) {
	w.Hex("decision_sha256", b.Decision[:])
	w.String("reason", b.Reason)
}

// Validate implements Body.
func (b *Reasoned) Validate() error { return nil }

// A Revocation is the body of list.revoke.
//
//	decision_sha256  hex     of the decision to revoke
//	ground           string  court_order | mistake | penalty_revoked | penalty_unlawful | penalty_void
//	since            date    on which the ground arose: publication stops within the clock from then
type Revocation struct {
	Decision Digest
	Ground   string
	Since    Date
}

var revokeGrounds = []string{"court_order", "mistake", "penalty_revoked", "penalty_unlawful", "penalty_void"}

func (b *Revocation) read(r *Reader) {
	o := r.Object()
	o.Need("decision_sha256")
	r.HexSome(b.Decision[:])
	o.Need("ground")
	b.Ground = r.Name(revokeGrounds)
	o.Need("since")
	b.Since = r.Date()
	o.End()
}

func (b *Revocation) write(w *Writer) {
	w.Hex("decision_sha256", b.Decision[:])
	w.String("ground", b.Ground)
	w.String("since", b.Since.String())
}

// Validate implements Body.
func (b *Revocation) Validate() error { return nil }

// A Drop is the body of list.drop.
//
//	reason  string  defence_holds | duplicate | mistake | no_intent | not_grave
type Drop struct{ Reason string }

var dropReasons = []string{"defence_holds", "duplicate", "mistake", "no_intent", "not_grave"}

func (b *Drop) read(r *Reader) {
	o := r.Object()
	o.Need("reason")
	b.Reason = r.Name(dropReasons)
	o.End()
}

func (b *Drop) write(w *Writer) { w.String("reason", b.Reason) }

// Validate implements Body.
func (b *Drop) Validate() error { return nil }

// The actions of list.consumer.
const (
	EnrolConsumer   = "enrol"   // the member must act on the list's notices from now on
	ReleaseConsumer = "release" // it need not any more
)

var consumerActions = []string{EnrolConsumer, ReleaseConsumer}

// A ConsumerChange is the body of list.consumer.
//
//	action  string  enrol | release
//	list    string  see list.propose
//	member  string  id
type ConsumerChange struct {
	Action string
	List   List
	Member MemberID
}

func (b *ConsumerChange) read(r *Reader) {
	o := r.Object()
	o.Need("action")
	b.Action = r.Name(consumerActions)
	o.Need("list")
	b.List = r.List()
	o.Need("member")
	b.Member = MemberID(r.Slug(2, 32, '-'))
	o.End()
}

func (b *ConsumerChange) write(w *Writer) {
	w.String("action", b.Action)
	w.String("list", b.List.String())
	w.String("member", string(b.Member))
}

// Validate implements Body.
func (b *ConsumerChange) Validate() error { return nil }

// An Acknowledgement is the body of list.ack: the stating member has acted on every notice
// of the list up to one. Shops, accounts and the like are counted, not named.
//
//	applied  int     to how many it has applied measures since its last one
//	lifted   int     from how many it has lifted them
//	list     string  see list.propose
//	through  int     number of the last notice it has acted on
type Acknowledgement struct {
	Applied int64
	Lifted  int64
	List    List
	Through int64
}

func (b *Acknowledgement) read(r *Reader) {
	o := r.Object()
	o.Need("applied")
	b.Applied = r.Int(0, MaxCounted)
	o.Need("lifted")
	b.Lifted = r.Int(0, MaxCounted)
	o.Need("list")
	b.List = r.List()
	o.Need("through")
	b.Through = r.Int(1, MaxInt)
	o.End()
}

func (b *Acknowledgement) write(w *Writer) {
	w.Int("applied", b.Applied)
	w.Int("lifted", b.Lifted)
	w.String("list", b.List.String())
	w.Int("through", b.Through)
}

// Validate implements Body.
func (b *Acknowledgement) Validate() error { return nil }

// GovList is the kind by which the consortium sets a list's rule.
const GovList Kind = "gov.list"

// A Term bounds how long an entry of a severity is in force.
type Term struct {
	Max      int64 // months after the first day at which it ends at the latest
	Min      int64 // months after the first day before which repair cannot be applied for
	Severity string
}

func readTerm(r *Reader) (t Term) {
	o := r.Object()
	o.Need("max")
	t.Max = r.Int(1, MaxTermMonths)
	o.Need("min")
	t.Min = r.Int(0, MaxTermMonths)
	o.Need("severity")
	t.Severity = r.Name(severities)
	o.End()
	return t
}

// Write writes the term as an item of an array.
func (t *Term) Write(w *Writer) {
	w.Open()
	w.Int("max", t.Max)
	w.Int("min", t.Min)
	w.String("severity", t.Severity)
	w.Close()
}

// ReadTerms reads the terms of a list's rule: severities each once, ascending
// in the order minor, general, serious.
func (r *Reader) ReadTerms() (ts []Term) {
	r.Array(len(severities), func(i int) {
		t := readTerm(r)
		switch {
		case i > 0 && slices.Index(severities, ts[i-1].Severity) >= slices.Index(severities, t.Severity):
			r.Fail(CodeBody, "severities go from minor to serious, each once")
		case t.Min > t.Max:
			r.Fail(CodeBody, "min is over max")
		}
		ts = append(ts, t)
	})
	r.some(len(ts))
	return ts
}

// ReadLaws reads the laws of a list's rule: slugs, ascending.
func (r *Reader) ReadLaws() (laws []string) {
	r.Array(MaxLaws, func(i int) {
		l := r.Slug(2, 48, '_')
		if i > 0 && laws[i-1] >= l {
			r.Fail(CodeBody, "laws are ascending, each once")
		}
		laws = append(laws, l)
	})
	r.some(len(laws))
	return laws
}

// A ListRuleChange is the body of gov.list: a new version of a list's rule, for
// entries proposed from a height on.
//
//	consent          bool    whether the superior must consent before the decision
//	document_sha256  hex     of the law or resolution that it follows
//	from             int     height
//	laws             array   of the laws that an entry may rest on, ascending
//	list             string  see list.propose
//	terms            array   1 to 3 of {max, min, severity}, in months
type ListRuleChange struct {
	Consent  bool
	Document Digest
	From     int64
	Laws     []string
	List     List
	Terms    []Term
}

func (b *ListRuleChange) read(r *Reader) {
	o := r.Object()
	o.Need("consent")
	b.Consent = r.Bool()
	o.Need("document_sha256")
	r.HexSome(b.Document[:])
	o.Need("from")
	b.From = r.Int(1, MaxInt)
	o.Need("laws")
	b.Laws = r.ReadLaws()
	o.Need("list")
	b.List = r.List()
	o.Need("terms")
	b.Terms = r.ReadTerms()
	o.End()
}

func (b *ListRuleChange) write(w *Writer) {
	w.Bool("consent", b.Consent)
	w.Hex("document_sha256", b.Document[:])
	w.Int("from", b.From)
	w.Array("laws", len(b.Laws), func(i int) { w.B = AppendString(w.B, b.Laws[i]) })
	w.String("list", b.List.String())
	w.Array("terms", len(b.Terms), func(i int) { b.Terms[i].Write(w) })
}

// Validate implements Body.
func (b *ListRuleChange) Validate() error { return nil }
