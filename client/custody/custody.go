// Package custody is the log of what a store of evidence did with each file: who,
// when, why. A store only ever appends to it; every line names the line before by
// its hash, and the line before about the same file. So the lines about one file can
// be handed over without the others, and still none of them can be changed, moved or
// left out between the first and the last.
//
// What is behind the last line nobody can tell from the lines: for that, a store
// states the hash of its newest line on the ledger with every audit.
package custody

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"

	"zhenglian/app/tx"
)

// The events of a line.
const (
	Stored   = "stored"   // the file came in; before it was acknowledged
	Read     = "read"     // it was handed out
	Exported = "exported" // it was handed out to leave the member
	Held     = "held"     // a legal hold began: it may not be deleted
	Released = "released" // a legal hold ended
	Classed  = "classed"  // its retention class was set
	Deleted  = "deleted"  // its retention was over
	Erased   = "erased"   // its key was destroyed because the ledger says so
	Refused  = "refused"  // it should have been deleted or erased, and a hold forbids it
)

var events = []string{Stored, Read, Exported, Held, Released, Classed, Deleted, Erased, Refused}

// Bounds of a line.
const (
	MaxWho = 256
	MaxWhy = 600

	maxLine = 8 << 10
)

// A Line says what was done with a file. It is canonical JSON (app/README.md §1):
//
//	at      time    by the clock of the store
//	digest  hex     SHA-256 of the file
//	event   word    stored | read | exported | held | released | classed | deleted | erased | refused
//	last    hex     hash of the line before about the same file; zeros in its first
//	n       int     number of the line, from 1
//	prev    hex     hash of line n-1; zeros in the first
//	who     text    id of the principal, at most 256 bytes: of a key, never the name of a person
//	why     text    reason given, at most 600 bytes; may be empty
//
// The hash of a line is SHA-256 of its bytes.
type Line struct {
	At         tx.Time
	Digest     tx.Digest
	Event      string
	Last, Prev tx.Digest
	N          int64
	Who, Why   string
}

// Encode returns the bytes of the line, without a line feed.
func (l *Line) Encode() []byte {
	var w tx.Writer
	w.Open()
	w.String("at", l.At.String())
	w.Hex("digest", l.Digest[:])
	w.String("event", l.Event)
	w.Hex("last", l.Last[:])
	w.Int("n", l.N)
	w.Hex("prev", l.Prev[:])
	w.String("who", l.Who)
	w.String("why", l.Why)
	w.Close()
	return w.B
}

// Hash returns the hash of the bytes of a line.
func Hash(line []byte) tx.Digest { return sha256.Sum256(line) }

// Parse reads the bytes of one line.
func Parse(b []byte) (l Line, err error) {
	if len(b) > maxLine {
		return Line{}, fmt.Errorf("custody line: more than %d bytes", maxLine)
	}
	r := tx.NewReader(b)
	o := r.Object()
	o.Need("at")
	l.At = r.Time()
	o.Need("digest")
	r.Hex(l.Digest[:])
	o.Need("event")
	l.Event = r.Name(events)
	o.Need("last")
	r.Hex(l.Last[:])
	o.Need("n")
	l.N = r.Int(1, tx.MaxInt)
	o.Need("prev")
	r.Hex(l.Prev[:])
	o.Need("who")
	l.Who = r.String(MaxWho)
	o.Need("why")
	l.Why = r.String(MaxWhy)
	o.End()
	r.End()
	if err := r.Err(); err != nil {
		return Line{}, fmt.Errorf("custody line: %w", err)
	}
	if (l.N == 1) != l.Prev.IsZero() {
		return Line{}, fmt.Errorf("custody line %d: only the first has no line before", l.N)
	}
	return l, nil
}

// Check reads lines about some files, each with its line feed, in the order of
// their numbers, and checks that they continue each other: file by file from the
// first on, and where two numbers follow each other, as lines.
func Check(log []byte) (lines []Line, err error) {
	last := make(map[tx.Digest]tx.Digest)
	var n int64
	var before tx.Digest
	for b := range bytes.Lines(log) {
		if b[len(b)-1] != '\n' {
			return nil, fmt.Errorf("custody log: it does not end with a line feed")
		}
		b = b[:len(b)-1]
		l, err := Parse(b)
		if err != nil {
			return nil, err
		}
		switch {
		case l.N <= n:
			return nil, fmt.Errorf("custody log: line %d after line %d", l.N, n)
		case l.N == n+1 && l.Prev != before:
			return nil, fmt.Errorf("custody log: line %d does not continue line %d", l.N, n)
		case l.Last != last[l.Digest]:
			return nil, fmt.Errorf("custody log: line %d does not continue the line before about %v", l.N, l.Digest)
		}
		n, before = l.N, Hash(b)
		last[l.Digest] = before
		lines = append(lines, l)
	}
	return slices.Clip(lines), nil
}
