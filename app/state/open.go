package state

import (
	"sync/atomic"

	"zhenglian/app/tx"
)

// An Opened is an envelope whose form and signatures have been checked.
type Opened struct {
	Bytes     []byte // the wire form
	Envelope  *tx.Envelope
	ID        tx.ID
	Statement *tx.Statement

	absent atomic.Uint64 // the log of so many entries did not hold ID
}

// AbsentFrom notes that the log of size entries does not hold the statement,
// which stays true: Check then looks only at what came after. It may be called
// while others check.
func (o *Opened) AbsentFrom(size uint64) { o.absent.Store(size) }

// Open parses an envelope and checks each signature against its account's key.
// An account's key never changes, so the result stays true at later heights;
// whether the account may sign is for Check.
func (d *Directory) Open(wire []byte) (*Opened, error) {
	e, err := tx.ParseEnvelope(wire)
	if err != nil {
		return nil, err
	}
	s, err := tx.ParseStatement(e.Payload)
	if err != nil {
		return nil, err
	}
	if s.Chain != d.Params.Chain {
		return nil, &tx.Error{Code: tx.CodeChain, Path: "chain", Detail: "this chain is " + d.Params.Chain}
	}
	for _, sig := range e.Signatures {
		if d.accounts[sig.Account] == nil {
			return nil, &tx.Error{Code: tx.CodeUnknownAccount, Detail: sig.Account.String()}
		}
	}
	digest := tx.PAEDigest(e.Payload)
	for _, sig := range e.Signatures {
		if err := d.accounts[sig.Account].verifier.Verify(e.Payload, digest, sig.Sig); err != nil {
			return nil, &tx.Error{Code: tx.CodeOf(err), Detail: "account " + sig.Account.String()}
		}
	}
	return &Opened{Bytes: wire, Envelope: e, ID: e.ID(), Statement: s}, nil
}
