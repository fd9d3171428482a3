package paper

import (
	"bytes"
	"strings"

	"zhenglian/app/receipt"
)

// Read takes the receipt out of what holds one: a receipt in either encoding, a PDF
// to which one is attached, or the texts of codes, one a line.
func Read(b []byte) (doc []byte, source receipt.Source, err error) {
	switch {
	case IsPDF(b):
		doc, err = Attached(b)
		return doc, receipt.FromCertificate, err
	case IsCode(string(b[:min(len(b), len(prefix))])):
		doc, err = scanned(b)
		return doc, receipt.FromPaper, err
	}
	return b, receipt.FromFile, nil
}

// scanned joins codes as a scanner wrote them.
func scanned(b []byte) ([]byte, error) {
	var s Sheet
	for line := range bytes.Lines(b) {
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			continue
		}
		if _, err := s.Add(text); err != nil {
			return nil, err
		}
	}
	return s.Receipt()
}

// Verify checks the receipt in what [Read] reads, or a proof of a split view. The same input gives the same
// report, in every program that calls it.
func Verify(b []byte, t *receipt.Trust, o receipt.Options) *receipt.Report {
	if receipt.IsSplit(b) {
		return receipt.VerifySplit(b, t, o.Witnesses)
	}
	doc, source, err := Read(b)
	o.Source = source
	if err != nil {
		return receipt.Unreadable(err, t, o)
	}
	return receipt.Verify(doc, t, o)
}
