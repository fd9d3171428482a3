package witness

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
)

// A Request asks for a cosignature: C2SP tlog-witness, add-checkpoint.
type Request struct {
	Old         uint64      // size of the log that the witness cosigned last, 0: none
	Consistency []tx.Digest // from Old to the checkpoint's size
	Note        []byte      // a signed checkpoint
}

// Bounds of a request.
const (
	maxProof = 63
	maxNote  = 128 << 10
	maxBody  = maxNote + (maxProof+2)*64
)

const sizeType = "text/x.tlog.size"

// Encode is the body.
func (r *Request) Encode() []byte {
	b := strconv.AppendUint([]byte("old "), r.Old, 10)
	b = append(b, '\n')
	for i := range r.Consistency {
		b = base64.StdEncoding.AppendEncode(b, r.Consistency[i][:])
		b = append(b, '\n')
	}
	b = append(b, '\n')
	return append(b, r.Note...)
}

// parseRequest reads a body strictly.
func parseRequest(b []byte) (r Request, err error) {
	head, signed, ok := bytes.Cut(b, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	size, isOld := strings.CutPrefix(lines[0], "old ")
	if !ok || !isOld || len(lines) > 1+maxProof || len(signed) > maxNote {
		return r, errors.New("want the line \"old SIZE\", at most 63 lines of hashes, an empty line and a checkpoint")
	}
	if r.Old, err = strconv.ParseUint(size, 10, 53); err != nil || strconv.FormatUint(r.Old, 10) != size {
		return r, fmt.Errorf("old size %q is not a number", size)
	}
	for _, l := range lines[1:] {
		h, err := base64.StdEncoding.Strict().DecodeString(l)
		if err != nil || len(h) != len(tx.Digest{}) {
			return r, errors.New("a line of the proof is not a hash in base64")
		}
		r.Consistency = append(r.Consistency, tx.Digest(h))
	}
	r.Note = signed
	return r, nil
}

// Why a witness did not cosign.
var (
	// ErrInconsistent: the witness saw another log of this name (409 without a size,
	// or 422).
	ErrInconsistent = errors.New("the witness knows another log of this name")
)

// A Conflict says which checkpoint the witness cosigned last; a proof must begin there.
type Conflict struct{ Size uint64 }

func (c *Conflict) Error() string { return fmt.Sprintf("the witness is at size %d", c.Size) }

// Submit sends a request to the witness at a URL (the submission prefix) and returns
// its cosignatures by key, verified. Cosignatures of other keys are passed over.
func Submit(ctx context.Context, h *http.Client, url string, key receipt.NoteKey, r *Request) ([]receipt.Cosignature, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(url, "/")+"/add-checkpoint", bytes.NewReader(r.Encode()))
	if err != nil {
		return nil, err
	}
	resp, err := h.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxNote))
	if err != nil {
		return nil, err
	}
	switch {
	case resp.StatusCode == http.StatusOK:
	case resp.StatusCode == http.StatusConflict && resp.Header.Get("Content-Type") == sizeType:
		n, err := strconv.ParseUint(strings.TrimSuffix(string(body), "\n"), 10, 53)
		if err != nil {
			return nil, fmt.Errorf("answer 409: %q is no size", body)
		}
		return nil, &Conflict{n}
	case resp.StatusCode == http.StatusConflict, resp.StatusCode == http.StatusUnprocessableEntity:
		return nil, fmt.Errorf("%w: %s", ErrInconsistent, firstLine(body))
	default:
		return nil, fmt.Errorf("answer %d: %s", resp.StatusCode, firstLine(body))
	}
	text, _, _ := bytes.Cut(r.Note, []byte("\n\n"))
	answer := append(append(bytes.Clone(text), '\n', '\n'), body...)
	if _, by, err := receipt.OpenCheckpoint(answer, []receipt.NoteKey{key}); err != nil || len(by) == 0 {
		return nil, fmt.Errorf("its answer holds no good cosignature of %s: %w", key.Name(), err)
	}
	cs, err := receipt.Cosignatures(answer)
	if err != nil {
		return nil, err
	}
	var own []receipt.Cosignature
	for _, c := range cs {
		if c.Name == key.Name() && key.Verify(append(text, '\n'), c.Sig[4:]) {
			own = append(own, c)
		}
	}
	return own, nil
}

func firstLine(b []byte) string {
	s, _, _ := strings.Cut(string(b[:min(len(b), 200)]), "\n")
	return strings.ToValidUTF8(s, "�")
}

func tlogHashes(d []tx.Digest) []tlog.Hash {
	h := make([]tlog.Hash, len(d))
	for i := range d {
		h[i] = tlog.Hash(d[i])
	}
	return h
}

// beginning is the root of the first m entries that a consistency proof to (n, root)
// implies (RFC 9162 §2.1.4.2). A proof from a power of two does not hold it.
func beginning(proof []tx.Digest, m, n uint64, root tx.Digest) (tx.Digest, bool) {
	if m == 0 || m >= n || m&(m-1) == 0 || len(proof) == 0 {
		return tx.Digest{}, false
	}
	p := tlogHashes(proof)
	fn, sn := m-1, n-1
	for fn&1 == 1 {
		fn, sn = fn>>1, sn>>1
	}
	first, second := p[0], p[0]
	for _, c := range p[1:] {
		if sn == 0 {
			return tx.Digest{}, false
		}
		if fn&1 == 1 || fn == sn {
			first, second = tlog.NodeHash(c, first), tlog.NodeHash(c, second)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			second = tlog.NodeHash(second, c)
		}
		fn, sn = fn>>1, sn>>1
	}
	return tx.Digest(first), sn == 0 && second == tlog.Hash(root)
}
