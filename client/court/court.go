// Package court is the verifier that a court sees: one function for every document
// that the ledger hands out, called by the command zheng-verify, by the page in the
// browser and by the gateway, which therefore write the same report, byte for byte.
//
//	report, err := court.Verify(ctx, file, size, trust, court.Options{})
//	os.Stdout.WriteString(report.Text(receipt.Both))
//
// A document is told by its first bytes: a bundle (package bundle), a certificate
// in PDF or the text of printed codes (package paper), a proof of a split view, and
// everything else a receipt.
//
// What is no bundle costs at most 128 MiB of memory, whatever it says of itself; of a
// bundle see package bundle.
package court

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/bundle"
	"zhenglian/client/paper"
)

// Options say what is asked and what is trusted besides the ledger.
type Options struct {
	Files    []receipt.FileDigests // files that the statement is to name
	WantID   tx.ID                 // zero: any statement
	TSARoots []*x509.Certificate   // roots of time-stamp authorities that the verifier trusts

	Witnesses *receipt.WitnessPolicy // whose cosignatures are asked for; nil: none are checked
}

// A Report is what was found, to be written in any form.
type Report interface {
	JSON() []byte
	Text(lang string) string
	Page(lang string) *receipt.Page
	Sum() *receipt.Report // the report, without what only a bundle says
}

// Verify checks a document of size bytes. The same input gives the same report. The
// error is not nil when in cannot be read or ctx ended; a document that does not
// verify is no error.
func Verify(ctx context.Context, in io.ReaderAt, size int64, t *receipt.Trust, o Options) (Report, error) {
	head := make([]byte, min(size, 4))
	if _, err := in.ReadAt(head, 0); err != nil && len(head) > 0 && err != io.EOF {
		return nil, fmt.Errorf("document: %w", err)
	}
	if string(head) == "PK\x03\x04" {
		r, err := bundle.Verify(ctx, in, size, t, bundle.Options{WantID: o.WantID, Files: o.Files, TSARoots: o.TSARoots, Witnesses: o.Witnesses})
		if err != nil {
			return nil, err
		}
		return r, nil
	}
	b, err := io.ReadAll(io.NewSectionReader(in, 0, min(size, paper.MaxPDF+1)))
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	return paper.Verify(b, t, receipt.Options{WantID: o.WantID, Files: o.Files, Witnesses: o.Witnesses}), nil
}
