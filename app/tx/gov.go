package tx

import (
	"crypto/sha256"
	"slices"
	"strconv"
)

// The kinds of governance: how the consortium changes its members, keys, rules
// and validators. Each but the last opens a matter of its own and takes effect
// once, when its policy holds. They are signed by accounts in the role admin.
const (
	GovAccount   Kind = "gov.account"   // a member changes its own keys
	GovEpoch     Kind = "gov.epoch"     // the secret keys by which a list's tags are made
	GovFreeze    Kind = "gov.freeze"    // the others stop a member's key
	GovMember    Kind = "gov.member"    // who is a member, and as what
	GovOverride  Kind = "gov.override"  // a member asks more signatures of itself
	GovParams    Kind = "gov.params"    // the numbers that every node must agree on
	GovPolicy    Kind = "gov.policy"    // a new version of a kind's policy
	GovReady     Kind = "gov.ready"     // an approved validator says that its node is in step
	GovRecover   Kind = "gov.recover"   // new keys for a member that has lost its own
	GovRotate    Kind = "gov.rotate"    // a member changes the key of its validator
	GovThaw      Kind = "gov.thaw"      // a frozen key signs again
	GovUpgrade   Kind = "gov.upgrade"   // the protocol version from a height on
	GovValidator Kind = "gov.validator" // the power of a validator; 0 takes it out
	GovWithdraw  Kind = "gov.withdraw"  // its member gives up a proposal that waits
)

// MemberRoles are the roles of a member: what kind of organisation it is.
var MemberRoles = []string{"regulator", "platform", "partner-city", "court", "notary", "lab", "mediator", "department", "producer", "auditor"}

// AccountRoles are the roles of an account: what its holder may do for the member.
var AccountRoles = []string{"officer", "admin", "system"}

// Admin is the role of the accounts that govern.
const Admin = "admin"

// Limits of governance bodies.
const (
	MaxCredentials = 8         // keys that one statement registers
	MaxName        = 200       // bytes of a member's name
	MaxExpr        = 4096      // bytes of a policy
	MaxPower       = 1_000_000 // of one validator
	MaxUpgradeInfo = 1024      // bytes
	MaxBlocks      = 10_000_000
	MinFuture      = 1000
	MaxFuture      = 3_600_000
)

// A ValidatorKey is the Ed25519 public key with which a validator signs blocks.
type ValidatorKey [32]byte

func (k ValidatorKey) String() string { return ID(k).String() }

// Address returns CometBFT's name of the validator: the first 20 bytes of
// SHA-256 of the key.
func (k ValidatorKey) Address() [20]byte {
	d := sha256.Sum256(k[:])
	return [20]byte(d[:20])
}

// MarshalText writes k as 64 lower-case hex digits.
func (k ValidatorKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads exactly 64 lower-case hex digits.
func (k *ValidatorKey) UnmarshalText(b []byte) error { return unhex(k[:], b) }

// A Credential is a key to be registered for a member.
//
//	key       hex     public key, see KeyType
//	roles     array   of officer | admin | system, ascending
//	tag       hex     keyed pseudonym of the person who holds the key, optional; never a bare hash of an identifier
//	type      string  secp256k1 | sm2 | mldsa65
//	valid_to  int     last height at which it signs, optional
type Credential struct {
	Key     PublicKey
	Roles   []string
	Tag     Digest // zero: absent
	ValidTo int64  // 0: absent
}

var keyTypes = []string{string(Secp256k1), string(SM2), string(MLDSA65)}

func readCredential(r *Reader) (c Credential) {
	o := r.Object()
	o.Need("key")
	c.Key.Bytes = r.HexBytes(2048)
	o.Need("roles")
	c.Roles = readRoles(r, AccountRoles)
	if o.Has("tag") {
		r.HexSome(c.Tag[:])
	}
	o.Need("type")
	c.Key.Type = KeyType(r.Name(keyTypes))
	if o.Has("valid_to") {
		c.ValidTo = r.Int(1, MaxInt)
	}
	o.End()
	return c
}

func (c *Credential) write(w *Writer) {
	w.Open()
	w.Hex("key", c.Key.Bytes)
	writeRoles(w, c.Roles)
	if !c.Tag.IsZero() {
		w.Hex("tag", c.Tag[:])
	}
	w.String("type", string(c.Key.Type))
	if c.ValidTo != 0 {
		w.Int("valid_to", c.ValidTo)
	}
	w.Close()
}

func (c *Credential) validate(path string) error {
	if _, err := c.Key.Verifier(); err != nil {
		return &Error{Code: CodeOf(err), Path: path + ".key"}
	}
	return nil
}

// validateCredentials checks keys that stand for a member on their own: they
// differ, and two of them are admins, which is what changing keys takes.
func validateCredentials(cs []Credential) error {
	admins := 0
	seen := make(map[AccountID]bool, len(cs))
	for i := range cs {
		path := "body.accounts[" + strconv.Itoa(i) + "]"
		if err := cs[i].validate(path); err != nil {
			return err
		}
		if id := cs[i].Key.Account(); seen[id] {
			return &Error{Code: CodeBody, Path: path, Detail: "the same key twice"}
		} else {
			seen[id] = true
		}
		if slices.Contains(cs[i].Roles, Admin) {
			admins++
		}
	}
	if admins < 2 {
		return &Error{Code: CodeBody, Path: "body.accounts", Detail: "want two or more in the role admin"}
	}
	return nil
}

func readRoles(r *Reader, table []string) (roles []string) {
	r.Array(len(table), func(i int) {
		s := string(r.plain())
		switch {
		case !slices.Contains(table, s):
			r.Fail(CodeUnknownTag, clip(s))
		case i > 0 && roles[i-1] >= s:
			r.Fail(CodeBody, "roles are ascending, each once")
		}
		roles = append(roles, s)
	})
	r.some(len(roles))
	return roles
}

func writeRoles(w *Writer, roles []string) {
	w.Array("roles", len(roles), func(i int) { w.B = AppendString(w.B, roles[i]) })
}

// The actions of gov.member.
const (
	Admit   = "admit"   // a new member, with its first keys
	Amend   = "amend"   // what is said of it, all of it anew
	Suspend = "suspend" // it signs nothing for now
	Resume  = "resume"  // it signs again
	Leave   = "leave"   // it is a member no more, and its keys are revoked
)

var memberActions = []string{Admit, Amend, Suspend, Resume, Leave}

// Membership is the body of gov.member. The members after id go with admit and
// amend only.
//
//	accounts      array   2 to 8 keys, two or more of them admins; with admit only
//	action        string  admit | amend | suspend | resume | leave
//	division      string  GB/T 2260 code, 6 digits, optional
//	division_rev  string  date of the edition of GB/T 2260, YYYY-MM-DD; goes with division
//	id            string  the member
//	name_en       string  at most 200 bytes
//	name_zh       string  at most 200 bytes
//	roles         array   of row.MemberRoles, ascending
//	superior      string  member id, optional
//	uscc          string  unified social credit code, GB 32100-2015
type Membership struct {
	Accounts    []Credential
	Action      string
	Division    string // "": absent
	DivisionRev string
	ID          MemberID
	NameEN      string
	NameZH      string
	Roles       []string
	Superior    MemberID // "": absent
	USCC        string
}

func (b *Membership) read(r *Reader) {
	o := r.Object()
	if o.Has("accounts") {
		r.Array(MaxCredentials, func(int) { b.Accounts = append(b.Accounts, readCredential(r)) })
		r.some(len(b.Accounts))
	}
	o.Need("action")
	b.Action = r.Name(memberActions)
	if o.Has("division") {
		if b.Division = string(r.plain()); !ValidDivision(b.Division) {
			r.Fail(CodeDivisionCode, clip(b.Division))
		}
	}
	if o.Has("division_rev") {
		if b.DivisionRev = string(r.plain()); !ValidDate(b.DivisionRev) {
			r.Fail(CodeType, "want a date like 2026-01-31")
		}
	}
	o.Need("id")
	b.ID = MemberID(r.Slug(2, 32, '-'))
	if o.Has("name_en") {
		b.NameEN = readName(r)
	}
	if o.Has("name_zh") {
		b.NameZH = readName(r)
	}
	if o.Has("roles") {
		b.Roles = readRoles(r, MemberRoles)
	}
	if o.Has("superior") {
		b.Superior = MemberID(r.Slug(2, 32, '-'))
	}
	if o.Has("uscc") {
		if b.USCC = string(r.plain()); !ValidUSCC(b.USCC) {
			r.Fail(CodeUSCC, clip(b.USCC))
		}
	}
	o.End()
}

func readName(r *Reader) string {
	s := r.String(MaxName)
	if s == "" {
		r.Fail(CodeLimit, "empty")
	}
	return s
}

func (b *Membership) write(w *Writer) {
	optional := func(name, v string) {
		if v != "" {
			w.String(name, v)
		}
	}
	if len(b.Accounts) > 0 {
		w.Array("accounts", len(b.Accounts), func(i int) { b.Accounts[i].write(w) })
	}
	w.String("action", b.Action)
	optional("division", b.Division)
	optional("division_rev", b.DivisionRev)
	w.String("id", string(b.ID))
	optional("name_en", b.NameEN)
	optional("name_zh", b.NameZH)
	if len(b.Roles) > 0 {
		writeRoles(w, b.Roles)
	}
	optional("superior", string(b.Superior))
	optional("uscc", b.USCC)
}

// Validate implements Body.
func (b *Membership) Validate() error {
	fail := func(path, detail string) error {
		return &Error{Code: CodeBody, Path: "body." + path, Detail: detail}
	}
	if b.Action != Admit && b.Action != Amend {
		if b.Division+b.DivisionRev+b.NameEN+b.NameZH+string(b.Superior)+b.USCC != "" || len(b.Roles)+len(b.Accounts) > 0 {
			return fail("action", b.Action+" states the id alone")
		}
		return nil
	}
	switch {
	case b.NameEN == "" || b.NameZH == "":
		return fail("name_zh", "a member has a Chinese and an English name")
	case len(b.Roles) == 0:
		return fail("roles", "a member has a role")
	case b.USCC == "":
		return fail("uscc", "a member has a unified social credit code")
	case (b.Division == "") != (b.DivisionRev == ""):
		return fail("division_rev", "goes with division")
	case slices.Contains(b.Roles, "regulator") && b.Division == "":
		return fail("division", "a regulator is that of a division")
	case b.Superior == b.ID:
		return fail("superior", "is the member itself")
	case b.Action == Amend && len(b.Accounts) > 0:
		return fail("accounts", "goes with admit")
	case b.Action == Amend:
		return nil
	}
	return validateCredentials(b.Accounts)
}

// The actions of gov.account.
const (
	Add        = "add"        // registers a key
	Rotate     = "rotate"     // registers a key and revokes another
	Revoke     = "revoke"     // the key signs no more
	Expire     = "expire"     // sets the last height at which it signs
	Compromise = "compromise" // revokes it and flags what it signed from a height on
)

var accountActions = []string{Add, Rotate, Revoke, Expire, Compromise}

// AccountChange is the body of gov.account: a change of the stating member's
// own keys.
//
//	account   hex     the account; absent with add
//	action    string  add | rotate | revoke | expire | compromise
//	from      int     with compromise: first height whose signatures are in doubt
//	new       object  with add and rotate: {key, roles, tag, type, valid_to}
//	valid_to  int     with expire: last height at which it signs
type AccountChange struct {
	Account AccountID // zero: absent
	Action  string
	From    int64       // 0: absent
	New     *Credential // nil: absent
	ValidTo int64       // 0: absent
}

func (b *AccountChange) read(r *Reader) {
	o := r.Object()
	if o.Has("account") {
		r.HexSome(b.Account[:])
	}
	o.Need("action")
	b.Action = r.Name(accountActions)
	if o.Has("from") {
		b.From = r.Int(1, MaxInt)
	}
	if o.Has("new") {
		c := readCredential(r)
		b.New = &c
	}
	if o.Has("valid_to") {
		b.ValidTo = r.Int(1, MaxInt)
	}
	o.End()
}

func (b *AccountChange) write(w *Writer) {
	if !b.Account.IsZero() {
		w.Hex("account", b.Account[:])
	}
	w.String("action", b.Action)
	if b.From != 0 {
		w.Int("from", b.From)
	}
	if b.New != nil {
		w.Member("new")
		b.New.write(w)
	}
	if b.ValidTo != 0 {
		w.Int("valid_to", b.ValidTo)
	}
}

// Validate implements Body.
func (b *AccountChange) Validate() error {
	fail := func(path, detail string) error {
		return &Error{Code: CodeBody, Path: "body." + path, Detail: detail}
	}
	switch {
	case (b.Action == Add) != b.Account.IsZero():
		return fail("account", "goes with every action but add")
	case (b.Action == Add || b.Action == Rotate) != (b.New != nil):
		return fail("new", "goes with add and rotate")
	case (b.Action == Compromise) != (b.From != 0):
		return fail("from", "goes with compromise")
	case (b.Action == Expire) != (b.ValidTo != 0):
		return fail("valid_to", "goes with expire")
	case b.New != nil:
		return b.New.validate("body.new")
	}
	return nil
}

// Freeze is the body of gov.freeze and gov.thaw, which another member than the
// account's proposes.
//
//	account  hex     the account
//	reason   string  compromised | misuse | court_order | resolved | mistake | other
type Freeze struct {
	Account AccountID
	Reason  string
}

var freezeReasons = []string{"compromised", "misuse", "court_order", "resolved", "mistake", "other"}

func (b *Freeze) read(r *Reader) {
	o := r.Object()
	o.Need("account")
	r.HexSome(b.Account[:])
	o.Need("reason")
	b.Reason = r.Name(freezeReasons)
	o.End()
}

func (b *Freeze) write(w *Writer) {
	w.Hex("account", b.Account[:])
	w.String("reason", b.Reason)
}

// Validate implements Body.
func (b *Freeze) Validate() error { return nil }

// Recover is the body of gov.recover: other members register new keys for one
// that has lost its own. Every key it had is revoked.
//
//	accounts  array   2 to 8 keys, two or more of them admins
//	id        string  the member
type Recover struct {
	Accounts []Credential
	ID       MemberID
}

func (b *Recover) read(r *Reader) {
	o := r.Object()
	o.Need("accounts")
	r.Array(MaxCredentials, func(int) { b.Accounts = append(b.Accounts, readCredential(r)) })
	o.Need("id")
	b.ID = MemberID(r.Slug(2, 32, '-'))
	o.End()
}

func (b *Recover) write(w *Writer) {
	w.Array("accounts", len(b.Accounts), func(i int) { b.Accounts[i].write(w) })
	w.String("id", string(b.ID))
}

// Validate implements Body.
func (b *Recover) Validate() error { return validateCredentials(b.Accounts) }

// PolicyChange is the body of gov.policy and gov.override. The expression of
// an override holds besides the kind's policy, so it can only ask for more; ""
// drops the member's override.
//
//	expr  string  see package policy; at most 4096 bytes
//	from  int     matters opened at this height or later
//	kind  string  a kind of statement
type PolicyChange struct {
	Expr string
	From int64
	Kind Kind
}

func (b *PolicyChange) read(r *Reader) {
	o := r.Object()
	o.Need("expr")
	b.Expr = r.String(MaxExpr)
	o.Need("from")
	b.From = r.Int(1, MaxInt)
	o.Need("kind")
	if b.Kind = Kind(r.plain()); newBody(b.Kind) == nil {
		r.Fail(CodeUnknownKind, clip(string(b.Kind)))
	}
	o.End()
}

func (b *PolicyChange) write(w *Writer) {
	w.String("expr", b.Expr)
	w.Int("from", b.From)
	w.String("kind", string(b.Kind))
}

// Validate implements Body.
func (b *PolicyChange) Validate() error { return nil }

// Params is the body of gov.params: the numbers of row.Params, all of them.
//
//	anchor_blocks   int  1 to 10 000 000
//	expires_blocks  int  1 to 10 000 000
//	future_millis   int  1000 to 3 600 000
//	pending_blocks  int  1 to 10 000 000
type Params struct {
	AnchorBlocks  int64
	ExpiresBlocks int64
	FutureMillis  int64
	PendingBlocks int64
}

func (b *Params) read(r *Reader) {
	o := r.Object()
	o.Need("anchor_blocks")
	b.AnchorBlocks = r.Int(1, MaxBlocks)
	o.Need("expires_blocks")
	b.ExpiresBlocks = r.Int(1, MaxBlocks)
	o.Need("future_millis")
	b.FutureMillis = r.Int(MinFuture, MaxFuture)
	o.Need("pending_blocks")
	b.PendingBlocks = r.Int(1, MaxBlocks)
	o.End()
}

func (b *Params) write(w *Writer) {
	w.Int("anchor_blocks", b.AnchorBlocks)
	w.Int("expires_blocks", b.ExpiresBlocks)
	w.Int("future_millis", b.FutureMillis)
	w.Int("pending_blocks", b.PendingBlocks)
}

// Validate implements Body.
func (b *Params) Validate() error { return nil }

// ValidatorChange is the body of gov.validator: the power that a validator is
// to have. An unknown key is a new validator; power 0 takes a known one out.
//
//	key     hex     Ed25519 public key
//	member  string  whose validator it is
//	power   int     0 to 1 000 000
type ValidatorChange struct {
	Key    ValidatorKey
	Member MemberID
	Power  int64
}

func (b *ValidatorChange) read(r *Reader) {
	o := r.Object()
	o.Need("key")
	r.Hex(b.Key[:])
	o.Need("member")
	b.Member = MemberID(r.Slug(2, 32, '-'))
	o.Need("power")
	b.Power = r.Int(0, MaxPower)
	o.End()
}

func (b *ValidatorChange) write(w *Writer) {
	w.Hex("key", b.Key[:])
	w.String("member", string(b.Member))
	w.Int("power", b.Power)
}

// Validate implements Body.
func (b *ValidatorChange) Validate() error { return nil }

// Ready is the body of gov.ready: the stating member's new validator has caught
// up with the chain and may be counted on.
//
//	key  hex  Ed25519 public key of an approved validator
type Ready struct{ Key ValidatorKey }

func (b *Ready) read(r *Reader) {
	o := r.Object()
	o.Need("key")
	r.Hex(b.Key[:])
	o.End()
}

func (b *Ready) write(w *Writer) { w.Hex("key", b.Key[:]) }

// Validate implements Body.
func (b *Ready) Validate() error { return nil }

// KeyRotation is the body of gov.rotate: one of the stating member's validators
// signs blocks with another key, at the same power.
//
//	key  hex  Ed25519 public key in use
//	new  hex  the key that replaces it
type KeyRotation struct{ Key, New ValidatorKey }

func (b *KeyRotation) read(r *Reader) {
	o := r.Object()
	o.Need("key")
	r.Hex(b.Key[:])
	o.Need("new")
	r.Hex(b.New[:])
	o.End()
}

func (b *KeyRotation) write(w *Writer) {
	w.Hex("key", b.Key[:])
	w.Hex("new", b.New[:])
}

// Validate implements Body.
func (b *KeyRotation) Validate() error {
	if b.Key == b.New {
		return &Error{Code: CodeBody, Path: "body.new", Detail: "is the key in use"}
	}
	return nil
}

// Upgrade is the body of gov.upgrade. A later one takes the place of an earlier
// one that has not come to pass; the version in force calls it off.
//
//	height   int     first block under the version
//	info     string  where to get the program, for people and cosmovisor; at most 1024 bytes
//	version  int     protocol version
type Upgrade struct {
	Height  int64
	Info    string
	Version int64
}

func (b *Upgrade) read(r *Reader) {
	o := r.Object()
	o.Need("height")
	b.Height = r.Int(1, MaxInt)
	o.Need("info")
	b.Info = r.String(MaxUpgradeInfo)
	o.Need("version")
	b.Version = r.Int(1, 1<<31)
	o.End()
}

func (b *Upgrade) write(w *Writer) {
	w.Int("height", b.Height)
	w.String("info", b.Info)
	w.Int("version", b.Version)
}

// Validate implements Body.
func (b *Upgrade) Validate() error { return nil }
