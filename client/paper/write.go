package paper

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Pack compresses a receipt for codes.
func Pack(receipt []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		panic(err) // the level is one of the package's own
	}
	_, _ = w.Write(receipt) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// Codes returns the texts of the codes for a receipt in its compact CBOR form: one
// if it fits, else as few as possible.
func Codes(receipt []byte) ([]string, error) {
	if len(receipt) > MaxReceipt {
		return nil, fmt.Errorf("paper: receipt of %d bytes; the limit is %d", len(receipt), MaxReceipt)
	}
	packed := Pack(receipt)
	const room = (MaxCode - headLen) / 3 * 2 // bytes: base45 makes three characters of two
	n := (len(packed) + room - 1) / room
	if n > MaxCodes {
		return nil, fmt.Errorf("paper: the receipt needs %d codes; the limit is %d", n, MaxCodes)
	}
	sum := sha256.Sum256(packed)
	name := strings.ToUpper(hex.EncodeToString(sum[:4]))
	size := (len(packed) + n - 1) / n
	var out []string
	for i := range n {
		part := packed[i*size : min((i+1)*size, len(packed))]
		out = append(out, fmt.Sprintf("%s%d/%d:%s:%s", prefix, i+1, n, name, encode45(part)))
	}
	return out, nil
}
