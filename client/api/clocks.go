package api

import (
	"encoding/json"
	"strconv"

	"zhenglian/app/tx"
)

// States of a clock.
const (
	ClockOpen    = "open" // in a query: running, paused or overdue
	ClockRunning = "running"
	ClockPaused  = "paused"
	ClockOverdue = "overdue" // its last day is over, and what was owed is still owed
	ClockStopped = "stopped"
)

// A Clock is a statutory deadline that a member has in a matter.
type Clock struct {
	Code     tx.ClockCode `json:"code" doc:"which deadline, as the rule set names it"`
	Member   tx.MemberID  `json:"member" doc:"who has to act"`
	Matter   tx.ID        `json:"matter" doc:"id of the statement that opened the matter"`
	Seq      uint64       `json:"seq" doc:"log entry of that statement"`
	State    string       `json:"state" enum:"running,paused,overdue,stopped"`
	Due      tx.Date      `json:"due" doc:"last day, which ends at 24:00 in Asia/Shanghai; while paused: as it was"`
	Ends     tx.Time      `json:"ends,omitzero" doc:"of a clock of hours: when its last minute is over; while paused: as it was"`
	Ground   string       `json:"ground,omitempty" doc:"on which it is paused"`
	From     tx.Date      `json:"from" doc:"day on which it was started or, last, resumed; it is not counted"`
	Count    int64        `json:"count" doc:"how many of unit, from that day on; while paused: how many are left"`
	Unit     string       `json:"unit" enum:"workdays,days,minutes,months,years" doc:"minutes: of a deadline in hours"`
	Extended bool         `json:"extended,omitempty" doc:"in this round"`
	RuleSet  uint32       `json:"ruleset" doc:"number of the rule set that applies"`
	Round    int64        `json:"round" doc:"how often it was started in this matter"`
	Breaches int64        `json:"breaches" doc:"how often it became overdue, in all rounds"`
	Began    int64        `json:"began" doc:"height of the statement that started it"`
	Late     int64        `json:"late,omitempty" doc:"height at which it was found overdue in this round"`
	Since    int64        `json:"since" doc:"height of the last change by a statement or a calendar"`
	AsOf     int64        `json:"as_of"`

	// Of what a consumer of a list owes: an acknowledgement of one notice. Count,
	// unit, ruleset and round say nothing then.
	List   string `json:"list,omitempty" doc:"of the notice that is to be acknowledged"`
	Notice uint64 `json:"notice,omitempty" doc:"its number"`
}

// A ListAckProof shows how far a consumer has acknowledged a list, and until
// when it should have acknowledged a notice. Both are of one block.
type ListAckProof struct {
	Consumer json.RawMessage `json:"consumer"` // StateProof of the Consumer row
	Notice   json.RawMessage `json:"notice"`   // StateProof of the Notice row
}

// ListAckProofURL is the path of such a proof.
func ListAckProofURL(l tx.List, number uint64, m tx.MemberID) string {
	return ListURL(l, "notices/"+strconv.FormatUint(number, 10)+"/acks/"+string(m)+"/proof")
}

// ClockQuery are the query parameters of GET /v1/clocks.
type ClockQuery struct {
	Member tx.MemberID // who has to act; "": anybody
	State  string      // ClockOpen or one of the states; "": any
	Matter tx.ID       // any statement of the matter; zero: of any matter
	Limit  int         // 0: DefaultLimit; at most MaxLimit
	Cursor string      // NextCursor of the page before, "" for the first
}

// A RuleSet is a set of deadlines as a law sets them, from a day on.
type RuleSet struct {
	Number    uint32     `json:"number"`
	Name      string     `json:"name"`
	Effective tx.Date    `json:"effective" doc:"first day in force"`
	Source    string     `json:"source"`
	SHA256    tx.Digest  `json:"source_sha256,omitzero"`
	Since     int64      `json:"since" doc:"height of the statement that made it; 0: genesis"`
	Deadlines []Deadline `json:"deadlines"`
}

// A Deadline says how long something may take.
type Deadline struct {
	Code      tx.ClockCode `json:"code"`
	Count     int64        `json:"count"`
	Unit      string       `json:"unit" enum:"workdays,days,hours,months,years,none" doc:"none: there is no such deadline any more"`
	Extend    int64        `json:"extend,omitempty" doc:"by how much it can be extended, once"`
	Pause     []string     `json:"pause,omitempty" doc:"grounds on which the time stands still"`
	Roll      bool         `json:"roll,omitempty" doc:"a last day that is not worked moves to the next that is"`
	Tentative bool         `json:"tentative,omitempty" doc:"to be confirmed by the consortium"`
	Basis     string       `json:"basis" doc:"the article that says so"`
	InForce   bool         `json:"in_force" doc:"a clock that started today would fall under it"`
}

// A Calendar says which days of a year are worked otherwise than Mondays to
// Fridays are.
type Calendar struct {
	Year     int64     `json:"year"`
	Holidays []tx.Date `json:"holidays" doc:"not worked"`
	Workdays []tx.Date `json:"workdays" doc:"Saturdays and Sundays that are worked"`
	Source   string    `json:"source"`
	SHA256   tx.Digest `json:"source_sha256,omitzero"`
	Since    int64     `json:"since" doc:"height of the statement that made it; 0: genesis"`
}

// ClockURL is the path of a clock.
func ClockURL(seq uint64, m tx.MemberID, code tx.ClockCode) string {
	return PathClocks + "/" + strconv.FormatUint(seq, 10) + "/" + string(m) + "/" + string(code)
}
