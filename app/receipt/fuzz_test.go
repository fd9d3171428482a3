package receipt

import (
	"bytes"
	"encoding/json"
	"testing"

	"zhenglian/app/tx"
)

func seed(f *testing.F) *Trust {
	trust, err := ParseTrust(read(f, "trust.json"))
	if err != nil {
		f.Fatal(err)
	}
	var index []vector
	if err := json.Unmarshal(read(f, "vectors.json"), &index); err != nil {
		f.Fatal(err)
	}
	for _, v := range index {
		f.Add(read(f, v.Receipt))
	}
	return trust
}

// What parses is written again with the same bytes.
func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Parse(b)
		if err != nil {
			return
		}
		c, j := toCBOR(t, r), toJSON(t, r)
		if b[0] >= 0xa0 {
			if !bytes.Equal(c, b) {
				t.Errorf("CBOR %x is written as %x", b, c)
			}
			return
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, b); err != nil || !bytes.Equal(unescapeHTML(compact.Bytes()), j) {
			t.Errorf("JSON %s is written as %s", b, j)
		}
	})
}

// No input panics, and none is verified that is not one of the statements that
// the validators of the vectors confirmed.
func FuzzVerify(f *testing.F) {
	trust := seed(f)
	known := map[tx.ID]bool{}
	for _, name := range []string{"good.receipt.json", "withdrawn.receipt.json", "endorsed.receipt.json", "batch.receipt.json"} {
		r, err := Parse(read(f, name))
		if err != nil {
			f.Fatal(err)
		}
		known[mustEnvelope(f, r).ID()] = true
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := Verify(b, trust, Options{})
		if len(r.JSON()) == 0 || r.Text(Both) == "" {
			t.Error("empty report")
		}
		if r.Verdict != NotVerified && !known[r.Facts.ID] {
			t.Errorf("verified: %s", r.Text(EN))
		}
		if r.Verdict != NotVerified && r.Facts.Item != nil && *r.Facts.Item != (ItemFact{1, 3, page().SHA256}) {
			t.Errorf("verified another item: %s", r.Text(EN))
		}
	})
}

func FuzzStateProof(f *testing.F) {
	l := newLedger(f)
	for _, key := range [][]byte{{1}, {2, 'x'}} {
		p := l.stateProof(1, key)
		b, err := p.EncodeCBOR()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		if b, err = p.EncodeJSON(); err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	view := l.at(1)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseStateProof(b)
		if err != nil {
			return
		}
		value, err := VerifyRow(p, p.Row.Key, l.trust)
		if err != nil {
			return
		}
		if want, _ := view.Get(p.Row.Key); !bytes.Equal(value, want) {
			t.Errorf("key %x: verified as %q, the state has %q", p.Row.Key, value, want)
		}
	})
}

func FuzzTrust(f *testing.F) {
	f.Add(read(f, "trust.json"))
	f.Add(newLineage(f, 3).full().Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		trust, err := ParseTrust(b)
		if err != nil {
			return
		}
		again, err := ParseTrust(trust.Encode())
		if err != nil || again.ValidatorsHash() != trust.ValidatorsHash() {
			t.Errorf("%s: does not survive a round trip: %v", b, err)
		}
	})
}
