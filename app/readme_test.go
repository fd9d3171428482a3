package app_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"zhenglian/app/apptest"
	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
	"zhenglian/genesis"
)

// README.md is the protocol, so it may not drift from the code: these tests
// compare its tables with the code and recompute what it computes.

func protocol(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// section returns what stands under a heading, up to the next heading.
func section(t *testing.T, md, heading string) string {
	t.Helper()
	_, s, ok := strings.Cut(md, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("README.md has no heading %q", heading)
	}
	if i := strings.Index(s, "\n#"); i >= 0 {
		s = s[:i]
	}
	return s
}

// table returns the cells of the n-th table of a section, without its head.
func table(t *testing.T, section string, n int) [][]string {
	t.Helper()
	var rows [][]string
	seen, inside, code := -1, false, false
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") {
			code = !code
		}
		if code || !strings.HasPrefix(line, "|") {
			inside = false
			continue
		}
		if !inside {
			inside = true
			seen++
		}
		if seen == n {
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		}
	}
	if len(rows) < 3 {
		t.Fatalf("table %d not found or empty in %.60q", n, section)
	}
	return rows[2:]
}

func plain(cell string) string { return strings.Trim(cell, "`") }

// same compares a table with what the code says, row by row.
func same(t *testing.T, what string, got, want [][]string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("%s: README.md lacks | %s |", what, strings.Join(want[i], " | "))
		case i >= len(want):
			t.Errorf("%s: README.md has, and the code has not, | %s |", what, strings.Join(got[i], " | "))
		case !slices.Equal(got[i], want[i]):
			t.Errorf("%s:\nREADME.md | %s |\ncode      | %s |", what, strings.Join(got[i], " | "), strings.Join(want[i], " | "))
		}
	}
}

func TestReadmeCodes(t *testing.T) {
	var want [][]string
	for _, c := range tx.Codes() {
		want = append(want, []string{strconv.Itoa(int(c)), "`" + c.Name() + "`", c.Text(), c.Hint()})
	}
	same(t, "error codes", table(t, section(t, protocol(t), "### Error codes"), 0), want)
}

func TestReadmePolicies(t *testing.T) {
	var want [][]string
	for _, p := range genesis.DefaultPolicies() {
		want = append(want, []string{"`" + string(p.Kind) + "`", "`" + p.Expr + "`"})
	}
	s := section(t, protocol(t), "### Policies")
	same(t, "default policies", table(t, s, 0), want)
	if want := "members: " + strings.Join(row.MemberRoles, ", ") + ". Roles of accounts: " + strings.Join(row.AccountRoles, ", ") + "."; !strings.Contains(strings.ReplaceAll(s, "\n", " "), want) {
		t.Errorf("policies: README.md does not say %q", want)
	}
}

// source is a parsed file of ours, for tables that no package exports.
func source(t *testing.T, path string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// constants returns the constants and string tables that a file declares, by name.
func constants(t *testing.T, path string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	ast.Inspect(source(t, path), func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range v.Names {
			if i < len(v.Values) {
				out[name.Name] = literals(v.Values[i])
			}
		}
		return true
	})
	return out
}

// literals returns the literals of an expression, joined by spaces.
func literals(n ast.Node) string {
	var out []string
	ast.Inspect(n, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok {
			s := l.Value
			if u, err := strconv.Unquote(s); err == nil {
				s = u
			}
			out = append(out, s)
		}
		return true
	})
	return strings.Join(out, " ")
}

// bodyFiles declare kinds and read their bodies.
var bodyFiles = []string{"tx/evidence.go", "tx/erase.go", "tx/batch.go", "tx/endorse.go", "tx/gov.go", "tx/clock.go", "tx/trace.go", "tx/inspect.go", "tx/list.go", "tx/lists.go", "tx/routing.go", "tx/epoch.go", "tx/retag.go"}

// The transition table of app/state is not exported; it is read from its source.
func TestReadmeKinds(t *testing.T) {
	names := constants(t, "row/row.go")
	for _, f := range append(bodyFiles, "row/trace.go", "row/inspect.go", "row/list.go") {
		for k, v := range constants(t, f) {
			names[k] = v
		}
	}
	who := map[string]string{"anyone": "every member", "origin": "the origin", "notOrigin": "every member but the origin",
		"superior": "the origin's superior", "reviewBody": "the origin, its superior, or a court", "regulator": "every regulator"}
	name := func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.Ident:
			return e.Name
		case *ast.SelectorExpr:
			return names[e.Sel.Name]
		}
		return ""
	}
	want := [][]string{{"`endorse`", "neither", "", "", "every member"}}
	ast.Inspect(source(t, "state/kinds.go"), func(n ast.Node) bool {
		l, ok := n.(*ast.CompositeLit)
		if !ok || len(l.Elts) != 5 {
			return true
		}
		if _, ok := l.Elts[0].(*ast.SelectorExpr); !ok {
			return true
		}
		verb := "continues"
		if name(l.Elts[1]) == "true" {
			verb = "opens"
		}
		var from []string
		if states, ok := l.Elts[2].(*ast.CompositeLit); ok {
			for _, s := range states.Elts {
				from = append(from, name(s))
			}
		}
		want = append(want, []string{"`" + name(l.Elts[0]) + "`", verb, strings.Join(from, ", "), name(l.Elts[3]), who[name(l.Elts[4])]})
		return false
	})
	if len(want) != len(tx.Kinds()) {
		t.Fatalf("read %d rules for %d kinds from state/kinds.go", len(want), len(tx.Kinds()))
	}
	s := section(t, protocol(t), "### Kinds")
	same(t, "kinds", table(t, s, 0), want)
	for _, state := range []row.State{row.Pending, row.Sealed, row.Challenged, row.Upheld, row.Rejected, row.Superseded, row.Withdrawn, row.Erased, row.Expired,
		row.Enacted, row.Overtaken,
		row.Recorded, row.OneSided, row.Offered, row.Received, row.Disputed, row.Cancelled, row.Scoping, row.Frozen, row.Closed,
		row.Proposed, row.NoticeServed, row.DefenceFiled, row.HearingRequested, row.Heard, row.Waived, row.Reviewed, row.SuperiorOK,
		row.Decided, row.Dropped, row.Stayed, row.Repaired, row.Revoked, row.Published, row.RepairApplied, row.RepairAccepted, row.RepairDenied, row.Reinstated,
		row.Active, row.Contested, row.Removed,
		row.Tasked, row.Sampled, row.Passed, row.Failed, row.RetestAsked, row.Retesting, row.RetestRefused, row.RetestFailed, row.Overturned, row.Confirmed, row.Notified,
		row.Issued, row.Acked, row.Delisted, row.Verified} {
		if !strings.Contains(s, "`"+string(state)+"`") {
			t.Errorf("README.md does not name state %s", state)
		}
	}
}

// What transitions do to clocks is read from its table, too.
func TestReadmeClocks(t *testing.T) {
	names := constants(t, "tx/evidence.go")
	for _, path := range append(bodyFiles, "state/clocktable.go") {
		for k, v := range constants(t, path) {
			names[k] = v
		}
	}
	whose := map[string]string{"ofReceiver": "the receiver", "ofOrigin": "the origin", "ofLab": "the laboratory of the task", "ofRetestLab": "the laboratory of the retest",
		"ofMaker": "the unit's maker", "ofPlatform": "the platform"}
	name := func(e ast.Expr) string {
		switch e := e.(type) {
		case *ast.Ident:
			return e.Name
		case *ast.SelectorExpr:
			return names[e.Sel.Name]
		}
		return ""
	}
	var want [][]string
	kind := ""
	ast.Inspect(source(t, "state/clocktable.go"), func(n ast.Node) bool {
		l, ok := n.(*ast.CompositeLit)
		switch {
		case !ok || len(l.Elts) == 0:
		case len(l.Elts) == 2 && strings.Contains(name(l.Elts[0]), "."):
			kind = name(l.Elts[0])
		case len(l.Elts) == 4 && names[name(l.Elts[1])] != "":
			does := name(l.Elts[0])
			if ground := name(l.Elts[3]); ground != "" {
				does += ", " + ground
			}
			want = append(want, []string{"`" + kind + "`", does, "`" + names[name(l.Elts[1])] + "`", whose[name(l.Elts[2])]})
		}
		return true
	})
	if len(want) == 0 {
		t.Fatal("read no row from state/clocktable.go")
	}
	same(t, "clocks", table(t, section(t, protocol(t), "### Clocks"), 0), want)
}

// The default deadlines, and that every clock of the table has one.
func TestReadmeDeadlines(t *testing.T) {
	var want [][]string
	for i, s := range genesis.DefaultRuleSets() {
		for _, d := range s.Deadlines {
			length := fmt.Sprintf("%d %s", d.Count, d.Unit)
			if d.Extend > 0 {
				length += fmt.Sprintf(" + %d", d.Extend)
			}
			if d.Roll {
				length += ", rolls"
			}
			if len(d.Pause) > 0 {
				length += "; pauses: " + strings.Join(d.Pause, ", ")
			}
			want = append(want, []string{fmt.Sprint(i + 1), "`" + s.Name + "`", s.Effective.String(), "`" + string(d.Code) + "`", length})
		}
	}
	same(t, "default deadlines", table(t, section(t, protocol(t), "### Clocks"), 1), want)
	d := apptest.New(t).App.Directory()
	for _, code := range state.ClockCodes() {
		if l, _ := d.Deadline(code, tx.DateOf(tx.TimeOf(apptest.Start))); l == nil {
			t.Errorf("no default rule set has %s", code)
		}
	}
}

// The members of each body, their order, which are optional and the words they
// may be are read from the readers in app/tx.
func TestReadmeBodies(t *testing.T) {
	md := protocol(t)
	bodies := map[tx.Kind]string{tx.ClockExtend: "ClockStep", tx.ClockPause: "Standstill", tx.ClockResume: "ClockStep", tx.EvidenceBatch: "Batch", tx.EvidenceErase: "Erase", tx.EvidenceSeal: "Evidence", tx.EvidenceSupersede: "Supersede", tx.EvidenceWithdraw: "Withdraw",
		tx.EvidenceChallenge: "Challenge", tx.EvidenceUphold: "Decision", tx.EvidenceReject: "Decision", tx.EndorseKind: "Endorse",
		tx.GovAccount: "AccountChange", tx.GovEpoch: "EpochChange", tx.GovFreeze: "Freeze", tx.GovThaw: "Freeze", tx.GovMember: "Membership", tx.GovRecover: "Recover",
		tx.GovPolicy: "PolicyChange", tx.GovOverride: "PolicyChange", tx.GovParams: "Params", tx.GovValidator: "ValidatorChange", tx.GovReady: "Ready",
		tx.GovCalendar: "Calendar", tx.GovRuleset: "RuleSet", tx.GovRotate: "KeyRotation", tx.GovUpgrade: "Upgrade", tx.GovWithdraw: "Withdraw",
		tx.TraceAck: "Ack", tx.TraceAggregate: "Aggregate", tx.TraceCancel: "Withdraw", tx.TraceClose: "Decision", tx.TraceDestroy: "Destroy",
		tx.TraceDisaggregate: "Aggregate", tx.TraceDispose: "Dispose", tx.TraceDispute: "Dispute", tx.TraceEvents: "Events", tx.TraceHarvest: "Harvest",
		tx.TraceProduct: "Product", tx.TraceRecall: "Recall", tx.TraceReceive: "Receive", tx.TraceRegister: "Register", tx.TraceRelease: "Release",
		tx.TraceSell: "Sell", tx.TraceShip: "Ship", tx.TraceTake: "Take", tx.TraceTransform: "Transform", tx.TraceWithdraw: "Withdraw",
		tx.GovList: "ListRuleChange", tx.GovRouting: "RoutingSwitch", tx.ListAccept: "Paper", tx.ListAck: "Acknowledgement", tx.ListAgree: "Listing", tx.ListConsent: "Paper",
		tx.ListConsumer: "ConsumerChange", tx.ListDecide: "Listing", tx.ListDefend: "Paper", tx.ListDeny: "Reasoned", tx.ListDrop: "Drop", tx.ListGrant: "Paper",
		tx.ListHear: "Hearing", tx.ListHearing: "Paper", tx.ListPropose: "Proposal", tx.ListPublish: "Publication", tx.ListReinstate: "Reasoned",
		tx.ListRepair: "RepairApplication", tx.ListResolve: "Listing", tx.ListResume: "Paper", tx.ListRetag: "Retagging", tx.ListReview: "Paper", tx.ListRevoke: "Revocation",
		tx.ListServe: "Service", tx.ListStay: "Reasoned", tx.ListWaive: "Waiver", tx.RoutingContest: "Paper", tx.RoutingKeep: "Paper",
		tx.DelistAck: "Paper", tx.DelistDone: "Delisted", tx.DelistOrder: "Delisting", tx.DelistReturn: "Reasoned", tx.DelistVerify: "Paper", tx.DelistWithdraw: "Withdraw",
		tx.InspectAccept: "Paper", tx.InspectAssign: "LabChoice", tx.InspectClose: "Paper", tx.InspectConfirm: "Paper", tx.InspectFail: "TestFail",
		tx.InspectNotify: "Paper", tx.InspectOverturn: "TestPass", tx.InspectPass: "TestPass", tx.InspectRefuse: "Reasoned", tx.InspectRetest: "Paper",
		tx.InspectRevoke: "Paper", tx.InspectSample: "Sample", tx.InspectTask: "SampleTask", tx.InspectUphold: "TestFail", tx.InspectWithdraw: "Withdraw",
		tx.RoutingRead: "RoutingLookup", tx.RoutingRemove: "Reasoned", tx.RoutingTag: "RoutingHint"}
	methods, readers, words := make(map[string]*ast.FuncDecl), make(map[string]*ast.FuncDecl), make(map[string]string)
	for _, path := range bodyFiles {
		for _, d := range source(t, path).Decls {
			f, ok := d.(*ast.FuncDecl)
			switch {
			case ok && f.Name.Name == "read" && f.Recv != nil:
				methods[f.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name] = f
			case ok && f.Recv == nil:
				readers[f.Name.Name] = f // readFile, which reads an item
			}
		}
		for name, v := range constants(t, path) {
			words[name] = v
		}
	}
	for _, k := range tx.Kinds() {
		s := section(t, md, "#### "+string(k))
		var want [][]string
		var read func(f *ast.FuncDecl, top bool)
		read = func(f *ast.FuncDecl, top bool) {
			ast.Inspect(f.Body, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.Ident: // a table of words, or another reader
					if list, ok := words[n.Name]; ok && n.Name[0] >= 'a' && n.Name[0] <= 'z' {
						for w := range strings.FieldsSeq(list) {
							if !strings.Contains(s, "`"+w+"`") {
								t.Errorf("%s: README.md does not name the word %s", k, w)
							}
						}
					} else if other := readers[n.Name]; other != nil {
						read(other, false)
					}
				case *ast.CallExpr:
					call, ok := n.Fun.(*ast.SelectorExpr)
					if !ok || call.Sel.Name != "Need" && call.Sel.Name != "Has" {
						return true
					}
					member := literals(n.Args[0])
					if on, ok := call.X.(*ast.Ident); ok && on.Name == "o" && top {
						want = append(want, []string{member, call.Sel.Name})
					} else if !strings.Contains(s, "`"+member+"`") {
						t.Errorf("%s: README.md does not name the member %s", k, member)
					}
				}
				return true
			})
		}
		read(methods[bodies[k]], true)
		var got [][]string
		for _, r := range table(t, s, 0) {
			how := "Need"
			if strings.Contains(r[1], "optional") {
				how = "Has"
			}
			got = append(got, []string{plain(r[0]), how})
		}
		same(t, "body of "+string(k), got, want)
	}
}

func TestReadmeKeyTable(t *testing.T) {
	md := protocol(t)
	var want []string
	for name, v := range constants(t, "row/keys.go") {
		if strings.HasPrefix(name, "prefix") {
			want = append(want, strings.TrimPrefix(v, "0x"))
		}
	}
	slices.Sort(want)
	var got []string
	for _, r := range table(t, section(t, md, "### Key table"), 0) {
		got = append(got, regexp.MustCompile("`([0-9a-f]{2})`").FindStringSubmatch(r[0])[1])
	}
	if !slices.Equal(got, want) {
		t.Errorf("prefixes of state keys: README.md %v, row/keys.go %v", got, want)
	}

	var rows []string
	for name, v := range constants(t, "store/rows.go") {
		if strings.HasPrefix(name, "prefix") {
			rows = append(rows, strings.Trim(v, "'"))
		}
	}
	beside := section(t, md, "### Rows beside the trees")
	for _, p := range rows {
		if !strings.Contains(beside, "| `"+p+"` ") {
			t.Errorf("README.md has no row %q of the database", p)
		}
	}
	if n := len(table(t, beside, 0)); n != len(rows) {
		t.Errorf("README.md has %d kinds of rows beside the trees, store/rows.go has %d", n, len(rows))
	}

	values := map[string][]byte{
		"Epochs": row.Epochs{}.Encode(), "Epoch": row.Epoch{}.Encode(), "EpochCopy": row.EpochCopy{}.Encode(),
		"Params": row.Params{}.Encode(), "Member": row.Member{DivisionRev: "x", Left: true, USCC: "x"}.Encode(), "Account": row.Account{FrozenFrom: 1, Tag: tx.Digest{1}}.Encode(),
		"Validator": row.Validator{}.Encode(), "Step": row.Step{}.Encode(), "Upgrade": row.Upgrade{}.Encode(), "Policy": row.Policy{}.Encode(),
		"Roll": row.Roll{}.Encode(), "Matter": row.Matter{}.Encode(), "Tally": row.Tally{Votes: make([]row.Vote, 1)}.Encode(), "Link": row.Link{}.Encode(),
		"RuleSet":  row.RuleSet{Deadlines: []tx.Deadline{{Extend: 1, Roll: true, Tentative: true}}, SHA256: tx.Digest{1}}.Encode(),
		"Calendar": row.Calendar{SHA256: tx.Digest{1}}.Encode(), "Clock": row.Clock{Extended: true, Ground: "testing", Late: 1, Minute: 1, Roll: true}.Encode(),
		"Due": row.Due{Clocks: make([]row.DueClock, 1)}.Encode(), "Breach": row.Breach{Clocks: make([]row.DueClock, 1)}.Encode(), "DueCount": row.DueCount{}.Encode(),
		"Unit":  row.Unit{Flags: []string{"x"}, Hot: 1, Inside: 1, Level: 1, Parent: row.UnitID{1}, Recalls: 1}.Encode(),
		"Named": row.Named{}.Encode(), "Product": row.Product{Makers: []tx.MemberID{"x"}, Yield: &tx.Yield{}}.Encode(), "Use": row.Use{}.Encode(),
		"Harvest": row.Harvest{}.Encode(), "Recall": row.Recall{Cursor: []byte{1}, Done: 1}.Encode(), "Scoped": row.Scoped{Outcome: "x"}.Encode(),
		"Inspection": row.Inspection{Holder: "x", Recall: 1, Report: 1, RetestBy: 1, RetestLab: "x", Taken: 1}.Encode(), "Order": row.Order{}.Encode(),
		"Queued": row.Queued{}.Encode(), "Holder": row.Holder{Acked: 1}.Encode(),
		"List": row.List{}.Encode(), "Notice": row.Notice{Due: 1}.Encode(),
		"ListEntry": row.ListEntry{Was: row.Tagged{Epoch: 1}, From: 1, RepairFrom: 1, RespondBy: 1, Until: 1, USCC: "x"}.Encode(),
		"ListRule":  row.ListRule{Document: tx.Digest{1}, Terms: make([]tx.Term, 1)}.Encode(),
		"Consumer":  row.Consumer{BacklogDue: 1, Released: true}.Encode(), "Routing": row.Routing{}.Encode(), "RoutingTag": row.RoutingTag{}.Encode(),
	}
	members := regexp.MustCompile(`"([a-z_]+)":`)
	for name, v := range values {
		line := regexp.MustCompile(`(?m)^` + name + ` +\{.*$`).FindString(md)
		if got, want := members.FindAllStringSubmatch(line, -1), members.FindAllStringSubmatch(string(v), -1); !reflect.DeepEqual(got, want) {
			t.Errorf("value of %s: README.md %v, code %v", name, got, want)
		}
	}
}

// The members of a receipt are those of its Go types, in snake case.
func TestReadmeReceipt(t *testing.T) {
	md := protocol(t)
	json := map[string]string{"V": "v", "ChainID": "chain_id", "LastBlockID": "last_block_id", "Sig": "signature"}
	upper := regexp.MustCompile(`([a-z])([A-Z])`)
	for _, v := range []any{receipt.Receipt{}, receipt.Item{}, receipt.Entry{}, receipt.Row{}, receipt.Later{}, receipt.SignedBlock{}, receipt.Header{},
		receipt.BlockID{}, receipt.Commit{}, receipt.Signature{}, receipt.StateProof{}, receipt.StateHead{}} {
		typ := reflect.TypeOf(v)
		var want [][]string
		for f := range typ.Fields() {
			name := json[f.Name]
			if name == "" {
				name = strings.ToLower(upper.ReplaceAllString(f.Name, "${1}_${2}"))
			}
			key, _, _ := strings.Cut(f.Tag.Get("cbor"), ",")
			want = append(want, []string{name, key})
		}
		var got [][]string
		for _, r := range table(t, section(t, md, "#### "+typ.Name()), 0) {
			got = append(got, []string{plain(r[0]), r[1]})
		}
		same(t, typ.Name(), got, want)
	}
}

func TestReadmeChecks(t *testing.T) {
	trust, err := os.ReadFile("receipt/testdata/vectors/trust.json")
	if err != nil {
		t.Fatal(err)
	}
	root, err := receipt.ParseTrust(trust)
	if err != nil {
		t.Fatal(err)
	}
	s := section(t, protocol(t), "### Checks")
	var want [][]string
	for _, c := range receipt.Verify(nil, root, receipt.Options{}).Checks {
		want = append(want, []string{"`" + c.ID + "`", c.Name.EN + " · " + c.Name.ZH, c.Point, c.Article})
		if !regexp.MustCompile("(?m)^[0-9]+\\. `" + c.ID + "` — ").MatchString(s) {
			t.Errorf("README.md does not say what check %s does", c.ID)
		}
	}
	same(t, "checks", table(t, s, 0), want)
	want = nil
	for _, p := range receipt.Points() {
		want = append(want, []string{p.ID, p.Name.EN + " · " + p.Name.ZH, p.Article})
	}
	same(t, "questions", table(t, s, 1), want)
	want = nil
	for _, o := range receipt.Outcomes() {
		x := receipt.OutcomeText(o)
		want = append(want, []string{"`" + string(o) + "`", x.EN + " · " + x.ZH})
	}
	same(t, "outcomes", table(t, s, 2), want)
}

func TestReadmeNumbers(t *testing.T) {
	md := protocol(t)
	limits := map[string]int64{"MaxStatement": tx.MaxStatement, "MaxEnvelope": tx.MaxEnvelope, "MaxSignatures": tx.MaxSignatures, "MaxDepth": tx.MaxDepth,
		"MaxInt": tx.MaxInt, "MaxFiles": tx.MaxFiles, "MaxFileBytes": tx.MaxFileBytes, "MaxFileCount": tx.MaxFileCount, "MaxTSA": tx.MaxTSA, "MaxBatch": tx.MaxBatch}
	rows := table(t, section(t, md, "## 1. Statements"), 1)
	for _, r := range rows {
		if got, want := r[1], fmt.Sprint(limits[plain(r[0])]); got != want {
			t.Errorf("%s: README.md %s, code %s", r[0], got, want)
		}
	}
	if len(rows) != len(limits) {
		t.Errorf("README.md has %d limits, this test knows %d", len(rows), len(limits))
	}

	// A parameter beyond its bounds is refused, at its bounds it is not.
	s := section(t, md, "## 9. Parameters")
	fields := map[string]func(*genesis.Params) *int64{
		"anchor_blocks":  func(p *genesis.Params) *int64 { return &p.AnchorBlocks },
		"expires_blocks": func(p *genesis.Params) *int64 { return &p.ExpiresBlocks },
		"future_millis":  func(p *genesis.Params) *int64 { return &p.FutureMillis },
		"pending_blocks": func(p *genesis.Params) *int64 { return &p.PendingBlocks },
	}
	params := table(t, s, 0)
	if n := reflect.TypeFor[genesis.Params]().NumField(); len(params) != n || len(fields) != n {
		t.Errorf("README.md has %d parameters, this test %d, the code %d", len(params), len(fields), n)
	}
	for _, r := range params {
		field := fields[plain(r[0])]
		d := genesis.DefaultParams()
		if got := fmt.Sprint(*field(&d)); got != r[1] {
			t.Errorf("default of %s: README.md %s, code %s", r[0], r[1], got)
		}
		var low, high int64
		if _, err := fmt.Sscanf(r[2], "%d–%d", &low, &high); err != nil {
			t.Fatalf("bounds of %s: %v", r[0], err)
		}
		for v, ok := range map[int64]bool{low - 1: false, low: true, high: true, high + 1: false} {
			g := apptest.New(t).Genesis
			*field(&g.Params) = v
			if err := g.Validate(); (err == nil) != ok {
				t.Errorf("%s = %d: %v, README.md says %s", r[0], v, err, r[2])
			}
		}
	}

	p := genesis.ConsensusParams()
	for name, v := range map[string]int64{"block.max_bytes": p.Block.MaxBytes, "evidence.max_bytes": p.Evidence.MaxBytes,
		"evidence.max_age_num_blocks": p.Evidence.MaxAgeNumBlocks, "version.app": int64(p.Version.App)} {
		if want := fmt.Sprintf("`%s` %d", name, v); !strings.Contains(s, want) {
			t.Errorf("README.md does not say %s", want)
		}
	}
}

// The worked example is computed here from the receipt's bytes with nothing but
// SHA-256, as README.md says.
func TestReadmeExample(t *testing.T) {
	b, err := os.ReadFile("receipt/testdata/vectors/good.receipt.json")
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	e, err := tx.ParseEnvelope(r.Entry.Envelope)
	if err != nil {
		t.Fatal(err)
	}
	sum := func(parts ...[]byte) []byte { d := sha256.Sum256(bytes.Join(parts, nil)); return d[:] }
	be := func(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
	pae := fmt.Appendf(nil, "DSSEv1 43 application/vnd.zhenglian.statement.v1+json %d %s", len(e.Payload), e.Payload)
	leaf := sum([]byte{0}, be(uint64(r.Entry.Height)), r.Entry.Envelope)
	// Entry 5 of 6: its sibling is entry 4, their parent's is the tree of 0 to 3.
	root := sum([]byte{1}, r.Path[1][:], sum([]byte{1}, r.Path[0][:], leaf))
	l := sum([]byte("\x00log"), be(r.LogSize), root)
	s := sum([]byte("\x00state"), r.StateRoot[:])
	account, err := row.DecodeAccount(r.Rows[1].Value)
	if err != nil {
		t.Fatal(err)
	}
	header := r.Block.Header.Hash()
	want := []string{
		fmt.Sprintf("id           %x", sum(e.Payload)),
		fmt.Sprintf("SHA-256(PAE) %x", sum(pae)),
		fmt.Sprintf("key          %x", account.Key),
		fmt.Sprintf("account      %x", sum([]byte("zhenglian account v1\x00secp256k1\x00"), account.Key)[:20]),
		fmt.Sprintf("signature    %x", e.Signatures[0].Sig),
		fmt.Sprintf("wire         %x…, %d bytes", r.Entry.Envelope[:4], len(r.Entry.Envelope)),
		fmt.Sprintf("entry        %d at height %d", r.Entry.Seq, r.Entry.Height),
		fmt.Sprintf("leaf         %x", leaf),
		fmt.Sprintf("path         %s", r.Path[0]),
		fmt.Sprintf("             %s", r.Path[1]),
		fmt.Sprintf("log root     %x", root),
		fmt.Sprintf("state root   %s", r.StateRoot),
		fmt.Sprintf("L            %x", l),
		fmt.Sprintf("S            %x", s),
		fmt.Sprintf("app hash     %x", sum([]byte{1}, l, s)),
		fmt.Sprintf("header       %x at height %d", header, r.Block.Header.Height),
	}
	if !bytes.Equal(sum([]byte{1}, l, s), r.Block.Header.AppHash) {
		t.Error("the computed app hash is not that of the header")
	}
	text := strings.Join(want, "\n")
	if *update {
		example := regexp.MustCompile("(?s)```\nid           .*?\n```")
		b := example.ReplaceAllLiteralString(protocol(t), "```\n"+text+"\n```")
		if err := os.WriteFile("README.md", []byte(b), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	md := section(t, protocol(t), "### A worked example")
	if !strings.Contains(md, "```\n"+text+"\n```") {
		t.Errorf("the worked example should read\n%s", text)
	}
	for _, say := range []string{string(e.Payload[:67]), r.Block.Header.Time.String(), fmt.Sprintf("%d bytes", len(e.Payload))} {
		if !strings.Contains(md, say) {
			t.Errorf("the worked example does not say %s", say)
		}
	}
}

// A node of the state tree as README.md §4 describes it.
type avl struct {
	key, value  []byte // value of a leaf
	height      int64
	size        int64
	left, right *avl
}

func (n *avl) insert(key, value []byte) *avl {
	leaf := &avl{key: key, value: value, size: 1}
	switch {
	case n == nil:
		return leaf
	case n.left == nil && bytes.Compare(key, n.key) < 0:
		return (&avl{key: n.key, left: leaf, right: n}).count()
	case n.left == nil:
		return (&avl{key: key, left: n, right: leaf}).count()
	case bytes.Compare(key, n.key) < 0:
		n.left = n.left.insert(key, value)
	default:
		n.right = n.right.insert(key, value)
	}
	switch n.count(); n.balance() {
	case 2:
		if n.left.balance() < 0 {
			n.left = n.left.rotateLeft()
		}
		return n.rotateRight()
	case -2:
		if n.right.balance() > 0 {
			n.right = n.right.rotateRight()
		}
		return n.rotateLeft()
	}
	return n
}

func (n *avl) balance() int64 {
	if n.left == nil {
		return 0
	}
	return n.left.height - n.right.height
}

func (n *avl) count() *avl {
	n.height, n.size = 1+max(n.left.height, n.right.height), n.left.size+n.right.size
	return n
}

func (n *avl) rotateLeft() *avl {
	up := n.right
	n.right, up.left = up.left, n
	n.count()
	return up.count()
}

func (n *avl) rotateRight() *avl {
	up := n.left
	n.left, up.right = up.right, n
	n.count()
	return up.count()
}

// hash is that of a tree all of whose nodes are of one version.
func (n *avl) hash(version int64) []byte {
	b := binary.AppendVarint(nil, n.height)
	b = binary.AppendVarint(b, n.size)
	b = binary.AppendVarint(b, version)
	add := func(v []byte) { b = append(binary.AppendUvarint(b, uint64(len(v))), v...) }
	if n.left == nil {
		v := sha256.Sum256(n.value)
		add(n.key)
		add(v[:])
	} else {
		add(n.left.hash(version))
		add(n.right.hash(version))
	}
	d := sha256.Sum256(b)
	return d[:]
}

// The state root of the genesis rows follows from README.md's description of
// the tree alone.
func TestReadmeTree(t *testing.T) {
	c := apptest.New(t, pendingBlocks(4))
	keys, values, err := c.Genesis.Rows(apptest.ChainID)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range apptest.Validators {
		keys = append(keys, row.ValidatorKey(apptest.ValidatorKey(i)))
		values = append(values, row.Validator{Member: m, Power: 10, Ready: true, Target: 10}.Encode())
	}
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return bytes.Compare(keys[a], keys[b]) })
	var tree *avl
	for _, i := range order {
		tree = tree.insert(keys[i], values[i])
	}
	v := c.App.Store().View()
	if got, want := tree.hash(1), v.Head().StateRoot; !bytes.Equal(got, want[:]) {
		t.Errorf("state root of %d rows: %x by README.md, %x by the ledger", len(keys), got, want)
	}
}

// The vectors that README.md names are there, and good.report.json is what the
// first of them gives.
func TestReadmeVectors(t *testing.T) {
	for _, r := range table(t, section(t, protocol(t), "## 8. Vectors"), 0) {
		if _, err := os.Stat(plain(r[0])); err != nil {
			t.Error(err)
		}
	}
	var types []string
	for _, f := range []string{"statements", "statements_bad", "envelopes", "signatures"} {
		b, err := os.ReadFile(filepath.Join("tx/testdata/vectors", f+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var vs []struct{ Type string }
		if err := json.Unmarshal(b, &vs); err != nil {
			t.Fatal(err)
		}
		for _, v := range vs {
			if !slices.Contains(types, v.Type) {
				types = append(types, v.Type)
			}
		}
	}
	s := section(t, protocol(t), "## 8. Vectors")
	for _, typ := range types {
		if !strings.Contains(s, "`"+typ+"`") {
			t.Errorf("README.md does not name vectors of type %s", typ)
		}
	}
}
