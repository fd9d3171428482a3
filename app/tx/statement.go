package tx

import "strings"

// Version is the only statement version.
const Version = 1

// A Kind says what a statement does, such as "evidence.seal".
type Kind string

// Family returns the part of a kind before the dot: a statement continues
// matters of its own family.
func (k Kind) Family() string {
	f, _, _ := strings.Cut(string(k), ".")
	return f
}

// A Statement is what somebody signs: the only way anything enters the ledger.
// Its bytes are RFC 8785 canonical JSON with exactly these members:
//
//	at       time    when the signers say they made it; a claim
//	body     object  depends on kind
//	chain    string  chain id
//	expires  int     last height that may include it, 1 to 2^53
//	kind     string  see Kinds
//	member   string  id of the member who states
//	prev     string  id of the statement this one continues, or "" to open a matter
//	v        int     1
type Statement struct {
	Chain   string
	Kind    Kind
	Member  MemberID
	At      Time
	Expires int64
	Prev    ID // zero: opens a matter, or belongs to none
	Body    Body
}

// A Body is the part of a statement that depends on its kind. Bodies are
// pointers to structs of this package; a kind and its body are paired in
// newBody.
type Body interface {
	// Validate checks everything that can be known without the ledger.
	Validate() error
	read(r *Reader)
	write(w *Writer)
}

// newBody is the table of kinds: what each kind's body is. Kinds lists the same kinds.
func newBody(k Kind) Body {
	switch k {
	case EvidenceBatch:
		return new(Batch)
	case EvidenceSeal:
		return new(Evidence)
	case EvidenceErase:
		return new(Erase)
	case EvidenceSupersede:
		return new(Supersede)
	case EvidenceWithdraw:
		return new(Withdraw)
	case EvidenceChallenge:
		return new(Challenge)
	case EvidenceUphold, EvidenceReject:
		return new(Decision)
	case EndorseKind:
		return new(Endorse)
	case GovAccount:
		return new(AccountChange)
	case GovCalendar:
		return new(Calendar)
	case GovEpoch:
		return new(EpochChange)
	case GovFreeze, GovThaw:
		return new(Freeze)
	case GovMember:
		return new(Membership)
	case GovOverride, GovPolicy:
		return new(PolicyChange)
	case GovParams:
		return new(Params)
	case GovReady:
		return new(Ready)
	case GovRecover:
		return new(Recover)
	case GovRotate:
		return new(KeyRotation)
	case GovRuleset:
		return new(RuleSet)
	case GovUpgrade:
		return new(Upgrade)
	case GovValidator:
		return new(ValidatorChange)
	case TraceAck:
		return new(Ack)
	case TraceAggregate, TraceDisaggregate:
		return new(Aggregate)
	case TraceClose:
		return new(Decision)
	case TraceDestroy:
		return new(Destroy)
	case TraceDispose:
		return new(Dispose)
	case TraceDispute:
		return new(Dispute)
	case TraceEvents:
		return new(Events)
	case TraceHarvest:
		return new(Harvest)
	case TraceProduct:
		return new(Product)
	case TraceRecall:
		return new(Recall)
	case TraceReceive:
		return new(Receive)
	case TraceRegister:
		return new(Register)
	case TraceRelease:
		return new(Release)
	case TraceSell:
		return new(Sell)
	case TraceShip:
		return new(Ship)
	case TraceTake:
		return new(Take)
	case TraceTransform:
		return new(Transform)
	case GovWithdraw, TraceCancel, TraceWithdraw:
		return new(Withdraw)
	case DelistAck, DelistVerify, InspectAccept, InspectClose, InspectConfirm, InspectNotify, InspectRetest, InspectRevoke:
		return new(Paper)
	case DelistDone:
		return new(Delisted)
	case DelistOrder:
		return new(Delisting)
	case DelistReturn:
		return &Reasoned{words: returnReasons}
	case DelistWithdraw, InspectWithdraw:
		return new(Withdraw)
	case InspectAssign:
		return new(LabChoice)
	case InspectFail, InspectUphold:
		return new(TestFail)
	case InspectOverturn, InspectPass:
		return new(TestPass)
	case InspectRefuse:
		return &Reasoned{words: refuseReasons}
	case InspectSample:
		return new(Sample)
	case InspectTask:
		return new(SampleTask)
	case GovList:
		return new(ListRuleChange)
	case GovRouting:
		return new(RoutingSwitch)
	case ClockExtend, ClockResume:
		return new(ClockStep)
	case ClockPause:
		return new(Standstill)
	case ListRetag:
		return new(Retagging)
	case ListAck:
		return new(Acknowledgement)
	case ListConsumer:
		return new(ConsumerChange)
	case ListPropose:
		return new(Proposal)
	case ListServe:
		return new(Service)
	case ListHear:
		return new(Hearing)
	case ListWaive:
		return new(Waiver)
	case ListAgree, ListDecide, ListResolve:
		return new(Listing)
	case ListPublish:
		return new(Publication)
	case ListRepair:
		return new(RepairApplication)
	case ListRevoke:
		return new(Revocation)
	case ListDrop:
		return new(Drop)
	case ListDeny:
		return &Reasoned{words: denyReasons}
	case ListReinstate:
		return &Reasoned{words: reinstateReasons}
	case ListStay:
		return &Reasoned{words: stayReasons}
	case ListAccept, ListConsent, ListDefend, ListGrant, ListHearing, ListResume, ListReview, RoutingContest, RoutingKeep:
		return new(Paper)
	case RoutingRead:
		return new(RoutingLookup)
	case RoutingRemove:
		return &Reasoned{words: removeReasons}
	case RoutingTag:
		return new(RoutingHint)
	}
	return nil
}

// ParseStatement reads the canonical bytes of a statement strictly.
func ParseStatement(b []byte) (*Statement, error) {
	s, body, err := parseHeader(b)
	if err != nil {
		return nil, err
	}
	if s.Body = newBody(s.Kind); s.Body == nil {
		return nil, &Error{Code: CodeUnknownKind, Path: "kind", Detail: clip(string(s.Kind))}
	}
	return s, s.readBody(body)
}

// ParseWith reads the canonical bytes of a statement like ParseStatement, but knows
// only the bodies that known returns. Of other kinds, also of kinds that are made
// after this program, it reads the header and requires the body to be canonical
// JSON; Body is nil then. A verifier reads so: that a body keeps to the schema of
// its kind is what the validators judged when they let it in.
func ParseWith(b []byte, known func(Kind) Body) (*Statement, error) {
	s, body, err := parseHeader(b)
	if err != nil {
		return nil, err
	}
	if s.Body = known(s.Kind); s.Body != nil {
		return s, s.readBody(body)
	}
	if !isSlug([]byte(s.Kind), 1, 32, '.') {
		return nil, &Error{Code: CodeUnknownKind, Path: "kind", Detail: clip(string(s.Kind))}
	}
	in := bodyReader(body)
	if in.peek() != '{' {
		in.wrongType("an object")
	}
	in.value()
	in.End()
	return s, in.Err()
}

func bodyReader(body []byte) *Reader {
	return &Reader{b: body, depth: 1, path: [MaxDepth]step{{name: "body"}}, deep: 1}
}

func (s *Statement) readBody(body []byte) error {
	in := bodyReader(body)
	s.Body.read(in)
	in.End()
	if in.err != nil {
		return in.err
	}
	return s.Body.Validate()
}

// parseHeader reads the header and passes over the body, which it returns.
func parseHeader(b []byte) (*Statement, []byte, error) {
	if len(b) > MaxStatement {
		return nil, nil, errorf(CodeTooLarge, "statement of %d bytes; the limit is %d", len(b), MaxStatement)
	}
	r := NewReader(b)
	s := new(Statement)
	o := r.Object()
	o.Need("at")
	s.At = r.Time()
	o.Need("body") // its schema depends on kind, which comes later: pass over it, read it below
	body := r.skip()
	o.Need("chain")
	s.Chain = r.Slug(1, 50, '-')
	o.Need("expires")
	s.Expires = r.Int(1, MaxInt)
	o.Need("kind")
	s.Kind = Kind(r.plain())
	o.Need("member")
	s.Member = MemberID(r.Slug(2, 32, '-'))
	o.Need("prev")
	if r.err == nil && len(b)-r.i > 2 && string(b[r.i:r.i+2]) == `""` {
		r.i += 2
	} else {
		r.HexSome(s.Prev[:])
	}
	o.Need("v")
	if v := r.Int(0, MaxInt); r.err == nil && v != Version {
		r.Fail(CodeVersion, "")
	}
	o.End()
	r.End()
	if r.err != nil {
		return nil, nil, r.err
	}
	return s, body, nil
}

// Encode returns the canonical bytes of s. It refuses what ParseStatement would
// refuse, so a statement that was encoded can be parsed.
func (s *Statement) Encode() ([]byte, error) {
	w := Writer{B: make([]byte, 0, 1024)}
	w.Open()
	w.String("at", s.At.String())
	w.Member("body")
	w.Open()
	s.Body.write(&w)
	w.Close()
	w.String("chain", s.Chain)
	w.Int("expires", s.Expires)
	w.String("kind", string(s.Kind))
	w.String("member", string(s.Member))
	if s.Prev.IsZero() {
		w.String("prev", "")
	} else {
		w.Hex("prev", s.Prev[:])
	}
	w.Int("v", Version)
	w.Close()
	if _, err := ParseStatement(w.B); err != nil {
		return nil, err
	}
	return w.B, nil
}

// Kinds lists every kind of statement, ascending.
func Kinds() []Kind {
	return []Kind{
		ClockExtend,
		ClockPause,
		ClockResume,
		DelistAck,
		DelistDone,
		DelistOrder,
		DelistReturn,
		DelistVerify,
		DelistWithdraw,
		EndorseKind,
		EvidenceBatch,
		EvidenceChallenge,
		EvidenceErase,
		EvidenceReject,
		EvidenceSeal,
		EvidenceSupersede,
		EvidenceUphold,
		EvidenceWithdraw,
		GovAccount,
		GovCalendar,
		GovEpoch,
		GovFreeze,
		GovList,
		GovMember,
		GovOverride,
		GovParams,
		GovPolicy,
		GovReady,
		GovRecover,
		GovRotate,
		GovRouting,
		GovRuleset,
		GovThaw,
		GovUpgrade,
		GovValidator,
		GovWithdraw,
		InspectAccept,
		InspectAssign,
		InspectClose,
		InspectConfirm,
		InspectFail,
		InspectNotify,
		InspectOverturn,
		InspectPass,
		InspectRefuse,
		InspectRetest,
		InspectRevoke,
		InspectSample,
		InspectTask,
		InspectUphold,
		InspectWithdraw,
		ListAccept,
		ListAck,
		ListAgree,
		ListConsent,
		ListConsumer,
		ListDecide,
		ListDefend,
		ListDeny,
		ListDrop,
		ListGrant,
		ListHear,
		ListHearing,
		ListPropose,
		ListPublish,
		ListReinstate,
		ListRepair,
		ListResolve,
		ListResume,
		ListRetag,
		ListReview,
		ListRevoke,
		ListServe,
		ListStay,
		ListWaive,
		RoutingContest,
		RoutingKeep,
		RoutingRead,
		RoutingRemove,
		RoutingTag,
		TraceAck,
		TraceAggregate,
		TraceCancel,
		TraceClose,
		TraceDestroy,
		TraceDisaggregate,
		TraceDispose,
		TraceDispute,
		TraceEvents,
		TraceHarvest,
		TraceProduct,
		TraceRecall,
		TraceReceive,
		TraceRegister,
		TraceRelease,
		TraceSell,
		TraceShip,
		TraceTake,
		TraceTransform,
		TraceWithdraw,
	}
}
