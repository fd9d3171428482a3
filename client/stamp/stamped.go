package stamp

import (
	"context"
	"crypto/x509"

	"zhenglian/app/tx"
)

// A Stamped is a token with the certificates that lead to its root.
type Stamped struct {
	*Token
	Certs []*x509.Certificate // signer, intermediates, root
}

// An Authority gives out tokens.
type Authority interface {
	// Stamp returns a token of digest that has been checked.
	Stamp(ctx context.Context, digest tx.Digest) (*Stamped, error)
}

// All asks every authority. One that fails fails all: evidence with fewer tokens
// than its office ordered is not to be made by accident.
func All(ctx context.Context, digest tx.Digest, authorities ...Authority) ([]*Stamped, error) {
	var out []*Stamped
	for _, a := range authorities {
		s, err := a.Stamp(ctx, digest)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}
