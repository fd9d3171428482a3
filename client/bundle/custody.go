package bundle

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"zhenglian/app/tx"
)

// An Event is a line of custody.jsonl: what was done with the evidence, until it
// was sealed. A line is canonical JSON; each names the one before it by hash.
//
//	at      time  by the clock of whoever did it
//	detail  text  at most 1024 bytes
//	event   slug  collected | hashed | … | stamped | sealed
//	prev    hex   SHA-256 of the line before, without its line feed; zeros in the first
type Event struct {
	At     tx.Time
	Event  string
	Detail string
}

const maxCustody = 1 << 20

// appendEvents continues log with events.
func appendEvents(log []byte, events ...Event) []byte {
	prev := lastHash(log)
	for _, e := range events {
		w := tx.Writer{B: log}
		at := len(log)
		w.Open()
		w.String("at", e.At.String())
		w.String("detail", e.Detail)
		w.String("event", e.Event)
		w.Hex("prev", prev[:])
		w.Close()
		prev = sha256.Sum256(w.B[at:])
		log = append(w.B, '\n')
	}
	return log
}

// lastHash is the hash of the last line, zero if there is none.
func lastHash(log []byte) tx.Digest {
	if len(log) == 0 {
		return tx.Digest{}
	}
	body := log[:len(log)-1]
	return sha256.Sum256(body[bytes.LastIndexByte(body, '\n')+1:])
}

// parseCustody reads a log and checks its chain.
func parseCustody(log []byte) (events []Event, err error) {
	if len(log) == 0 || log[len(log)-1] != '\n' {
		return nil, errors.New("custody log: it does not end with a line feed")
	}
	var prev tx.Digest
	for line := range bytes.Lines(log) {
		line = line[:len(line)-1]
		var e Event
		var p tx.Digest
		r := tx.NewReader(line)
		o := r.Object()
		o.Need("at")
		e.At = r.Time()
		o.Need("detail")
		e.Detail = r.String(1024)
		o.Need("event")
		e.Event = r.Slug(1, 32, '_')
		o.Need("prev")
		r.Hex(p[:])
		o.End()
		r.End()
		if err := r.Err(); err != nil {
			return nil, fmt.Errorf("custody log: line %d: %w", len(events)+1, err)
		}
		if p != prev {
			return nil, fmt.Errorf("custody log: line %d does not continue the line before", len(events)+1)
		}
		prev = sha256.Sum256(line)
		events = append(events, e)
	}
	return events, nil
}

// afterSeal are the lines that follow from the statement and its receipt, so
// that nobody need be believed for them.
func afterSeal(id tx.ID, tokens []tx.Digest, times []time.Time, sealed tx.Time) (events []Event) {
	for i, d := range tokens {
		events = append(events, Event{tx.TimeOf(times[i]), "stamped", "token " + d.String()})
	}
	return append(events, Event{sealed, "sealed", "statement " + id.String()})
}

// splitCustody returns the part of log of n lines.
func splitCustody(log []byte, n int) (head []byte) {
	for line := range bytes.Lines(log) {
		if n--; n < 0 {
			break
		}
		head = append(head, line...)
	}
	return slices.Clip(head)
}
