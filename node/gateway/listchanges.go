package gateway

import (
	"fmt"
	"strconv"
	"strings"

	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// lists shows what a statement about a list would change: the entry as it
// stands, and what the statement says of it.
func (t *sheet) lists(s *tx.Statement) {
	switch b := s.Body.(type) {
	case *tx.Proposal:
		t.add("list", "", listTitle(b.List))
		t.add("subject", "", subjectText(b.Subject.Tag, b.Subject.USCC))
		t.add("reason", "", b.Reason+", "+b.Severity)
		t.add("law", "", b.Law.String())
		t.add("measures", "", strings.Join(b.Measures, " "))
		return
	case *tx.ListRuleChange:
		rule, _ := ruleNow(t, b.List)
		t.add(b.List.String()+", consent of the superior", strconv.FormatBool(rule.Consent), strconv.FormatBool(b.Consent))
		t.add(b.List.String()+", laws", strings.Join(rule.Laws, " "), strings.Join(b.Laws, " "))
		t.add(b.List.String()+", terms", termsText(rule.Terms), termsText(b.Terms))
		t.add(b.List.String()+", from height", height(rule.From), height(b.From))
		return
	case *tx.RoutingSwitch:
		now := tx.SwitchOff
		if on := readRow(t, row.RoutingKey(), row.DecodeRouting); !on.Assessment.IsZero() {
			now = tx.SwitchOn
		}
		t.add("routing hints", now, b.Action)
		return
	case *tx.ConsumerChange:
		now := "no consumer"
		if is := readRow(t, row.ConsumerKey(b.List, b.Member), row.DecodeConsumer); is.Since != 0 && !is.Released {
			now = fmt.Sprintf("consumer, acknowledged up to %d", is.Through)
		}
		then := map[string]string{tx.EnrolConsumer: "must act on every notice", tx.ReleaseConsumer: "no consumer"}[b.Action]
		t.add(b.List.String()+", "+string(b.Member), now, then)
		return
	case *tx.Acknowledgement:
		is := readRow(t, row.ConsumerKey(b.List, s.Member), row.DecodeConsumer)
		t.add(b.List.String()+", "+string(s.Member)+" has acted up to notice", strconv.FormatUint(is.Through, 10), strconv.FormatInt(b.Through, 10))
		t.add("measures applied to", strconv.FormatInt(is.Applied, 10), strconv.FormatInt(is.Applied+b.Applied, 10))
		t.add("measures lifted from", strconv.FormatInt(is.Lifted, 10), strconv.FormatInt(is.Lifted+b.Lifted, 10))
		return
	case *tx.RoutingHint:
		t.add("routing hint about "+b.Tag.String(), "", b.Bucket+", until "+b.Until.String())
		return
	}
	if f := s.Kind.Family(); (f == "list" || f == "routing") && !s.Prev.IsZero() {
		t.entryStep(s)
	}
}

func listTitle(l tx.List) string {
	if l.Statutory() {
		return l.String() + " " + listNames[l] + ", statutory"
	}
	return l.String() + " " + listNames[l] + ", not statutory"
}

func subjectText(tag tx.Digest, uscc string) string {
	if uscc != "" {
		return "tag " + tag.String() + ", credit code " + uscc
	}
	return "tag " + tag.String()
}

func termsText(terms []tx.Term) string {
	var out []string
	for _, m := range terms {
		out = append(out, fmt.Sprintf("%s %d–%d months", m.Severity, m.Min, m.Max))
	}
	return strings.Join(out, ", ")
}

// entryStep shows a step of an entry or hint: whose it is, its state now and
// then, and the dates that change.
func (t *sheet) entryStep(s *tx.Statement) {
	seq, ok, err := t.view.Seq(store.Hash(s.Prev))
	if err != nil || !ok {
		t.err = err
		return
	}
	m, err := state.MatterOf(t.view, seq)
	if err != nil || m == nil {
		t.err = err
		return
	}
	_, opening, err := proposalAt(t.view, m.Seq)
	if err != nil {
		t.err = err
		return
	}
	e := row.ListEntry{}
	switch p := opening.Body.(type) {
	case *tx.Proposal:
		e = readRow(t, row.ListEntryKey(p.List, m.Seq), row.DecodeListEntry)
		t.add("entry", "", fmt.Sprintf("%d of %s: %s, %s", m.Seq, listTitle(p.List), subjectText(p.Subject.Tag, p.Subject.USCC), p.Reason))
	case *tx.RoutingHint:
		t.add("hint", "", "about tag "+p.Tag.String())
	}
	then := state.After(s.Kind)
	t.add("state", stateText(m.State), stateText(then))
	force := func(s row.State) string {
		if row.InForceLetter(s) != "" {
			return "in force"
		}
		return "not in force"
	}
	t.add("in force", force(m.State), force(then))
	switch b := s.Body.(type) {
	case *tx.Service:
		t.add("respond_by", dateText(e.RespondBy), b.RespondBy.String())
		t.add("served_on", "", b.ServedOn.String())
	case *tx.Listing:
		t.add("from", dateText(e.From), b.From.String())
		t.add("until", dateText(e.Until), b.Until.String())
		t.add("repair_from", dateText(e.RepairFrom), b.RepairFrom.String())
	case *tx.Revocation:
		t.add("ground", "", b.Ground+", since "+b.Since.String())
	case *tx.Reasoned:
		t.add("reason", "", b.Reason)
	case *tx.Waiver:
		t.add("reason", "", b.Reason)
	case *tx.Drop:
		t.add("reason", "", b.Reason)
	case *tx.Hearing:
		t.add("held_on", "", b.HeldOn.String())
	}
}

func stateText(s row.State) string {
	if zh := row.ListStateZH(s); zh != "" {
		return string(s) + " " + zh
	}
	return string(s)
}
