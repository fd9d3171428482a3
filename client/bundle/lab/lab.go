package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"zhenglian/app/receipt"
	"zhenglian/client/bundle"
)

// MaxBytes is the largest bundle of which the lab holds copies in memory.
const MaxBytes = 256 << 20

// Sorts of changes.
const (
	Damage  = "damage"
	Archive = "archive"
	Forgery = "forgery"
)

// An Outcome is what became of one change.
type Outcome struct {
	ID       string       `json:"id"` // stable
	Sort     string       `json:"sort"`
	Name     receipt.Text `json:"name"`
	Caught   bool         `json:"caught"`
	By       []string     `json:"by"`                 // ids of the checks that failed, in the order of the report
	Sentence receipt.Text `json:"sentence"`           // of the first of them
	NA       string       `json:"na,omitempty"`       // why the change does not apply to this bundle
	Crash    string       `json:"crash,omitempty"`    // the verifier's panic
	Verdict  string       `json:"verdict,omitzero"`   // of the changed bundle
	Err      string       `json:"lab_error,omitzero"` // the lab could not make the change
}

// A Result is a table of outcomes.
type Result struct {
	Verdict       receipt.Verdict `json:"verdict"` // of the bundle as it was given
	Changes       int             `json:"changes"` // that apply
	Caught        int             `json:"caught"`
	NotApplicable int             `json:"not_applicable"`
	Outcomes      []Outcome       `json:"outcomes"`
}

// Complete reports whether every change that applies was caught.
func (r *Result) Complete() bool { return r.Caught == r.Changes && r.Changes > 0 }

// errNA is the error of a change that has nothing to work on.
type errNA string

func (e errNA) Error() string { return string(e) }

// Run tries every change on copies of b, which must verify as it is.
func Run(ctx context.Context, b []byte, t *receipt.Trust, o bundle.Options) (*Result, error) {
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("lab: a bundle of %d bytes; the limit is %d", len(b), MaxBytes)
	}
	r, err := bundle.Verify(ctx, bytes.NewReader(b), int64(len(b)), t, o)
	if err != nil {
		return nil, err
	}
	if r.Verdict == receipt.NotVerified {
		return nil, fmt.Errorf("lab: the bundle does not verify to begin with: %s", r.Summary.EN)
	}
	s, err := open(b)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	res := &Result{Verdict: r.Verdict}
	for i := range changes {
		c := &changes[i]
		out := Outcome{ID: c.id, Sort: c.sort, Name: receipt.Text{ZH: c.zh, EN: c.en}, By: []string{}}
		changed, err := c.apply(s.clone())
		var na errNA
		switch {
		case errors.As(err, &na):
			out.NA = err.Error()
			res.NotApplicable++
		case err != nil:
			out.Err = err.Error()
			res.Changes++
		case bytes.Equal(changed, b):
			out.Err = "the change changed nothing"
			res.Changes++
		default:
			res.Changes++
			try(ctx, &out, changed, t, o)
			if out.Caught {
				res.Caught++
			}
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		res.Outcomes = append(res.Outcomes, out)
	}
	return res, nil
}

// try verifies a changed bundle and survives it.
func try(ctx context.Context, out *Outcome, b []byte, t *receipt.Trust, o bundle.Options) {
	defer func() {
		if p := recover(); p != nil {
			out.Caught, out.Crash = false, fmt.Sprint(p)
		}
	}()
	r, err := bundle.Verify(ctx, bytes.NewReader(b), int64(len(b)), t, o)
	if err != nil {
		return // ctx ended, as Run sees
	}
	out.Verdict = string(r.Verdict)
	out.Caught = r.Verdict == receipt.NotVerified
	for i := range r.Checks {
		if c := &r.Checks[i]; c.Result == receipt.Fail {
			if len(out.By) == 0 {
				out.Sentence = c.Sentence
			}
			out.By = append(out.By, c.ID)
		}
	}
}

// Text returns the table for people, in ZH or EN of package receipt.
func (r *Result) Text(lang string) string {
	tr := func(zh, en string) string {
		if lang == receipt.ZH {
			return zh
		}
		return en
	}
	var b strings.Builder
	for i := range r.Outcomes {
		o := &r.Outcomes[i]
		word := tr("未发现", "MISSED")
		switch {
		case o.NA != "":
			word = tr("不适用", "n/a")
		case o.Crash != "":
			word = tr("崩溃", "CRASHED")
		case o.Caught:
			word = tr("已发现", "caught")
		}
		fmt.Fprintf(&b, "[%s] %s: %s\n", word, o.ID, tr(o.Name.ZH, o.Name.EN))
		switch {
		case o.NA != "" || o.Crash != "" || o.Err != "":
			fmt.Fprintf(&b, "        %s\n", o.NA+o.Crash+o.Err)
		case o.Caught:
			fmt.Fprintf(&b, "        %s — %s\n", strings.Join(o.By, ", "), tr(o.Sentence.ZH, o.Sentence.EN))
		}
	}
	fmt.Fprintf(&b, tr("\n%d 种改动，发现 %d 种；%d 种不适用于本证据包。\n", "\n%d changes, %d caught; %d do not apply to this bundle.\n"), r.Changes, r.Caught, r.NotApplicable)
	return b.String()
}
