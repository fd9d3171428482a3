package row

import (
	"encoding/binary"

	"zhenglian/app/tx"
)

// The key table: the first byte of a key says what it holds.
//
//	key                                value    written
//	01                                 Params   at genesis, by gov.params and gov.upgrade
//	02 ‖ member id                     Member   at genesis, by gov.member
//	03 ‖ account id (20)               Account  at genesis, by gov.account, gov.freeze, gov.thaw, gov.member, gov.recover; never deleted
//	04 ‖ kind ‖ 00 ‖ version (4, BE)   Policy   at genesis, by gov.policy; a version never changes
//	05 ‖ role                          Roll     when the number of members in the role changes
//	06 ‖ member ‖ 00 ‖ kind ‖ 00 ‖ version (4, BE)
//	                                   Policy   by gov.override: what the member asks of itself besides; a version never changes
//	07 ‖ validator key (32)            Validator  at genesis, by gov.validator, gov.ready, gov.rotate, at the end of blocks
//	08                                 Step     when the validator set was last changed
//	09                                 Upgrade  while one is due, by gov.upgrade
//	10 ‖ seq (8, BE)                   Matter   when anything but its own opening decided the matter
//	11 ‖ seq (8, BE)                   Tally    when a statement waits for signatures or is endorsed later
//	12 ‖ height (8, BE) ‖ seq (8, BE)  "{}"     while the statement seq waits, due at height
//	13 ‖ seq (8, BE)                   Link     when a statement continues a matter
//	14 ‖ number (4, BE)                RuleSet  at genesis, by gov.ruleset; never changes
//	15 ‖ year (2, BE)                  Calendar  at genesis, by gov.calendar
//	16 ‖ member ‖ 00 ‖ seq (8, BE) ‖ code
//	                                   Clock    while the clock runs, is paused or is overdue: what the member owes in the matter that entry seq opened
//	17 ‖ member ‖ 00 ‖ seq (8, BE) ‖ code
//	                                   Clock    when it was stopped
//	18 ‖ day (4, BE) ‖ member ‖ 00 ‖ slot (4, BE)
//	                                   Due      running clocks of the member with that last day, 64 a row
//	19 ‖ day (4, BE) ‖ member ‖ 00     DueCount  how many were put there
//	1a ‖ member ‖ 00 ‖ day (4, BE) ‖ slot (4, BE)
//	                                   Breach   what was Due when the day was over: clocks that are overdue
//	20 ‖ list ‖ tag (32)               Subject  while an entry about the subject is in force; see list.go
//	21 ‖ list ‖ seq (8, BE)            ListEntry  when a proposed entry takes effect; never deleted
//	22 ‖ list ‖ version (4, BE)        ListRule  at genesis, by gov.list; a version never changes
//	23 ‖ list                          List     with the list's first notice
//	24 ‖ list ‖ number (8, BE)         Notice   when an entry comes into force or ends; never deleted
//	25 ‖ list ‖ member id              Consumer by list.consumer, list.ack
//	26 ‖ day (4, BE) ‖ seq (8, BE)     "{}"     while entry seq is in force or stayed, or hint seq active or contested, and ends on day
//	27                                 Routing  while routing hints are on, by gov.routing
//	28 ‖ tag (32)                      RoutingTag  while a hint about the tag is in force
//	29 ‖ list                          Epochs   by gov.epoch
//	2a ‖ list ‖ number (4, BE)         Epoch    by gov.epoch; never deleted
//	2b ‖ list ‖ number (4, BE) ‖ account (20)
//	                                   EpochCopy  when the account was handed a copy of the epoch's key
//	30 ‖ unit (10)                     Unit     when a unit comes into being or changes
//	31 ‖ unit code                     Named    when a unit comes into being; never deleted
//	32 ‖ product code                  Product  by trace.product
//	33 ‖ parent (10) ‖ child (10)      "{}"     while the child is in the parent
//	34 ‖ unit (10) ‖ seq (8, BE)       Use      when transformation seq used some of the unit
//	35 ‖ origin ‖ 00 ‖ product code ‖ 00 ‖ season
//	                                   Harvest  by trace.harvest, trace.register
//	36 ‖ seq (8, BE)                   Recall   of the recall that entry seq opened
//	37 ‖ recall (8, BE) ‖ unit (10)    Scoped   when the unit came into the recall's scope
//	38 ‖ recall (8, BE) ‖ n (8, BE)    Queued   while the scope is frozen and what comes after the n-th unit is not known
//	39 ‖ recall (8, BE) ‖ member       Holder   of units that are recalled
//	3a ‖ recall (8, BE)                "{}"     while the scope is frozen
//	40 ‖ seq (8, BE)                   Inspection  of the inspection that entry seq opened, once there is a sample
//	41 ‖ unit (10) ‖ inspection (8, BE)
//	                                   "{}"     when a sample of the unit was taken; never deleted
//	42 ‖ inspection (8, BE) ‖ member   Order    while an order to the platform is open
//
// A unit is seq ‖ index: the entry that made it (8, BE) and its place there (2, BE).
// Matters, tallies and units are keyed by sequence number, so that keys are ordered
// in time and IAVL appends at its right edge.
const (
	prefixParams    = 0x01
	prefixMember    = 0x02
	prefixAccount   = 0x03
	prefixPolicy    = 0x04
	prefixRoll      = 0x05
	prefixOverride  = 0x06
	prefixValidator = 0x07
	prefixStep      = 0x08
	prefixUpgrade   = 0x09
	prefixMatter    = 0x10
	prefixTally     = 0x11
	prefixDeadline  = 0x12
	prefixLink      = 0x13
	prefixRuleSet   = 0x14
	prefixCalendar  = 0x15
	prefixClock     = 0x16
	prefixStopped   = 0x17
	prefixDue       = 0x18
	prefixDueCount  = 0x19
	prefixBreach    = 0x1a
	prefixSubject   = 0x20
	prefixListEntry = 0x21
	prefixListRule  = 0x22
	prefixList      = 0x23
	prefixNotice    = 0x24
	prefixConsumer  = 0x25
	prefixListEnd   = 0x26
	prefixRouting   = 0x27

	prefixRoutingTag = 0x28
	prefixEpochs     = 0x29
	prefixEpoch      = 0x2a
	prefixEpochCopy  = 0x2b

	prefixUnit    = 0x30
	prefixNamed   = 0x31
	prefixProduct = 0x32
	prefixInside  = 0x33
	prefixUse     = 0x34
	prefixHarvest = 0x35
	prefixRecall  = 0x36
	prefixScope   = 0x37
	prefixQueue   = 0x38
	prefixHolder  = 0x39
	prefixScoping = 0x3a

	prefixInspection = 0x40
	prefixSampled    = 0x41
	prefixOrder      = 0x42
)

// ParamsKey is the key of the chain's parameters.
func ParamsKey() []byte { return []byte{prefixParams} }

// MemberKey is the key of a member.
func MemberKey(m tx.MemberID) []byte { return append([]byte{prefixMember}, m...) }

// AccountKey is the key of an account.
func AccountKey(a tx.AccountID) []byte { return append([]byte{prefixAccount}, a[:]...) }

// PolicyKey is the key of one version of a kind's policy, counted from 1.
func PolicyKey(k tx.Kind, version uint32) []byte {
	b := append([]byte{prefixPolicy}, k...)
	return binary.BigEndian.AppendUint32(append(b, 0), version)
}

// RollKey is the key of the number of members in a role.
func RollKey(role string) []byte { return append([]byte{prefixRoll}, role...) }

// OverrideKey is the key of one version of what a member asks of itself
// besides a kind's policy, counted from 1.
func OverrideKey(m tx.MemberID, k tx.Kind, version uint32) []byte {
	b := append(append([]byte{prefixOverride}, m...), 0)
	return binary.BigEndian.AppendUint32(append(append(b, k...), 0), version)
}

// ValidatorKey is the key of a validator.
func ValidatorKey(k tx.ValidatorKey) []byte { return append([]byte{prefixValidator}, k[:]...) }

// StepKey is the key of the last change of the validator set.
func StepKey() []byte { return []byte{prefixStep} }

// UpgradeKey is the key of the upgrade that is due.
func UpgradeKey() []byte { return []byte{prefixUpgrade} }

// MatterKey is the key of the matter that the log entry seq opened.
func MatterKey(seq uint64) []byte { return seqKey(prefixMatter, seq) }

// TallyKey is the key of the signatures gathered by the log entry seq.
func TallyKey(seq uint64) []byte { return seqKey(prefixTally, seq) }

// LinkKey is the key that leads from the continuing statement seq to its matter.
func LinkKey(seq uint64) []byte { return seqKey(prefixLink, seq) }

// DeadlineKey is the key that makes the waiting statement seq due at height.
func DeadlineKey(height int64, seq uint64) []byte {
	b := binary.BigEndian.AppendUint64([]byte{prefixDeadline}, uint64(height))
	return binary.BigEndian.AppendUint64(b, seq)
}

// DeadlineRange spans the deadlines due at height or earlier.
func DeadlineRange(height int64) (start, end []byte) {
	return []byte{prefixDeadline}, binary.BigEndian.AppendUint64([]byte{prefixDeadline}, uint64(height)+1)
}

// DeadlineSeq returns the statement of a deadline key.
func DeadlineSeq(key []byte) uint64 { return binary.BigEndian.Uint64(key[9:]) }

// A Table is the part of the directory that a row belongs to: parameters,
// members, accounts, policies and so on, which every statement may need.
type Table byte

// The tables of the directory.
const (
	ParamsTable    Table = prefixParams
	MemberTable    Table = prefixMember
	AccountTable   Table = prefixAccount
	PolicyTable    Table = prefixPolicy
	RollTable      Table = prefixRoll
	OverrideTable  Table = prefixOverride
	ValidatorTable Table = prefixValidator
	StepTable      Table = prefixStep
	UpgradeTable   Table = prefixUpgrade
	RuleSetTable   Table = prefixRuleSet
	CalendarTable  Table = prefixCalendar
)

// TableOf returns the directory's table of a key; ok is false for a key of
// matters.
func TableOf(key []byte) (t Table, ok bool) {
	return Table(key[0]), key[0] < prefixMatter || key[0] == prefixRuleSet || key[0] == prefixCalendar
}

// DirectoryRanges span the whole directory: from the first key of each to before
// the second.
func DirectoryRanges() [][2][]byte {
	return [][2][]byte{{{prefixParams}, {prefixMatter}}, {{prefixRuleSet}, {prefixClock}}}
}

// Ranges for reading a whole table in order of key.
func MemberRange() (start, end []byte) { return []byte{prefixMember}, []byte{prefixMember + 1} }
func PolicyRange() (start, end []byte) { return []byte{prefixPolicy}, []byte{prefixPolicy + 1} }

// RuleSetKey is the key of a rule set, numbered from 1.
func RuleSetKey(number uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{prefixRuleSet}, number)
}

// CalendarKey is the key of a year's calendar.
func CalendarKey(year int64) []byte {
	return binary.BigEndian.AppendUint16([]byte{prefixCalendar}, uint16(year))
}

func seqKey(prefix byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefix}, seq)
}
