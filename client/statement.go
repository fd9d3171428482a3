package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
)

// DefaultExpires is how many heights after the checkpoint a statement may
// still be accepted when nobody says otherwise: at fifty blocks a second a
// quarter of an hour, on a quiet chain two weeks.
const DefaultExpires = 50_000

// A Draft is what somebody wants to state.
type Draft struct {
	Member  tx.MemberID // who states
	Kind    tx.Kind
	Prev    tx.ID   // see Client.Head; zero for kinds that continue nothing
	Body    tx.Body // of Kind. In a *tx.Evidence or *tx.Batch an anchor that is zero is filled in
	Expires int64   // heights from now; 0 means DefaultExpires
	Chain   string  // when not "", the gateway must serve this chain
}

// Draft turns d into the canonical bytes of a statement, ready to be signed:
// chain, anchor and expires come from the gateway's checkpoint, the claimed
// time from this machine's clock.
func (c *Client) Draft(ctx context.Context, d Draft) ([]byte, error) {
	cp, err := c.Checkpoint(ctx)
	if err != nil {
		return nil, err
	}
	if d.Chain != "" && d.Chain != cp.Chain {
		return nil, fmt.Errorf("draft: the gateway serves chain %q, the trust root is of %q: %w", cp.Chain, d.Chain, tx.CodeChain.Err())
	}
	if cp.Anchor.Height < 1 {
		return nil, fmt.Errorf("draft: chain %q has no block yet: try again in a moment", cp.Chain)
	}
	var anchor *tx.Anchor
	switch b := d.Body.(type) {
	case *tx.Evidence:
		anchor = &b.Anchor
	case *tx.Batch:
		anchor = &b.Anchor
	}
	if anchor != nil && *anchor == (tx.Anchor{}) {
		*anchor = tx.Anchor{Hash: cp.Anchor.Hash, Height: cp.Anchor.Height}
	}
	if d.Expires == 0 {
		d.Expires = DefaultExpires
	}
	s := tx.Statement{
		Chain: cp.Chain, Kind: d.Kind, Member: d.Member, At: tx.TimeOf(time.Now()),
		Expires: cp.Anchor.Height + d.Expires, Prev: d.Prev, Body: d.Body,
	}
	b, err := s.Encode()
	if err != nil {
		return nil, fmt.Errorf("draft %s: %w", d.Kind, err)
	}
	return b, nil
}

// Head returns what a statement that continues the matter of id names as its
// prev.
func (c *Client) Head(ctx context.Context, id tx.ID) (tx.ID, error) {
	s, err := c.Statement(ctx, id)
	if err != nil {
		return tx.ID{}, err
	}
	if s.Matter == nil {
		return tx.ID{}, fmt.Errorf("statement %s is of kind %s, which belongs to no matter", id, s.Kind)
	}
	return s.Matter.Head, nil
}

// NotarizeOptions say what to seal and who signs.
type NotarizeOptions struct {
	Member   tx.MemberID    // who states
	Evidence tx.Evidence    // Files are filled in, and an Anchor that is zero
	Files    []LocalFile    // 1 to tx.MaxFiles
	Upload   bool           // hand the files to the gateway before the statement
	Expires  int64          // heights from now; 0 means DefaultExpires
	Signers  []tx.Signer    // at least one of Member
	Trust    *receipt.Trust // to check the receipt against; nil: it is not checked
	Progress Progress       // of the upload; may be nil
}

// Seal uploads the files when asked to and drafts their evidence.seal. Files
// with the same bytes in the same role are stated once.
func (c *Client) Seal(ctx context.Context, o NotarizeOptions) ([]byte, error) {
	e := o.Evidence
	e.Files = nil
	for _, f := range o.Files {
		same := func(g tx.File) bool { return g.SHA256 == f.SHA256 && g.Role == f.Role }
		if !slices.ContainsFunc(e.Files, same) {
			e.Files = append(e.Files, f.File)
		}
	}
	switch n := len(e.Files); {
	case n == 0:
		return nil, errors.New("notarize: no files")
	case n > tx.MaxFiles:
		return nil, fmt.Errorf("notarize: %d files; one statement takes at most %d: make several, or one archive", n, tx.MaxFiles)
	}
	d := Draft{Member: o.Member, Kind: tx.EvidenceSeal, Body: &e, Expires: o.Expires}
	if o.Trust != nil {
		d.Chain = o.Trust.Chain
	}
	if o.Upload {
		// First the files: a statement that is on the ledger then names
		// nothing that is not kept.
		for _, f := range o.Files {
			if err := c.Upload(ctx, f, o.Progress); err != nil {
				return nil, err
			}
		}
	}
	return c.Draft(ctx, d)
}

// Notarize puts files on the ledger as one evidence.seal.
func (c *Client) Notarize(ctx context.Context, o NotarizeOptions) (*Entry, error) {
	statement, err := c.Seal(ctx, o)
	if err != nil {
		return nil, err
	}
	e, err := tx.Seal(statement, o.Signers...)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return c.Enter(ctx, e, o.Trust)
}
