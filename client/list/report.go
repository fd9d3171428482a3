package list

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// Formats of a file of shops. Columns of a CSV file and members of the objects
// of an NDJSON file have the same names: uscc, person, phone and shop are
// checked, id is repeated in what is found; all others are passed over. A
// column that is empty is no identifier.
const (
	CSV    = "csv"    // with a line of column names first
	NDJSON = "ndjson" // an object a line
)

// A Match is a line of which an identifier was found.
type Match struct {
	Line    int64       `json:"line"`         // of the file, from 1
	ID      string      `json:"id,omitempty"` // as the file has it
	Type    Type        `json:"type"`
	Epoch   int64       `json:"epoch"`
	Tag     tx.Digest   `json:"tag"`
	Entries []MatchedBy `json:"entries"`
}

// MatchedBy is an entry that is in force about the subject.
type MatchedBy struct {
	Seq   uint64    `json:"seq"` // of the statement that proposed it
	State row.State `json:"state"`
	From  string    `json:"from"`
	Until string    `json:"until"`
}

// A Skipped is an identifier that is none, and was therefore not checked.
type Skipped struct {
	Line   int64  `json:"line"`
	ID     string `json:"id,omitempty"`
	Reason string `json:"reason"`
}

// A Report says what was checked against which state of the list. With its head
// anybody who has the validators' keys can prove that state, and with the copy
// of the list repeat the sweep.
type Report struct {
	V         int                `json:"v"`
	Chain     string             `json:"chain"`
	List      tx.List            `json:"list"`
	Statutory bool               `json:"statutory"` // whether the list has a basis in law
	Height    int64              `json:"height"`
	StateRoot tx.Digest          `json:"state_root"`
	AppHash   tx.Digest          `json:"app_hash"`
	SealedAt  string             `json:"sealed_at"` // time of the header that proves it
	Subjects  int                `json:"subjects"`  // on the list
	Keys      []UsedKey          `json:"keys"`
	Input     tx.Digest          `json:"input_sha256"`
	Lines     int64              `json:"lines"`   // with an identifier
	Checked   int64              `json:"checked"` // identifiers
	Matched   int64              `json:"matched"` // lines
	Skipped   int64              `json:"skipped"` // identifiers that are none
	Head      *receipt.StateHead `json:"head"`
}

// UsedKey is an epoch under which identifiers of a type were looked up.
type UsedKey struct {
	Epoch int64 `json:"epoch"`
	Type  Type  `json:"type"`
}

// A Sink takes what a sweep finds, line by line; either may be nil.
type Sink struct {
	Match func(Match) error
	Skip  func(Skipped) error
}

// Sweep checks a file of shops. When it returns an error the file was not
// checked to its end, and there is no report.
func (w *Sweeper) Sweep(r io.Reader, format string, to Sink) (*Report, error) {
	h := w.set.head
	rep := &Report{
		V: 1, Chain: h.Chain, List: w.set.list, Statutory: w.set.list.Statutory(), Height: h.Height, StateRoot: h.StateRoot,
		AppHash: tx.Digest(h.Block.Header.AppHash), SealedAt: h.Block.Header.Time.String(), Subjects: w.set.Len(), Head: h,
	}
	for _, t := range Types() {
		for _, g := range w.taggers[t] {
			rep.Keys = append(rep.Keys, UsedKey{g.epoch.Number, t})
		}
	}
	sum := sha256.New()
	in := io.TeeReader(r, sum)
	var err error
	switch format {
	case CSV:
		err = w.sweepCSV(in, rep, to)
	case NDJSON:
		err = w.sweepJSON(in, rep, to)
	default:
		err = fmt.Errorf("format %q: want %s or %s", format, CSV, NDJSON)
	}
	if err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	rep.Input = tx.Digest(sum.Sum(nil))
	return rep, nil
}

// field is a part of a line that is checked.
type field struct {
	typ   Type
	value []byte
}

// line checks the identifiers of a line. The first that is found counts.
func (w *Sweeper) line(rep *Report, to Sink, line int64, id []byte, fields []field) error {
	any, found := false, false
	for _, f := range fields {
		if len(f.value) == 0 {
			continue
		}
		any = true
		hit, err := w.Check(f.typ, f.value)
		if err != nil {
			if !errors.Is(err, ErrIdentifier) {
				return err
			}
			rep.Skipped++
			if to.Skip != nil {
				if err := to.Skip(Skipped{line, string(id), err.Error()}); err != nil {
					return err
				}
			}
			continue
		}
		rep.Checked++
		if hit == nil || found {
			continue
		}
		found = true
		rep.Matched++
		if to.Match != nil {
			m := Match{Line: line, ID: string(id), Type: hit.Type, Epoch: hit.Epoch, Tag: hit.Tag}
			for _, e := range hit.Subject {
				m.Entries = append(m.Entries, MatchedBy{e.Seq, e.State, e.From.String(), e.Until.String()})
			}
			if err := to.Match(m); err != nil {
				return err
			}
		}
	}
	if any {
		rep.Lines++
	}
	return nil
}

// known reports whether there is a key for identifiers of the type.
func (w *Sweeper) known(t Type) bool { return len(w.taggers[t]) > 0 }

var errNoColumn = errors.New("there is nothing to check: want a column uscc, person, phone or shop for which there is a key")

func (w *Sweeper) sweepCSV(r io.Reader, rep *Report, to Sink) error {
	c := csv.NewReader(r)
	c.ReuseRecord = true
	names, err := c.Read()
	if err == io.EOF {
		return errNoColumn
	}
	if err != nil {
		return err
	}
	id := -1
	at := map[int]Type{}
	for i, name := range names {
		name = strings.TrimPrefix(strings.TrimSpace(name), "\ufeff")
		if t := Type(name); slices.Contains(Types(), t) && w.known(t) {
			at[i] = t
		} else if name == "id" {
			id = i
		}
	}
	if len(at) == 0 {
		return errNoColumn
	}
	columns := make([]int, 0, len(at))
	for i := range names {
		if _, ok := at[i]; ok {
			columns = append(columns, i)
		}
	}
	fields := make([]field, len(columns))
	for j, i := range columns {
		fields[j].typ = at[i]
	}
	for {
		record, err := c.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		for j, i := range columns {
			fields[j].value = append(fields[j].value[:0], record[i]...)
		}
		var name []byte
		if id >= 0 {
			name = []byte(record[id])
		}
		line, _ := c.FieldPos(0)
		if err := w.line(rep, to, int64(line), name, fields); err != nil {
			return err
		}
	}
}

// maxLine bounds a line of NDJSON in bytes.
const maxLine = 1 << 20

func (w *Sweeper) sweepJSON(r io.Reader, rep *Report, to Sink) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 1<<16), maxLine)
	fields := make([]field, 0, len(Types()))
	for line := int64(1); s.Scan(); line++ {
		if len(bytes.TrimSpace(s.Bytes())) == 0 {
			continue
		}
		var shop struct {
			ID     string `json:"id"`
			USCC   string `json:"uscc"`
			Person string `json:"person"`
			Phone  string `json:"phone"`
			Shop   string `json:"shop"`
		}
		if err := json.Unmarshal(s.Bytes(), &shop); err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		fields = fields[:0]
		for _, f := range []struct {
			t Type
			v string
		}{{USCC, shop.USCC}, {Person, shop.Person}, {Phone, shop.Phone}, {Shop, shop.Shop}} {
			if f.v != "" && w.known(f.t) {
				fields = append(fields, field{f.t, []byte(f.v)})
			}
		}
		if err := w.line(rep, to, line, []byte(shop.ID), fields); err != nil {
			return err
		}
	}
	return s.Err()
}
