package receipt

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"zhenglian/app/tx"
)

// Trust is where verification starts: the validators of a chain at a height.
// Whoever verifies gets it by a way of his own — from the court, from the
// founders, from print — and not together with the receipt.
//
//	chain           string  chain id
//	changes         array   of {block, validators}: see Change; absent when there is none
//	genesis_sha256  hex     of the genesis file, optional: for people to compare
//	height          int     from which on these validators are known to be in office
//	v               int     1
//	validators      array   of {power: int, pub_key: hex of Ed25519}
type Trust struct {
	V             int
	Chain         string
	GenesisSHA256 tx.Digest // zero: absent
	Height        int64
	Validators    []Validator // in CometBFT's order; NewTrust and ParseTrust sort them
	Changes       []Change    // of the validators since, in order; each is proved by those before it
}

// A Validator is a voter of the chain.
type Validator struct {
	PubKey [ed25519.PublicKeySize]byte
	Power  int64 // 1 to 2^53, as is the sum of all
}

// Address returns what orders validators of equal power, and what CometBFT calls
// them by: the first 20 bytes of SHA-256 of the key.
func (v *Validator) Address() [20]byte {
	d := sha256.Sum256(v.PubKey[:])
	return [20]byte(d[:20])
}

// NewTrust returns a checked and sorted trust root.
func NewTrust(chain string, height int64, validators []Validator) (*Trust, error) {
	t := &Trust{V: Version, Chain: chain, Height: height, Validators: slices.Clone(validators)}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("trust root: %w", err)
	}
	return t, nil
}

// ParseTrust reads a trust file strictly: members in alphabetical order and no
// others, with any white space. Validators may come in any order.
func ParseTrust(b []byte) (*Trust, error) {
	t := new(Trust)
	if err := t.parse(b); err != nil {
		return nil, fmt.Errorf("trust root: %w", err)
	}
	return t, nil
}

func (t *Trust) parse(b []byte) error {
	if len(b) > MaxTrust {
		return fmt.Errorf("%d bytes; the limit is %d", len(b), MaxTrust)
	}
	compact, err := compactJSON(b)
	if err != nil {
		return err
	}
	r := tx.NewReader(compact)
	o := r.Object()
	o.Need("chain")
	t.Chain = r.String(50)
	if o.Has("changes") {
		r.Array(maxChanges, func(int) {
			var c Change
			co := r.Object()
			co.Need("block")
			c.Block.read(r)
			co.Need("validators")
			c.Validators = readValidators(r)
			co.End()
			t.Changes = append(t.Changes, c)
		})
	}
	if o.Has("genesis_sha256") {
		r.Hex(t.GenesisSHA256[:])
	}
	o.Need("height")
	t.Height = r.Int(1, tx.MaxInt)
	o.Need("v")
	t.V = int(r.Int(0, 1<<31))
	o.Need("validators")
	t.Validators = readValidators(r)
	o.End()
	r.End()
	if err := r.Err(); err != nil {
		return err
	}
	return t.check()
}

// check validates t and puts the validators in CometBFT's order.
func (t *Trust) check() error {
	if err := checkHead(t.V, t.Chain, 0); err != nil {
		return err
	}
	if t.Height < 1 || t.Height > tx.MaxInt {
		return errors.New("height out of bounds")
	}
	if err := checkValidators(t.Validators); err != nil {
		return err
	}
	return t.checkChanges(0)
}

// checkValidators validates a set and puts it in CometBFT's order.
func checkValidators(vs []Validator) error {
	if n := len(vs); n == 0 || n > maxValidators {
		return fmt.Errorf("%d validators; want 1 to %d", n, maxValidators)
	}
	slices.SortFunc(vs, func(a, b Validator) int {
		if a.Power != b.Power {
			return int(min(1, max(-1, b.Power-a.Power)))
		}
		x, y := a.Address(), b.Address()
		return bytes.Compare(x[:], y[:])
	})
	seen := make(map[[32]byte]bool, len(vs))
	var total int64
	for i := range vs {
		v := &vs[i]
		if v.Power < 1 || v.Power > tx.MaxInt-total {
			return errors.New("power of validators out of bounds")
		}
		total += v.Power
		if seen[v.PubKey] {
			return errors.New("a validator occurs twice")
		}
		seen[v.PubKey] = true
	}
	return nil
}

// power returns the sum of the validators' power, which checkValidators has bounded.
func power(vs []Validator) (sum int64) {
	for i := range vs {
		sum += vs[i].Power
	}
	return sum
}

func readValidators(r *tx.Reader) (vs []Validator) {
	r.Array(maxValidators, func(int) {
		var v Validator
		o := r.Object()
		o.Need("power")
		v.Power = r.Int(1, tx.MaxInt)
		o.Need("pub_key")
		r.Hex(v.PubKey[:])
		o.End()
		vs = append(vs, v)
	})
	return vs
}

func writeValidators(w *tx.Writer, vs []Validator) {
	w.Array("validators", len(vs), func(i int) {
		w.Open()
		w.Int("power", vs[i].Power)
		w.Hex("pub_key", vs[i].PubKey[:])
		w.Close()
	})
}

// Encode returns the trust file, indented for people.
func (t *Trust) Encode() []byte {
	w := tx.Writer{}
	w.Open()
	w.String("chain", t.Chain)
	if len(t.Changes) > 0 {
		w.Array("changes", len(t.Changes), func(i int) {
			w.Open()
			t.Changes[i].Block.write(&w)
			writeValidators(&w, t.Changes[i].Validators)
			w.Close()
		})
	}
	if !t.GenesisSHA256.IsZero() {
		w.Hex("genesis_sha256", t.GenesisSHA256[:])
	}
	w.Int("height", t.Height)
	w.Int("v", int64(t.V))
	writeValidators(&w, t.Validators)
	w.Close()
	return indentJSON(w.B)
}
