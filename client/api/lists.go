package api

import (
	"encoding/json"
	"strconv"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// Paths of lists.
const (
	PathLists       = "/v1/lists"
	PathListSubject = "/v1/lists/{list}/subjects/{tag}"
	PathListHistory = "/v1/lists/{list}/subjects/{tag}/history"
	PathListEntries = "/v1/lists/{list}/entries"
	PathListNotices = "/v1/lists/{list}/notices"
	PathListAcks    = "/v1/lists/{list}/acks"
	PathRouting     = "/v1/routing/{tag}"
)

// ListURL is the path of something of a list, such as entries.
func ListURL(l tx.List, what string) string { return PathLists + "/" + l.String() + "/" + what }

// SubjectURL is the path of what is in force about a tag.
func SubjectURL(l tx.List, tag tx.Digest) string { return ListURL(l, "subjects/"+tag.String()) }

// RoutingURL is the path of a routing hint, looked up by a statement.
func RoutingURL(tag tx.Digest) string { return "/v1/routing/" + tag.String() }

// A ListInfo is a list with its rule.
type ListInfo struct {
	List      tx.List  `json:"list"`
	NameZH    string   `json:"name_zh"`
	Statutory bool     `json:"statutory" doc:"it has a basis in law; the others may not be presented as if they had"`
	DecidedBy tx.Kind  `json:"decided_by"`
	Entries   int64    `json:"entries" doc:"in force"`
	Notices   uint64   `json:"notices" doc:"number of the newest notice"`
	Consent   bool     `json:"consent" doc:"the superior must consent before the decision"`
	Laws      []string `json:"laws" doc:"that an entry may rest on"`
	Terms     []Term   `json:"terms"`
	Reasons   []string `json:"reasons"`
	Measures  []string `json:"measures"`
	Rule      uint32   `json:"rule" doc:"version of the rule, for what is proposed now"`
}

// A Term bounds how long an entry is in force.
type Term struct {
	Severity string `json:"severity"`
	Min      int64  `json:"min_months" doc:"before which repair cannot be applied for"`
	Max      int64  `json:"max_months"`
}

// A Subject is what was in force about a tag after a block, with its proof.
type Subject struct {
	List      tx.List         `json:"list"`
	Statutory bool            `json:"statutory"`
	Tag       tx.Digest       `json:"tag"`
	Found     bool            `json:"found" doc:"an entry is in force"`
	Height    int64           `json:"height" doc:"after this block"`
	BlockTime tx.Time         `json:"block_time" doc:"of that block itself"`
	InForce   []InForce       `json:"in_force"`
	Proof     json.RawMessage `json:"proof" doc:"StateProof of presence or absence; verify it offline"`
}

// InForce is an entry that is in force.
type InForce struct {
	ID    tx.ID     `json:"id" doc:"of the list.propose"`
	Seq   uint64    `json:"seq"`
	State row.State `json:"state"`
	From  tx.Date   `json:"from"`
	Until tx.Date   `json:"until" doc:"first day on which it is no longer in force"`
}

// A ListEntry is an entry of a list.
type ListEntry struct {
	ID         tx.ID       `json:"id" doc:"of the list.propose"`
	Seq        uint64      `json:"seq"`
	Height     int64       `json:"height" doc:"at which it was proposed"`
	List       tx.List     `json:"list"`
	Statutory  bool        `json:"statutory"`
	Member     tx.MemberID `json:"member" doc:"who proposed it"`
	Tag        tx.Digest   `json:"tag"`
	Epoch      int64       `json:"epoch" doc:"of the key that made the tag"`
	USCC       string      `json:"uscc,omitempty" doc:"public beside the tag where the law publishes the list"`
	State      row.State   `json:"state"`
	Since      int64       `json:"since" doc:"height of the state"`
	InForce    bool        `json:"in_force"`
	Head       tx.ID       `json:"head" doc:"prev of what continues it"`
	Law        string      `json:"law"`
	Reason     string      `json:"reason"`
	Severity   string      `json:"severity"`
	Measures   []string    `json:"measures"`
	Basis      string      `json:"basis_sha256,omitempty"`
	Evidence   []tx.ID     `json:"evidence,omitempty"`
	RespondBy  string      `json:"respond_by,omitempty"`
	From       string      `json:"from,omitempty"`
	RepairFrom string      `json:"repair_from,omitempty"`
	Until      string      `json:"until,omitempty"`
}

// ListEntryQuery are the query parameters of GET /v1/lists/{list}/entries.
type ListEntryQuery struct {
	State  row.State // "": any
	Limit  int
	Cursor string
}

// A ListNotice says that an entry came into force or ended, and who must still
// act on it.
type ListNotice struct {
	Number    uint64        `json:"number"`
	Action    string        `json:"action" enum:"apply,lift"`
	Entry     tx.ID         `json:"entry" doc:"of the list.propose"`
	Seq       uint64        `json:"seq"`
	State     row.State     `json:"state"`
	Tag       tx.Digest     `json:"tag"`
	Height    int64         `json:"height"`
	BlockTime tx.Time       `json:"block_time"`
	Due       string        `json:"due,omitempty" doc:"last day to acknowledge in time"`
	Open      []tx.MemberID `json:"open" doc:"consumers that have not acknowledged it"`
	Overdue   []tx.MemberID `json:"overdue" doc:"those of them whose last day is over"`
}

// ListNoticeQuery are the query parameters of GET /v1/lists/{list}/notices.
type ListNoticeQuery struct {
	After  uint64      // number; notices after it
	Member tx.MemberID // what this consumer has not acknowledged; "": all
	Limit  int
}

// A ListAck is how far a consumer has acknowledged a list.
type ListAck struct {
	List     tx.List     `json:"list"`
	Member   tx.MemberID `json:"member"`
	Through  uint64      `json:"through" doc:"number of the last notice acknowledged"`
	Newest   uint64      `json:"newest" doc:"number of the newest notice"`
	Open     int         `json:"open" doc:"not acknowledged; counted up to 10000"`
	Overdue  int         `json:"overdue"`
	NextDue  string      `json:"next_due,omitempty"`
	Applied  int64       `json:"applied" doc:"counted in all its acknowledgements"`
	Lifted   int64       `json:"lifted"`
	Released bool        `json:"released,omitempty" doc:"it owes nothing any more"`
	Since    int64       `json:"since" doc:"height of its last acknowledgement or of its enrolment"`
}

// A RoutingHint is the answer to a lookup.
type RoutingHint struct {
	Tag    tx.Digest `json:"tag"`
	Found  bool      `json:"found"`
	Bucket string    `json:"bucket,omitempty"`
	Until  string    `json:"until,omitempty"`
	Note   Sentence  `json:"note"`
}

// NoticeCursor writes the number of a notice as a cursor.
func NoticeCursor(n uint64) string { return strconv.FormatUint(n, 10) }
