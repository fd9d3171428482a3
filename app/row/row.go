package row

import (
	"slices"
	"strconv"

	"zhenglian/app/tx"
)

// Roles of members and accounts, which statements name too.
var (
	MemberRoles  = tx.MemberRoles
	AccountRoles = tx.AccountRoles
)

// Params are the numbers that every node must agree on.
type Params struct {
	AnchorBlocks  int64 // an anchor names one of the last so many blocks
	Chain         string
	ExpiresBlocks int64 // a statement's expires lies at most so many heights ahead
	FutureMillis  int64 // a claimed time lies at most so far ahead of block time
	PendingBlocks int64 // a statement waits at most so many heights for signatures
	Protocol      int64 // protocol version, 1
}

// A Member is an organisation of the consortium. In the row's value, members
// that are "" or false and that genesis files do not know are left out:
// division_rev, left, uscc.
type Member struct {
	Division    string // division code GB/T 2260, "" if none
	DivisionRev string // date of its edition, "" if not stated
	Left        bool   // it is a member no more
	NameEN      string
	NameZH      string
	Roles       []string // ascending
	Superior    tx.MemberID
	Suspended   bool
	USCC        string // unified social credit code GB 32100, "" if not stated
}

// Active reports whether the member is in good standing: only then does it
// sign, and only then is it on the rolls.
func (m *Member) Active() bool { return !m.Suspended && !m.Left }

// Has reports whether the member has the role.
func (m *Member) Has(role string) bool { return slices.Contains(m.Roles, role) }

// An Account is a key that acts for a member. Heights are 0 where they do not
// apply. Whether it may sign is judged by the height of the log entry, never
// by a time that the signer states. In the row's value frozen_from and tag are
// left out when they are zero.
type Account struct {
	CompromisedFrom int64 // signatures from this height on are flagged by verifiers
	FrozenFrom      int64 // first height at which the other members stopped it
	Key             []byte
	Member          tx.MemberID
	RevokedAt       int64 // first height at which it no longer signs
	Roles           []string
	Tag             tx.Digest // keyed pseudonym of its holder
	Type            tx.KeyType
	ValidFrom       int64 // first height at which it signs
	ValidTo         int64 // last height at which it signs
}

// PublicKey returns the account's key.
func (a *Account) PublicKey() tx.PublicKey { return tx.PublicKey{Type: a.Type, Bytes: a.Key} }

// Check says whether the account may sign an entry of the given height.
func (a *Account) Check(height int64) error {
	switch {
	case a.RevokedAt != 0 && height >= a.RevokedAt:
		return &tx.Error{Code: tx.CodeAccountRevoked, Detail: a.PublicKey().Account().String()}
	case height < a.ValidFrom || a.ValidTo != 0 && height > a.ValidTo:
		return &tx.Error{Code: tx.CodeAccountExpired, Detail: a.PublicKey().Account().String()}
	case a.FrozenFrom != 0 && height >= a.FrozenFrom:
		return &tx.Error{Code: tx.CodeAccountFrozen, Detail: a.PublicKey().Account().String()}
	}
	return nil
}

// A Policy is one version of the rule that says which signatures make a kind
// of statement take effect. It applies to matters opened at From or later.
type Policy struct {
	Expr string // see package policy
	From int64  // height
}

// A Validator is a node that signs blocks, or is to. Its stage follows from its
// powers:
//
//	power  target  ready
//	0      > 0     false  approved: its node has not yet said that it is in step
//	≠ target       true   queued: the set is being changed towards it
//	= target > 0   true   active
//	0      0              gone: it has no row
type Validator struct {
	Member tx.MemberID // whose it is; "" if the genesis file does not say
	Power  int64       // that CometBFT was last told
	Ready  bool        // its member says that it may be counted on
	Seen   int64       // a height at which it was lately seen to have signed, 0 if never; kept while the set is to change
	Since  int64       // height at which the target was set
	Target int64       // power that governance wants
}

// A Step is the last change of the validator set: the height of the block that
// told CometBFT. The set of that height + 2 is the first that is changed.
type Step struct{ Height int64 }

// An Upgrade is a protocol version to come.
type Upgrade struct {
	Height  int64 // first block under it
	Info    string
	Version int64
}

// Name is what the version is called where operators see it.
func (u *Upgrade) Name() string { return "v" + strconv.FormatInt(u.Version, 10) }

// A State is where a matter stands.
type State string

// The states of an evidence matter. A matter that was complete when it was
// opened and to which nothing has happened since has no row: it is Sealed.
const (
	Pending    State = "PENDING"
	Sealed     State = "SEALED"
	Challenged State = "CHALLENGED"
	Upheld     State = "UPHELD"   // the challenge was upheld
	Rejected   State = "REJECTED" // the challenge was rejected
	Superseded State = "SUPERSEDED"
	Withdrawn  State = "WITHDRAWN"
	Erased     State = "ERASED" // its bytes and salts were destroyed
	Expired    State = "EXPIRED"
)

// The states of a matter of governance are Pending, Withdrawn, Expired and:
const (
	Enacted   State = "ENACTED" // it took effect
	Overtaken State = "LAPSED"  // when its signatures were complete, the ledger had changed so that it could no longer take effect
)

// Opened is the state in which a complete statement of an opening kind leaves
// the matter it opens: what the absence of a matter row stands for.
func Opened(k tx.Kind) State {
	switch {
	case k == tx.ListPropose:
		return Proposed
	case k == tx.RoutingTag:
		return Active
	case k == tx.InspectTask:
		return Tasked
	case k == tx.DelistOrder:
		return Issued
	case k.Family() == "evidence":
		return Sealed
	case k.Family() == "trace":
		return openedTrace(k)
	}
	return Enacted
}

func openedTrace(k tx.Kind) State {
	switch k {
	case tx.TraceShip:
		return Offered
	case tx.TraceSell, tx.TraceTake:
		return OneSided
	case tx.TraceRecall:
		return Scoping
	}
	return Recorded
}

// A Matter says where a matter stands. Its absence says: as its opening entry
// left it.
type Matter struct {
	Head    tx.ID  // last effective statement
	Since   int64  // height of the last change
	State   State  //
	Waiting uint64 // sequence number of the continuing statement that waits for signatures; 0 if none. (Entry 0 never continues a matter.)
}

// Outcomes of a statement that needed, or received, later signatures.
const (
	Waits     = "waiting"
	Effective = "effective"
	Lapsed    = "lapsed" // its deadline passed, or the matter moved on
)

// A Link leads from an effective statement that continues a matter to the entry
// that opened it.
type Link struct{ Matter uint64 }

// Encode returns the row's value.
func (l Link) Encode() []byte {
	return encode(func(w *tx.Writer) { w.Int("matter", int64(l.Matter)) })
}

// DecodeLink reads a value that Encode wrote.
func DecodeLink(b []byte) (l Link, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("matter")
		l.Matter = uint64(r.Int(0, maxHeight))
	})
	return l, err
}

// A Tally is the account of a statement's signatures when they did not all
// come with it.
type Tally struct {
	Deadline int64  // height at which it lapses if still waiting
	Outcome  string // Waits, Effective or Lapsed
	Policy   uint32 // version of the kind's policy that applies
	Since    int64  // height of the outcome
	Votes    []Vote // in the order in which the ledger accepted them
}

// A Vote is one account's signature of, or objection to, a statement.
type Vote struct {
	Account tx.AccountID
	Height  int64
	Member  tx.MemberID
	Reason  string // of an objection
	Type    string // "signed" in the envelope itself, else the type of the endorsement
}

// Signed is the Type of a vote that came in the statement's own envelope.
const Signed = "signed"

func encode(write func(w *tx.Writer)) []byte {
	w := tx.Writer{B: make([]byte, 0, 256)}
	w.Open()
	write(&w)
	w.Close()
	return w.B
}

func decode(b []byte, read func(r *tx.Reader, o *tx.Object)) error {
	r := tx.NewReader(b)
	o := r.Object()
	read(r, &o)
	o.End()
	r.End()
	return r.Err()
}

const maxHeight = tx.MaxInt

// optional reads a string that is left out when it is empty.
func optional(r *tx.Reader, o *tx.Object, name string, max int) (s string) {
	if o.Has(name) {
		if s = r.String(max); s == "" {
			r.Fail(tx.CodeLimit, "empty")
		}
	}
	return s
}

// Encode returns the row's value.
func (p Params) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.Int("anchor_blocks", p.AnchorBlocks)
		w.String("chain", p.Chain)
		w.Int("expires_blocks", p.ExpiresBlocks)
		w.Int("future_millis", p.FutureMillis)
		w.Int("pending_blocks", p.PendingBlocks)
		w.Int("protocol", p.Protocol)
	})
}

// DecodeParams reads a value that Encode wrote.
func DecodeParams(b []byte) (p Params, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("anchor_blocks")
		p.AnchorBlocks = r.Int(1, maxHeight)
		o.Need("chain")
		p.Chain = r.Slug(1, 50, '-')
		o.Need("expires_blocks")
		p.ExpiresBlocks = r.Int(1, maxHeight)
		o.Need("future_millis")
		p.FutureMillis = r.Int(0, maxHeight)
		o.Need("pending_blocks")
		p.PendingBlocks = r.Int(1, maxHeight)
		o.Need("protocol")
		p.Protocol = r.Int(1, 1<<31)
	})
	return p, err
}

// Encode returns the row's value.
func (m Member) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.String("division", m.Division)
		if m.DivisionRev != "" {
			w.String("division_rev", m.DivisionRev)
		}
		if m.Left {
			w.Bool("left", true)
		}
		w.String("name_en", m.NameEN)
		w.String("name_zh", m.NameZH)
		writeStrings(w, "roles", m.Roles)
		w.String("superior", string(m.Superior))
		w.Bool("suspended", m.Suspended)
		if m.USCC != "" {
			w.String("uscc", m.USCC)
		}
	})
}

// DecodeMember reads a value that Encode wrote.
func DecodeMember(b []byte) (m Member, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("division")
		m.Division = r.String(12)
		m.DivisionRev = optional(r, o, "division_rev", 10)
		if o.Has("left") {
			if m.Left = r.Bool(); !m.Left {
				r.Fail(tx.CodeLimit, "false")
			}
		}
		o.Need("name_en")
		m.NameEN = r.String(200)
		o.Need("name_zh")
		m.NameZH = r.String(200)
		o.Need("roles")
		m.Roles = readStrings(r)
		o.Need("superior")
		m.Superior = tx.MemberID(r.String(32))
		o.Need("suspended")
		m.Suspended = r.Bool()
		m.USCC = optional(r, o, "uscc", 18)
	})
	return m, err
}

// Encode returns the row's value.
func (a Account) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.Int("compromised_from", a.CompromisedFrom)
		if a.FrozenFrom != 0 {
			w.Int("frozen_from", a.FrozenFrom)
		}
		w.Hex("key", a.Key)
		w.String("member", string(a.Member))
		w.Int("revoked_at", a.RevokedAt)
		writeStrings(w, "roles", a.Roles)
		if !a.Tag.IsZero() {
			w.Hex("tag", a.Tag[:])
		}
		w.String("type", string(a.Type))
		w.Int("valid_from", a.ValidFrom)
		w.Int("valid_to", a.ValidTo)
	})
}

// DecodeAccount reads a value that Encode wrote.
func DecodeAccount(b []byte) (a Account, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("compromised_from")
		a.CompromisedFrom = r.Int(0, maxHeight)
		if o.Has("frozen_from") {
			a.FrozenFrom = r.Int(1, maxHeight)
		}
		o.Need("key")
		a.Key = r.HexBytes(4096)
		o.Need("member")
		a.Member = tx.MemberID(r.String(32))
		o.Need("revoked_at")
		a.RevokedAt = r.Int(0, maxHeight)
		o.Need("roles")
		a.Roles = readStrings(r)
		if o.Has("tag") {
			r.HexSome(a.Tag[:])
		}
		o.Need("type")
		a.Type = tx.KeyType(r.String(16))
		o.Need("valid_from")
		a.ValidFrom = r.Int(0, maxHeight)
		o.Need("valid_to")
		a.ValidTo = r.Int(0, maxHeight)
	})
	return a, err
}

// Encode returns the row's value.
func (p Policy) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.String("expr", p.Expr)
		w.Int("from", p.From)
	})
}

// DecodePolicy reads a value that Encode wrote.
func DecodePolicy(b []byte) (p Policy, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("expr")
		p.Expr = r.String(4096)
		o.Need("from")
		p.From = r.Int(0, maxHeight)
	})
	return p, err
}

// A Roll is the number of members in a role that are not suspended.
type Roll struct{ Members int64 }

// Encode returns the row's value.
func (n Roll) Encode() []byte {
	return encode(func(w *tx.Writer) { w.Int("members", n.Members) })
}

// DecodeRoll reads a value that Encode wrote.
func DecodeRoll(b []byte) (n Roll, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("members")
		n.Members = r.Int(0, maxHeight)
	})
	return n, err
}

// Encode returns the row's value.
func (v Validator) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.String("member", string(v.Member))
		w.Int("power", v.Power)
		w.Bool("ready", v.Ready)
		w.Int("seen", v.Seen)
		w.Int("since", v.Since)
		w.Int("target", v.Target)
	})
}

// DecodeValidator reads a value that Encode wrote.
func DecodeValidator(b []byte) (v Validator, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("member")
		v.Member = tx.MemberID(r.String(32))
		o.Need("power")
		v.Power = r.Int(0, tx.MaxInt)
		o.Need("ready")
		v.Ready = r.Bool()
		o.Need("seen")
		v.Seen = r.Int(0, maxHeight)
		o.Need("since")
		v.Since = r.Int(0, maxHeight)
		o.Need("target")
		v.Target = r.Int(0, tx.MaxInt)
	})
	return v, err
}

// Encode returns the row's value.
func (s Step) Encode() []byte {
	return encode(func(w *tx.Writer) { w.Int("height", s.Height) })
}

// DecodeStep reads a value that Encode wrote.
func DecodeStep(b []byte) (s Step, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("height")
		s.Height = r.Int(0, maxHeight)
	})
	return s, err
}

// Encode returns the row's value.
func (u Upgrade) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.Int("height", u.Height)
		w.String("info", u.Info)
		w.Int("version", u.Version)
	})
}

// DecodeUpgrade reads a value that Encode wrote.
func DecodeUpgrade(b []byte) (u Upgrade, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("height")
		u.Height = r.Int(1, maxHeight)
		o.Need("info")
		u.Info = r.String(tx.MaxUpgradeInfo)
		o.Need("version")
		u.Version = r.Int(1, 1<<31)
	})
	return u, err
}

// Encode returns the row's value.
func (m Matter) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.Hex("head", m.Head[:])
		w.Int("since", m.Since)
		w.String("state", string(m.State))
		w.Int("waiting", int64(m.Waiting))
	})
}

// DecodeMatter reads a value that Encode wrote.
func DecodeMatter(b []byte) (m Matter, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("head")
		r.Hex(m.Head[:])
		o.Need("since")
		m.Since = r.Int(0, maxHeight)
		o.Need("state")
		m.State = State(r.String(32))
		o.Need("waiting")
		m.Waiting = uint64(r.Int(0, maxHeight))
	})
	return m, err
}

// Encode returns the row's value.
func (t Tally) Encode() []byte {
	return encode(func(w *tx.Writer) {
		w.Int("deadline", t.Deadline)
		w.String("outcome", t.Outcome)
		w.Int("policy", int64(t.Policy))
		w.Int("since", t.Since)
		w.Array("votes", len(t.Votes), func(i int) {
			v := &t.Votes[i]
			w.Open()
			w.Hex("account", v.Account[:])
			w.Int("height", v.Height)
			w.String("member", string(v.Member))
			w.String("reason", v.Reason)
			w.String("type", v.Type)
			w.Close()
		})
	})
}

// DecodeTally reads a value that Encode wrote.
func DecodeTally(b []byte) (t Tally, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("deadline")
		t.Deadline = r.Int(0, maxHeight)
		o.Need("outcome")
		t.Outcome = r.String(16)
		o.Need("policy")
		t.Policy = uint32(r.Int(0, 1<<31))
		o.Need("since")
		t.Since = r.Int(0, maxHeight)
		o.Need("votes")
		r.Array(2*tx.MaxSignatures, func(int) {
			var v Vote
			e := r.Object()
			e.Need("account")
			r.Hex(v.Account[:])
			e.Need("height")
			v.Height = r.Int(0, maxHeight)
			e.Need("member")
			v.Member = tx.MemberID(r.String(32))
			e.Need("reason")
			v.Reason = r.String(32)
			e.Need("type")
			v.Type = r.String(16)
			e.End()
			t.Votes = append(t.Votes, v)
		})
	})
	return t, err
}

func writeStrings(w *tx.Writer, name string, v []string) {
	w.Array(name, len(v), func(i int) { w.B = tx.AppendString(w.B, v[i]) })
}

func readStrings(r *tx.Reader) (v []string) {
	r.Array(32, func(int) { v = append(v, r.String(32)) })
	return v
}
