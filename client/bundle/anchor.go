package bundle

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
)

// AnchorHeader takes from a block, in the JSON form that a checkpoint shows, its
// header in the form that a bundle keeps, if it is the block of a.
//
// The header proves its time without any signature: the ledger refuses a
// statement whose anchor is not the hash of the block of that height, and the
// header is what that hash is of.
func AnchorHeader(block json.RawMessage, a tx.Anchor) ([]byte, error) {
	var parts struct {
		Header json.RawMessage `json:"header"`
	}
	if err := json.Unmarshal(block, &parts); err != nil {
		return nil, fmt.Errorf("anchor block: %w", err)
	}
	h, err := parseHeader(parts.Header)
	if err != nil {
		return nil, err
	}
	if err := isAnchor(h, a); err != nil {
		return nil, err
	}
	return encodeHeader(h)
}

func isAnchor(h *receipt.Header, a tx.Anchor) error {
	if h.Height != a.Height || tx.Digest(h.Hash()) != a.Hash {
		return fmt.Errorf("anchor block: it is not block %d of hash %s", a.Height, a.Hash)
	}
	return nil
}

// parseHeader reads a header. Package receipt reads one only inside a document,
// of which a state proof is the smallest; nothing else in it means anything.
func parseHeader(b []byte) (*receipt.Header, error) {
	if len(b) > 8<<10 {
		return nil, fmt.Errorf("anchor block: header of %d bytes; the limit is %d", len(b), 8<<10)
	}
	zero := tx.Digest{}.String()
	doc := fmt.Appendf(nil, `{"block":{"commit":{"parts_hash":"%s","parts_total":1,"round":0,"signatures":[{"signature":"%s","time":"1970-01-01T00:00:00.000000000Z","validator":0}]},"header":%s},"chain":"x","height":1,"log_root":"%s","log_size":0,"row":{"key":"00","proof":"AA=="},"state_root":"%s","v":1}`,
		zero, base64.StdEncoding.EncodeToString(make([]byte, 64)), b, zero, zero)
	p, err := receipt.ParseStateProof(doc)
	if err != nil {
		return nil, fmt.Errorf("anchor block: header: %w", err)
	}
	return &p.Block.Header, nil
}

func encodeHeader(h *receipt.Header) ([]byte, error) {
	hash := make([]byte, 32)
	p := receipt.StateProof{V: receipt.Version, Chain: h.ChainID, Height: 1, Row: receipt.Row{Key: []byte{0}, Proof: []byte{0}}}
	p.Block = receipt.SignedBlock{Header: *h, Commit: receipt.Commit{PartsTotal: 1, PartsHash: hash, Signatures: []receipt.Signature{{Sig: make([]byte, 64)}}}}
	doc, err := p.EncodeJSON()
	if err != nil {
		return nil, fmt.Errorf("anchor block: %w", err)
	}
	var parts struct {
		Block struct {
			Header json.RawMessage `json:"header"`
		} `json:"block"`
	}
	if err := json.Unmarshal(doc, &parts); err != nil {
		return nil, fmt.Errorf("anchor block: %w", err)
	}
	return parts.Block.Header, nil
}

// readAnchor reads what AnchorHeader returned, and nothing else.
func readAnchor(b []byte, a tx.Anchor) (*receipt.Header, error) {
	h, err := parseHeader(b)
	if err != nil {
		return nil, err
	}
	again, err := encodeHeader(h)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, b) {
		return nil, errors.New("anchor block: the header is not in its canonical form")
	}
	return h, isAnchor(h, a)
}
