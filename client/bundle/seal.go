package bundle

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"zhenglian/app/tx"
	"zhenglian/client/fields"
	"zhenglian/client/stamp"
)

// Fields that a seal makes itself.
const (
	fieldAnchor  = "anchor"       // height and hash of the block that the tree is younger than
	fieldCustody = "custody_head" // hash of the last custody line before the tree was made
)

// mustShow reports whether a field is part of the proof, and cannot be withheld.
func mustShow(name string) bool { return name == fieldAnchor || name == fieldCustody }

// A Seal is what an office keeps from the moment it stamps and states evidence:
// without the salts in it nothing of the tree can be proved, so it is written
// before the statement is handed in, and is not for others to read.
type Seal struct {
	Manifest Manifest // without Others
	At       tx.Anchor
	Anchor   []byte // header of the block At, nil: not known
	Custody  []byte // log until the seal
	Tokens   []*stamp.Stamped
}

// SealOptions say what is sealed.
type SealOptions struct {
	Fields      []fields.Field // in any order
	Files       []File         // in any order, at most 64
	Anchor      tx.Anchor      // newest block of the chain
	Header      []byte         // of that block, see AnchorHeader; nil if unknown
	Events      []Event        // what was done with the files so far; at least one
	Authorities []stamp.Authority
}

// NewSeal builds the salted tree and has its root stamped.
func NewSeal(ctx context.Context, o SealOptions) (*Seal, error) {
	s, err := newSeal(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return s, nil
}

func newSeal(ctx context.Context, o SealOptions) (*Seal, error) {
	s := &Seal{At: o.Anchor, Anchor: o.Header}
	if n := len(o.Files); n == 0 || n > tx.MaxFiles {
		return nil, fmt.Errorf("%d files; want 1 to %d", n, tx.MaxFiles)
	}
	if len(o.Authorities) > tx.MaxTSA {
		return nil, fmt.Errorf("%d time-stamp authorities; a statement names at most %d", len(o.Authorities), tx.MaxTSA)
	}
	s.Custody = appendEvents(nil, o.Events...)
	if _, err := parseCustody(s.Custody); err != nil {
		return nil, err
	}
	own := []fields.Field{
		{Name: fieldAnchor, Value: anchorValue(o.Anchor)},
		{Name: fieldCustody, Value: lastHash(s.Custody).String()},
	}
	for _, f := range append(own, o.Fields...) {
		if err := f.Check(); err != nil {
			return nil, fmt.Errorf("field %q: %w", f.Name, err)
		}
		s.Manifest.Fields = append(s.Manifest.Fields, SealedField{Field: f, Salt: fields.NewSalt()})
	}
	for _, f := range o.Files {
		if err := checkName(f.Path); err != nil {
			return nil, err
		}
		if isOther(f.Path) {
			return nil, fmt.Errorf("%s is a name for what proves evidence", f.Path)
		}
		s.Manifest.Files = append(s.Manifest.Files, SealedFile{File: f, Salt: fields.NewSalt()})
	}
	slices.SortFunc(s.Manifest.Fields, func(a, b SealedField) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Manifest.Files, func(a, b SealedFile) int { return cmp.Compare(a.Path, b.Path) })
	tree, err := s.Manifest.Tree()
	if err != nil {
		return nil, err
	}
	if s.Manifest.Root, err = tree.Root(); err != nil {
		return nil, err
	}
	if _, err := ParseManifest(s.Manifest.Encode()); err != nil {
		return nil, err
	}
	s.Tokens, err = stamp.All(ctx, s.Manifest.Root, o.Authorities...)
	return s, err
}

func anchorValue(a tx.Anchor) string { return fmt.Sprintf("%d %s", a.Height, a.Hash) }

// Bind puts into e what makes the statement stand for s.
func (s *Seal) Bind(e *tx.Evidence) {
	e.Anchor, e.FieldsRoot, e.TSA = s.At, s.Manifest.Root, nil
	for _, t := range s.Tokens {
		e.TSA = append(e.TSA, t.Digest())
	}
}

// sealFile is the form in which an office keeps a seal.
type sealFile struct {
	Version  int         `json:"v"`
	Manifest string      `json:"manifest"`
	Height   int64       `json:"anchor_height"`
	Hash     tx.Digest   `json:"anchor_hash"`
	Anchor   string      `json:"anchor_header,omitempty"`
	Custody  string      `json:"custody"`
	Tokens   []sealToken `json:"tokens"`
}

type sealToken struct {
	Token []byte   `json:"token"`
	Certs [][]byte `json:"certificates"`
}

// Encode returns s as JSON.
func (s *Seal) Encode() []byte {
	f := sealFile{Version: Version, Manifest: string(s.Manifest.Encode()), Height: s.At.Height, Hash: s.At.Hash, Anchor: string(s.Anchor), Custody: string(s.Custody)}
	for _, t := range s.Tokens {
		k := sealToken{Token: t.DER}
		for _, c := range t.Certs {
			k.Certs = append(k.Certs, c.Raw)
		}
		f.Tokens = append(f.Tokens, k)
	}
	b, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		panic(err) // strings, numbers and bytes always encode
	}
	return append(b, '\n')
}

// ParseSeal reads what Encode wrote. It checks the form; whether it belongs to a
// statement shows when the bundle is verified.
func ParseSeal(b []byte) (*Seal, error) {
	var f sealFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if f.Version != Version {
		return nil, fmt.Errorf("seal: version %d; this program reads version %d", f.Version, Version)
	}
	m, err := ParseManifest([]byte(f.Manifest))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	s := &Seal{Manifest: *m, At: tx.Anchor{Height: f.Height, Hash: f.Hash}, Custody: []byte(f.Custody)}
	if f.Anchor != "" {
		s.Anchor = []byte(f.Anchor)
	}
	for _, k := range f.Tokens {
		t, err := stamp.Parse(k.Token)
		if err != nil {
			return nil, fmt.Errorf("seal: %w", err)
		}
		st := &stamp.Stamped{Token: t}
		for _, der := range k.Certs {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				return nil, fmt.Errorf("seal: %w", err)
			}
			st.Certs = append(st.Certs, c)
		}
		if len(st.Certs) == 0 {
			return nil, errors.New("seal: a token without certificates")
		}
		s.Tokens = append(s.Tokens, st)
	}
	return s, nil
}
