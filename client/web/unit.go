package web

import "io"

// A Unit is the page behind the code on a label: what the ledger says of a lot,
// an item or a container. It works without JavaScript.
type Unit struct {
	Look
	Path     string // of the page
	Code     string
	Found    bool
	Broken   bool   // it may be there, and could not be read
	Bad      string // what is wrong with the form of the code
	Name     string // of the product
	Recalled bool
	Recalls  []Recall
	Stop     string // why it should not be bought, besides a recall
	Facts    []Fact
	Warnings []string
	Events   []Event // oldest first
	Cut      bool    // there are more

	Inspections []Inspection // newest first

	Scans     int64  // how often the page was opened through the code; 0: not known
	FirstScan string // when it was, in China, to the minute
	OneItem   bool   // the code is of one item
	ManyScans bool   // so often that the code may have been copied
	Takes     bool   // the gateway takes reports
	Height    int64
	Time      string // of the block
	TraceURL  string
}

// A Recall that the unit is in.
type Recall struct{ ID, Text string }

// An Event is a step in the history of a unit.
type Event struct {
	ID, What, Who, When string
	About               string // another unit: what it was made of, or was in; "": the unit itself
}

// An Inspection is a test of the unit, or of what it was made of.
type Inspection struct {
	ID, Report string // statements
	Passes     bool
	Verdict    string
	About      string // as of Event
	By         string
	Standard   string
	Tested     string // day
	Failed     []string
}

// Failed reports whether the latest test of it, or of what it was made of, failed.
func (u *Unit) Failed() bool { return len(u.Inspections) > 0 && !u.Inspections[0].Passes }

// Render writes the page.
func (u *Unit) Render(w io.Writer) error { return pages.ExecuteTemplate(w, "unit.html", u) }

// Reported is the page that answers a consumer's report.
type Reported struct {
	Look
	Code   string // of the unit, to go back; "": none
	Number int64  // of the report
	Failed string // why it was not taken
}

// Render writes the page.
func (r *Reported) Render(w io.Writer) error { return pages.ExecuteTemplate(w, "reported.html", r) }
