package client

import (
	"context"
	"errors"
	"fmt"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// An Entry is a statement that the ledger has accepted, with its receipt. When
// Outcome is [row.Waits] it is on the ledger but takes effect only with the
// signatures that Missing names.
type Entry struct {
	*api.Submission
	Checked bool // the receipt was verified against a trust root
}

// Unverified is the error of a receipt that does not prove what it should.
type Unverified struct {
	ID     tx.ID // that the receipt was to prove; zero: none in particular
	Report *receipt.Report
}

func (e *Unverified) Error() string {
	s := string(receipt.NotVerified)
	if !e.ID.IsZero() {
		s += " " + e.ID.String()
	}
	return s + ": " + e.Report.Summary.EN
}

// Enter hands in an envelope, waits for its receipt as long as ctx lasts, and
// checks the receipt against trust before it reports success. Without a trust
// root it only sees to it that the receipt is of this statement.
func (c *Client) Enter(ctx context.Context, e *tx.Envelope, trust *receipt.Trust) (*Entry, error) {
	s, err := c.Await(ctx, e, api.SubmitOptions{})
	if err != nil {
		return nil, err
	}
	if trust == nil {
		if err := sameEntry(s); err != nil {
			return nil, fmt.Errorf("receipt of %s: %w", s.ID, &badAnswer{err})
		}
		return &Entry{Submission: s}, nil
	}
	r := c.VerifyReceipt(ctx, s.Receipt, trust, receipt.Options{WantID: s.ID, WantSeq: &s.Seq, WantHeight: s.Height})
	if r.Verdict == receipt.NotVerified && !OnlyWaits(r) {
		return nil, &Unverified{s.ID, r}
	}
	return &Entry{s, true}, nil
}

// VerifyReceipt is [receipt.Verify], which reads no network. When the validators
// are others than the trust root knows, it asks the gateway for the changes since;
// those that the trust root itself proves are taken, nothing else.
func (c *Client) VerifyReceipt(ctx context.Context, b []byte, trust *receipt.Trust, o receipt.Options) *receipt.Report {
	r := receipt.Verify(b, trust, o)
	if r.Check("quorum").Result != receipt.Fail && r.Check("later").Result != receipt.Fail {
		return r
	}
	if newer, err := c.UpdateTrust(ctx, trust); err == nil && newer != trust {
		return receipt.Verify(b, newer, o)
	}
	return r
}

// UpdateTrust returns a trust root with the changes of the validators that the
// gateway knows besides, each proved by those before it; trust itself when there
// are none.
func (c *Client) UpdateTrust(ctx context.Context, trust *receipt.Trust) (*receipt.Trust, error) {
	b, err := c.Trust(ctx)
	if err != nil {
		return nil, err
	}
	newer, err := receipt.ParseTrust(b)
	if err != nil {
		return nil, &badAnswer{err}
	}
	return trust.Extend(newer)
}

// sameEntry compares a receipt with the answer that brought it.
func sameEntry(s *api.Submission) error {
	r, err := receipt.Parse(s.Receipt)
	if err != nil {
		return err
	}
	e, err := tx.ParseEnvelope(r.Entry.Envelope)
	if err != nil {
		return err
	}
	if e.ID() != s.ID || r.Entry.Seq != s.Seq || r.Entry.Height != s.Height {
		return errors.New("it is of another entry")
	}
	return nil
}

// OnlyWaits reports whether a receipt proves everything but that the policy is
// satisfied, because the statement still waits for signatures.
func OnlyWaits(r *receipt.Report) bool {
	for _, c := range r.Checks {
		if c.Result == receipt.Fail && c.ID != "policy" {
			return false
		}
	}
	return r.Facts != nil && r.Facts.State == string(row.Pending)
}
