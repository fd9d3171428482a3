package receipt

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// The oracle is a general CBOR library, driven by the struct tags.
var oracleOut, oracleIn = oracleModes()

func oracleModes() (cbor.EncMode, cbor.DecMode) {
	out, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err)
	}
	in, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return out, in
}

// oracleCBOR reads what parse reads, by the library.
func oracleCBOR(b []byte, d document) error {
	if len(b) == 0 || b[0] < 0xa0 {
		return errors.New("not CBOR")
	}
	if err := oracleIn.Unmarshal(b, d); err != nil {
		return err
	}
	if err := d.check(); err != nil {
		return err
	}
	again, err := oracleOut.Marshal(d)
	if err == nil && !bytes.Equal(again, b) {
		err = errors.New("not deterministic")
	}
	return err
}

func agreeCBOR(t *testing.T, b []byte) {
	t.Helper()
	if len(b) == 0 || b[0] < 0xa0 || len(b) > MaxBytes {
		return
	}
	for _, d := range []func() (got, want document){
		func() (document, document) { return new(Receipt), new(Receipt) },
		func() (document, document) { return new(StateProof), new(StateProof) },
		func() (document, document) { return new(StateHead), new(StateHead) },
	} {
		got, want := d()
		err, oracleErr := parse(b, got), oracleCBOR(b, want)
		if (err == nil) != (oracleErr == nil) {
			t.Fatalf("%x: %v, the library says %v", b, err, oracleErr)
		}
		if err == nil && !bytes.Equal(encodeJSON(got), encodeJSON(want)) {
			t.Fatalf("%x: another document than the library's", b)
		}
	}
}

// cborSamples are receipts of both forms and a proof of state.
func cborSamples(t testing.TB) (samples [][]byte) {
	l := newLedger(t)
	id := l.Must(l.Seal(1))
	l.Must(l.Seal(2))
	r := l.receipt(id)
	samples = append(samples, toCBOR(t, r), toCBOR(t, r.Compact()), toCBOR(t, l.later(r, l.Height)))
	for i := range r.Rows {
		p := &StateProof{V: Version, Chain: r.Chain, Height: r.Entry.Height, LogSize: r.LogSize, LogRoot: r.LogRoot, StateRoot: r.StateRoot, Block: r.Block, Row: r.Rows[i]}
		b, err := p.EncodeCBOR()
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, b)
		if i == 0 {
			if b, err = p.Head().EncodeCBOR(); err != nil {
				t.Fatal(err)
			}
			samples = append(samples, b)
		}
	}
	return samples
}

func TestCBORTampered(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, b := range cborSamples(t) {
		agreeCBOR(t, b)
		if parse(b, new(Receipt)) != nil && parse(b, new(StateProof)) != nil && parse(b, new(StateHead)) != nil {
			t.Fatalf("%x does not parse", b)
		}
		step := 1 + len(b)/400
		for at := r.IntN(step); at < len(b); at += step {
			for _, mask := range []byte{1, 0x20, 0x80, byte(r.Uint32())} {
				c := bytes.Clone(b)
				c[at] ^= mask
				agreeCBOR(t, c)
			}
			agreeCBOR(t, b[:at])
			agreeCBOR(t, append(bytes.Clone(b[:at]), b[min(len(b), at+1+r.IntN(40)):]...))
			agreeCBOR(t, append(append(bytes.Clone(b[:at]), byte(r.Uint32())), b[at:]...))
		}
		// The heads of the document are at its beginning: try every byte there.
		for at := range min(len(b), 24) {
			for v := range 256 {
				c := bytes.Clone(b)
				c[at] = byte(v)
				agreeCBOR(t, c)
			}
		}
	}
}

func FuzzCBOR(f *testing.F) {
	for _, b := range cborSamples(f) {
		f.Add(b)
	}
	f.Fuzz(agreeCBOR)
}
