package bundle

import (
	"errors"
	"fmt"
	"slices"

	"zhenglian/app/tx"
)

// NameWaiver is the file of a capture's folder in which a second officer accepts
// that the capturing environment failed, in the role [tx.RoleWaiver].
const NameWaiver = "waiver.json"

// maxReason is the longest reason of a waiver, in bytes.
const maxReason = 2000

// A Waiver says who accepts what of an environment report, and why. Its digest is
// in the statement, which the account signs as well.
//
//	account     hex    of the officer who accepts
//	at          time   when
//	env_sha256  hex    of env.json
//	items       array  ids of the items that are not ok, in the order of the report
//	reason      string at most 2000 bytes
//	v           int    1
type Waiver struct {
	Account   tx.AccountID
	At        tx.Time
	EnvSHA256 tx.Digest
	Items     []string
	Reason    string
}

// Encode returns the canonical JSON of w.
func (w *Waiver) Encode() []byte {
	j := tx.Writer{}
	j.Open()
	j.Hex("account", w.Account[:])
	j.String("at", w.At.String())
	j.Hex("env_sha256", w.EnvSHA256[:])
	j.Array("items", len(w.Items), func(i int) { j.B = tx.AppendString(j.B, w.Items[i]) })
	j.String("reason", w.Reason)
	j.Int("v", Version)
	j.Close()
	return j.B
}

// ParseWaiver reads what Encode wrote, and nothing else.
func ParseWaiver(b []byte) (*Waiver, error) {
	w := new(Waiver)
	r := tx.NewReader(b)
	o := r.Object()
	o.Need("account")
	r.Hex(w.Account[:])
	o.Need("at")
	w.At = r.Time()
	o.Need("env_sha256")
	r.Hex(w.EnvSHA256[:])
	o.Need("items")
	r.Array(MaxEntries, func(int) { w.Items = append(w.Items, r.Slug(1, 64, '_')) })
	o.Need("reason")
	w.Reason = r.String(maxReason)
	o.Need("v")
	version := r.Int(Version, Version)
	o.End()
	r.End()
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("waiver: %w", err)
	}
	if version != Version || w.Reason == "" || len(w.Items) == 0 {
		return nil, errors.New("waiver: it accepts nothing, or for no reason")
	}
	return w, nil
}

// Accepts checks that w is of the report env, and names all items that failed.
func (w *Waiver) Accepts(env []byte, digest tx.Digest) error {
	bad, err := FailedItems(env)
	if err != nil {
		return err
	}
	switch {
	case w.EnvSHA256 != digest:
		return errors.New("waiver: it is of another environment report")
	case !slices.Equal(bad, w.Items):
		return fmt.Errorf("waiver: it accepts %q, what failed is %q", w.Items, bad)
	}
	return nil
}

// waiver returns the waiver of the bundle, nil if it is withheld or there is none.
func (v *verification) waiver() (*Waiver, error) {
	i := slices.IndexFunc(v.manifest.Files, func(f SealedFile) bool { return !f.Withheld && f.Role == tx.RoleWaiver })
	if i < 0 {
		return nil, nil
	}
	b, err := v.archive.Bytes(v.manifest.Files[i].Path, maxSmall)
	if err != nil {
		return nil, err
	}
	w, err := ParseWaiver(b)
	if err != nil {
		return nil, err
	}
	j := slices.IndexFunc(v.manifest.Files, func(f SealedFile) bool { return !f.Withheld && f.Role == roleEnv })
	env, err := v.archive.Bytes(v.manifest.Files[j].Path, maxSmall)
	if err != nil {
		return nil, err
	}
	if err := w.Accepts(env, v.seal.Env.ReportSHA256); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(v.env.Signatures, func(s tx.Signature) bool { return s.Account == w.Account }) {
		return nil, fmt.Errorf("the account that accepts, %s, did not sign the statement", w.Account)
	}
	if len(v.env.Signatures) < 2 {
		return nil, errors.New("the one who states accepts; it takes a second officer")
	}
	return w, nil
}
