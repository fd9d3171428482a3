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
	Height   int64
	Time     string // of the block
	TraceURL string
}

// A Recall that the unit is in.
type Recall struct{ ID, Text string }

// An Event is a step in the history of a unit.
type Event struct{ ID, What, Who, When string }

// Render writes the page.
func (u *Unit) Render(w io.Writer) error { return pages.ExecuteTemplate(w, "unit.html", u) }
