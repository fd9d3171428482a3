package tx

// Target returns the member to whom a body is directed, for the policies that
// ask for it; "" when it names none. A freeze and a thaw name an account: the
// target is its member, which only the ledger knows.
func Target(b Body) MemberID {
	switch b := b.(type) {
	case *Membership:
		return b.ID
	case *Recover:
		return b.ID
	case *ValidatorChange:
		return b.Member
	case *ConsumerChange:
		return b.Member
	case *Ship:
		return b.To
	case *SampleTask:
		return b.Lab
	case *LabChoice:
		return b.Lab
	case *Delisting:
		return b.Platform
	}
	return ""
}

// Custody says who holds the goods of a statement of kind k before it takes
// effect: the stating member (issuer), the one who opened the matter (origin),
// or nobody whom the statement tells.
func Custody(k Kind) (issuer, origin bool) {
	switch k {
	case TraceShip, TraceSell, TraceAggregate, TraceDisaggregate, TraceTransform, TraceDestroy:
		return true, false
	case TraceReceive, TraceDispute, TraceCancel:
		return false, true
	}
	return false, false
}
