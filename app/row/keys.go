package row

import (
	"encoding/binary"

	"zhenglian/app/tx"
)

// The key table: the first byte of a key says what it holds.
//
//	key                                value    written
//	01                                 Params   at genesis
//	02 ‖ member id                     Member   at genesis
//	03 ‖ account id (20)               Account  at genesis
//	04 ‖ kind ‖ 00 ‖ version (4, BE)   Policy   at genesis; a version never changes
//	05 ‖ role                          Roll     when the number of members in the role changes
//	10 ‖ seq (8, BE)                   Matter   when anything but its own opening decided the matter
//	11 ‖ seq (8, BE)                   Tally    when a statement waits for signatures or is endorsed later
//	12 ‖ height (8, BE) ‖ seq (8, BE)  "{}"     while the statement seq waits, due at height
//	13 ‖ seq (8, BE)                   Link     when a statement continues a matter
//
// Matters and tallies are keyed by sequence number, so that keys are ordered
// in time and IAVL appends at its right edge.
const (
	prefixParams   = 0x01
	prefixMember   = 0x02
	prefixAccount  = 0x03
	prefixPolicy   = 0x04
	prefixRoll     = 0x05
	prefixMatter   = 0x10
	prefixTally    = 0x11
	prefixDeadline = 0x12
	prefixLink     = 0x13
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

// Ranges for reading a whole table in order of key.
func MemberRange() (start, end []byte)  { return []byte{prefixMember}, []byte{prefixMember + 1} }
func AccountRange() (start, end []byte) { return []byte{prefixAccount}, []byte{prefixAccount + 1} }
func PolicyRange() (start, end []byte)  { return []byte{prefixPolicy}, []byte{prefixPolicy + 1} }
func RollRange() (start, end []byte)    { return []byte{prefixRoll}, []byte{prefixRoll + 1} }

func seqKey(prefix byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefix}, seq)
}
