package genesis

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmttypes "github.com/cometbft/cometbft/types"

	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"

	"zhenglian/app/policy"
	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// Founding without trusting one of the founders:
//
//	terms   what all agree on: chain, start, who founds in which roles and with
//	        which power, parameters, policies. A file that anybody writes and all read.
//	part    what one founder says of itself: its names, its keys, its validator.
//	        It names the terms by their digest, and every key in it signs it, so
//	        that nobody registers a key that is not there.
//	genesis Assemble(terms, parts): no choice is left to who assembles. All
//	        founders do it and compare the SHA-256 of the file.

// Terms are what the founders agree on before each makes its part.
type Terms struct {
	V        int       `json:"v"` // 1
	Chain    string    `json:"chain"`
	Start    tx.Time   `json:"start"`    // genesis time
	Founders []Founder `json:"founders"` // ascending by member

	// State is the app_state without what the parts bring: members, accounts and
	// validators are empty.
	State State `json:"state"`
}

// A Founder is a member of the network from its first block on.
type Founder struct {
	Member tx.MemberID `json:"member"`
	Roles  []string    `json:"roles"`           // ascending; see row.MemberRoles
	Power  int64       `json:"power,omitempty"` // of its validator; 0: it runs none
}

// A Part is what one founder says of itself.
type Part struct {
	V         int              `json:"v"`     // 1
	Terms     tx.Digest        `json:"terms"` // Digest of the terms
	Member    Member           `json:"member"`
	Accounts  []Account        `json:"accounts"`            // ascending by id; two or more in the role admin
	Validator *tx.ValidatorKey `json:"validator,omitempty"` // with a power in the terms, and only then
	Peer      string           `json:"peer,omitempty"`      // nodeid@host:port of its node
}

// PartType is the DSSE payload type of a part: no signature of a part is ever
// one of a statement, or of a block.
const PartType = "application/vnd.zhenglian.founding-part.v1+json"

// maxFounding bounds a terms or a part file, in bytes.
const maxFounding = 4 << 20

// maxFounderKeys is how many accounts a founder brings at most; others come by
// gov.account.
const maxFounderKeys = 64

// A SignedPart is a part with the signatures of its keys: a DSSE envelope. The
// keyid is the account id (40 hex digits) or the validator's key (64).
type SignedPart struct {
	Part    Part
	payload []byte
	sigs    []partSignature
}

type partSignature struct {
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

type partJSON struct {
	Payload     []byte          `json:"payload"`
	PayloadType string          `json:"payloadType"`
	Signatures  []partSignature `json:"signatures"`
}

func refuse(c tx.Code, format string, a ...any) error {
	return &tx.Error{Code: c, Detail: fmt.Sprintf(format, a...)}
}

// strictly reads one JSON value without unknown or repeated members.
func strictly(b []byte, v any) error {
	if len(b) > maxFounding {
		return refuse(tx.CodeFounding, "%d bytes; the limit is %d", len(b), maxFounding)
	}
	if err := noDuplicates(json.NewDecoder(bytes.NewReader(b))); err != nil {
		return refuse(tx.CodeFounding, "%v", err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return refuse(tx.CodeFounding, "%v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return refuse(tx.CodeFounding, "data after the object")
	}
	return nil
}

// ParseTerms reads a terms file strictly; white space is free.
func ParseTerms(b []byte) (*Terms, error) {
	t := new(Terms)
	if err := strictly(b, t); err != nil {
		return nil, fmt.Errorf("terms: %w", err)
	}
	if err := t.Validate(); err != nil {
		return nil, fmt.Errorf("terms: %w", err)
	}
	return t, nil
}

// Validate checks everything that does not depend on the parts.
func (t *Terms) Validate() error {
	switch {
	case t.V != 1:
		return refuse(tx.CodeFounding, "version %d; this program reads 1", t.V)
	case !tx.ValidChain(t.Chain):
		return refuse(tx.CodeFounding, "%q is no chain id", t.Chain)
	case t.Start <= 0:
		return refuse(tx.CodeFounding, "start %s", t.Start)
	case len(t.Founders) == 0:
		return refuse(tx.CodeFounder, "there is none")
	case len(t.State.Members)+len(t.State.Accounts)+len(t.State.Validators) > 0:
		return refuse(tx.CodeFounding, "members, accounts and validators come with the parts")
	}
	power := int64(0)
	for i, f := range t.Founders {
		switch {
		case !f.Member.Valid():
			return refuse(tx.CodeFounder, "%q is no member id", f.Member)
		case i > 0 && t.Founders[i-1].Member >= f.Member:
			return refuse(tx.CodeFounder, "%s: out of order, or twice", f.Member)
		case f.Power < 0 || f.Power > tx.MaxPower:
			return refuse(tx.CodeFounder, "%s: power %d; want 0 to %d", f.Member, f.Power, int64(tx.MaxPower))
		}
		if err := checkRoles(f.Roles, row.MemberRoles); err != nil {
			return refuse(tx.CodeFounder, "%s: %v", f.Member, err)
		}
		power += f.Power
	}
	if power == 0 {
		return refuse(tx.CodeFounder, "nobody has a validator")
	}
	if err := t.State.Validate(); err != nil {
		return refuse(tx.CodeFounding, "state: %v", err)
	}
	return nil
}

// Notes says what is allowed and worth knowing before one agrees: who could stop
// the chain alone, a total power that leaves no room for changes, and where the
// terms are not what a new network has by default.
func (t *Terms) Notes() (notes []string) {
	total := int64(0)
	for _, f := range t.Founders {
		total += f.Power
	}
	for _, f := range t.Founders {
		if 3*f.Power >= total {
			notes = append(notes, fmt.Sprintf("%s holds %d of %d votes, a third or more: the chain stands still whenever it is away", f.Member, f.Power, total))
		}
	}
	if total <= 3 {
		notes = append(notes, fmt.Sprintf("a total power of %d never changes: no step is less than a third of it; give each validator 10", total))
	}
	if t.State.Params != DefaultParams() {
		notes = append(notes, fmt.Sprintf("parameters are not the default: %+v", t.State.Params))
	}
	usual := make(map[tx.Kind]string)
	for _, p := range DefaultPolicies() {
		usual[p.Kind] = p.Expr
	}
	for _, p := range t.State.Policies {
		if usual[p.Kind] != p.Expr {
			notes = append(notes, fmt.Sprintf("policy of %s is not the default: %s", p.Kind, p.Expr))
		}
	}
	return notes
}

// Encode returns the terms file, indented for people.
func (t *Terms) Encode() []byte { return indented(t.canonical()) }

// canonical is what the digest is over: the file without white space, members
// in the order of Terms.
func (t *Terms) canonical() []byte {
	c := *t
	c.State.Members, c.State.Accounts, c.State.Validators = []Member{}, []Account{}, nil
	b, _ := json.Marshal(&c) // of strings and numbers alone
	return b
}

// Digest is the SHA-256 by which parts name the terms.
func (t *Terms) Digest() tx.Digest { return sha256.Sum256(t.canonical()) }

func (t *Terms) founder(m tx.MemberID) *Founder {
	for i := range t.Founders {
		if t.Founders[i].Member == m {
			return &t.Founders[i]
		}
	}
	return nil
}

func indented(b []byte) []byte {
	var out bytes.Buffer
	_ = json.Indent(&out, b, "", "  ") // b is what encoding/json wrote
	out.WriteByte('\n')
	return out.Bytes()
}

// NewPart checks a part against the terms and returns it without signatures.
func NewPart(t *Terms, p Part) (*SignedPart, error) {
	slices.SortFunc(p.Accounts, func(a, b Account) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	p.V, p.Terms = 1, t.Digest()
	if err := p.check(t); err != nil {
		return nil, fmt.Errorf("part of %s: %w", p.Member.ID, err)
	}
	b, err := json.Marshal(&p)
	return &SignedPart{Part: p, payload: b}, err
}

// ParsePart reads a part file. The payload must be exactly what NewPart makes
// of it. Signatures are checked by Verify.
func ParsePart(b []byte) (*SignedPart, error) {
	var j partJSON
	if err := strictly(b, &j); err != nil {
		return nil, fmt.Errorf("part: %w", err)
	}
	if j.PayloadType != PartType {
		return nil, fmt.Errorf("part: %w", refuse(tx.CodePayloadType, "%q", j.PayloadType))
	}
	s := &SignedPart{payload: j.Payload, sigs: j.Signatures}
	if err := strictly(j.Payload, &s.Part); err != nil {
		return nil, fmt.Errorf("part: %w", err)
	}
	if again, err := json.Marshal(&s.Part); err != nil || !bytes.Equal(again, j.Payload) {
		return nil, fmt.Errorf("part: %w", refuse(tx.CodeCanonical, "the payload is not in its one form"))
	}
	if !slices.IsSortedFunc(j.Signatures, func(a, b partSignature) int { return cmp.Or(strings.Compare(a.KeyID, b.KeyID), -1) }) {
		return nil, fmt.Errorf("part: %w", refuse(tx.CodeSigOrder, ""))
	}
	return s, nil
}

// Encode returns the part file.
func (s *SignedPart) Encode() []byte {
	b, _ := json.Marshal(partJSON{s.payload, PartType, s.sigs})
	return indented(b)
}

// Digest is the SHA-256 of what is signed.
func (s *SignedPart) Digest() tx.Digest { return sha256.Sum256(s.payload) }

// Message is what a validator's key signs.
func (s *SignedPart) Message() []byte { return tx.PAEAs(PartType, s.payload) }

// A Signer signs for an account what is no statement. tx.PrivateKey is one.
type Signer interface {
	Public() tx.PublicKey
	SignAs(payloadType string, payload []byte) ([]byte, error)
}

// Sign adds the signature of an account of the part.
func (s *SignedPart) Sign(k Signer) error {
	id := k.Public().Account()
	if !slices.ContainsFunc(s.Part.Accounts, func(a Account) bool { return a.ID == id }) {
		return refuse(tx.CodeNoAccount, "%s is no account of this part", id)
	}
	sig, err := k.SignAs(PartType, s.payload)
	if err == nil {
		s.add(id.String(), sig)
	}
	return err
}

// Prove adds the signature of the validator's key over Message.
func (s *SignedPart) Prove(sig []byte) error {
	if s.Part.Validator == nil || !ed25519.Verify(s.Part.Validator[:], s.Message(), sig) {
		return refuse(tx.CodeUnsigned, "not the signature of the part's validator")
	}
	s.add(s.Part.Validator.String(), sig)
	return nil
}

func (s *SignedPart) add(keyid string, sig []byte) {
	i, found := slices.BinarySearchFunc(s.sigs, keyid, func(p partSignature, id string) int { return strings.Compare(p.KeyID, id) })
	if !found {
		s.sigs = slices.Insert(s.sigs, i, partSignature{})
	}
	s.sigs[i] = partSignature{keyid, sig}
}

// Missing lists the keys of the part that have not signed it.
func (s *SignedPart) Missing() (keyids []string) {
	for _, id := range s.Part.keyids() {
		if !slices.ContainsFunc(s.sigs, func(p partSignature) bool { return p.KeyID == id }) {
			keyids = append(keyids, id)
		}
	}
	return keyids
}

func (p *Part) keyids() (ids []string) {
	for _, a := range p.Accounts {
		ids = append(ids, a.ID.String())
	}
	if p.Validator != nil {
		ids = append(ids, p.Validator.String())
	}
	return ids
}

// Verify checks the part against the terms, and that every key of it signed it
// and nobody else.
func (s *SignedPart) Verify(t *Terms) error {
	if err := s.verify(t); err != nil {
		return fmt.Errorf("part of %s: %w", s.Part.Member.ID, err)
	}
	return nil
}

func (s *SignedPart) verify(t *Terms) error {
	if err := s.Part.check(t); err != nil {
		return err
	}
	if m := s.Missing(); len(m) > 0 {
		return refuse(tx.CodeUnsigned, "%s", strings.Join(m, ", "))
	}
	if len(s.sigs) != len(s.Part.keyids()) {
		return refuse(tx.CodeUnsigned, "signed by a key that it does not name")
	}
	sig := make(map[string][]byte, len(s.sigs))
	for _, p := range s.sigs {
		sig[p.KeyID] = p.Sig
	}
	for i := range s.Part.Accounts {
		a := &s.Part.Accounts[i]
		r, err := a.row()
		if err != nil {
			return err
		}
		v, err := r.PublicKey().Verifier()
		if err == nil {
			err = v.VerifyAs(PartType, s.payload, sig[a.ID.String()])
		}
		if err != nil {
			return fmt.Errorf("account %s: %w", a.ID, err)
		}
	}
	if k := s.Part.Validator; k != nil && !ed25519.Verify(k[:], s.Message(), sig[k.String()]) {
		return fmt.Errorf("validator %s: %w", k, refuse(tx.CodeSignature, ""))
	}
	return nil
}

// check checks what the part says against the terms. What spans several parts
// is for Assemble.
func (p *Part) check(t *Terms) error {
	f := t.founder(p.Member.ID)
	switch {
	case p.V != 1:
		return refuse(tx.CodeFounding, "version %d; this program reads 1", p.V)
	case p.Terms != t.Digest():
		return refuse(tx.CodeTerms, "it names %s, these are %s", p.Terms, t.Digest())
	case f == nil:
		return refuse(tx.CodeFounder, "the terms do not name it")
	case !slices.Equal(p.Member.Roles, f.Roles):
		return refuse(tx.CodeFounder, "its roles are %q, in the terms %q", p.Member.Roles, f.Roles)
	case (p.Validator != nil) != (f.Power > 0):
		return refuse(tx.CodeFounder, "the terms give its validator the power %d", f.Power)
	case len(p.Accounts) > maxFounderKeys:
		return refuse(tx.CodeFull, "%d accounts; at most %d", len(p.Accounts), maxFounderKeys)
	case len(p.Peer) > 300 || strings.ContainsFunc(p.Peer, func(r rune) bool { return r <= ' ' || r > '~' }):
		return refuse(tx.CodeFounding, "peer %q", p.Peer)
	}
	admins := 0
	for i, a := range p.Accounts {
		switch {
		case a.Member != p.Member.ID:
			return refuse(tx.CodeNotParty, "account %s is of %s", a.ID, a.Member)
		case i > 0 && bytes.Compare(p.Accounts[i-1].ID[:], a.ID[:]) >= 0:
			return refuse(tx.CodeFounding, "account %s: out of order, or twice", a.ID)
		}
		if slices.Contains(a.Roles, tx.Admin) {
			admins++
		}
	}
	if admins < 2 {
		return refuse(tx.CodeFounder, "%d accounts in the role admin; two of them change its keys", admins)
	}
	return nil
}

// Assemble returns the genesis file of the terms and the parts of all founders,
// in whatever order the parts come. Equal input gives equal bytes.
func Assemble(t *Terms, parts []*SignedPart) ([]byte, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	s := t.State
	s.Policies = slices.Clone(s.Policies)
	var vals []cmttypes.GenesisValidator
	have := make(map[tx.MemberID]bool)
	for _, p := range slices.SortedFunc(slices.Values(parts), func(a, b *SignedPart) int { return strings.Compare(string(a.Part.Member.ID), string(b.Part.Member.ID)) }) {
		if err := p.Verify(t); err != nil {
			return nil, err
		}
		m := p.Part.Member
		if have[m.ID] {
			return nil, refuse(tx.CodeFounder, "two parts of %s", m.ID)
		}
		have[m.ID] = true
		s.Members = append(s.Members, m)
		s.Accounts = append(s.Accounts, p.Part.Accounts...)
		if k := p.Part.Validator; k != nil {
			s.Validators = append(s.Validators, Validator{*k, m.ID})
			vals = append(vals, cmttypes.GenesisValidator{PubKey: cmted25519.PubKey(k[:]), Power: t.founder(m.ID).Power, Name: string(m.ID)})
		}
	}
	for _, f := range t.Founders {
		if !have[f.Member] {
			return nil, refuse(tx.CodeFounder, "the part of %s is missing", f.Member)
		}
	}
	s.Sort()
	if err := s.Validate(); err != nil {
		return nil, refuse(tx.CodeFounding, "%v", err)
	}
	if err := s.governable(); err != nil {
		return nil, err
	}
	doc, err := Doc(t.Chain, t.Start.Time(), vals, &s)
	if err != nil {
		return nil, refuse(tx.CodeFounding, "%v", err)
	}
	return cmtjson.MarshalIndent(doc, "", "  ")
}

// governable checks that the admins of all members together satisfy the policy
// of every kind of governance, whoever of them states it.
func (s *State) governable() error {
	var admins []policy.Vote
	roles := make(map[tx.MemberID]Member)
	for _, m := range s.Members {
		roles[m.ID] = m
	}
	for _, a := range s.Accounts {
		if slices.Contains(a.Roles, tx.Admin) {
			admins = append(admins, policy.Vote{Account: a.ID, AccountRoles: a.Roles, Member: a.Member, MemberRoles: roles[a.Member].Roles})
		}
	}
	roll := func(role string) (n int) {
		for _, m := range s.Members {
			if slices.Contains(m.Roles, role) {
				n++
			}
		}
		return n
	}
	for _, p := range s.Policies {
		e, err := policy.Parse(p.Expr)
		if err != nil {
			return err
		}
		targets := s.Members[:1]
		if e.Speaks("target") || e.Speaks("platform(subject)") {
			targets = s.Members
		}
		holds := func(m, t Member) bool {
			c := &policy.Case{Votes: admins, Issuer: m.ID, Origin: m.ID, Superior: m.Superior, Target: t.ID, Roll: roll}
			if slices.Contains(t.Roles, "platform") {
				c.Platform = t.ID
			}
			return e.Holds(c)
		}
		if p.Kind.Family() == "gov" && !slices.ContainsFunc(s.Members, func(m Member) bool {
			return slices.ContainsFunc(targets, func(t Member) bool { return holds(m, t) })
		}) {
			return refuse(tx.CodeUngovernable, "%s asks %s", p.Kind, p.Expr)
		}
	}
	return nil
}

// Fingerprint is a SHA-256 as people read it to each other: sixteen groups of
// four hex digits.
func Fingerprint(d [32]byte) string {
	h := hex.EncodeToString(d[:])
	var groups []string
	for i := 0; i < len(h); i += 4 {
		groups = append(groups, h[i:i+4])
	}
	return strings.Join(groups, " ")
}
