package lab

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/emmansun/gmsm/sm3"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/bundle"
)

// A subject is a bundle taken apart.
type subject struct {
	raw      []byte
	files    map[string][]byte // entries but the manifest
	manifest *bundle.Manifest
}

func open(b []byte) (*subject, error) {
	a, err := bundle.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	s := &subject{raw: b, files: map[string][]byte{}}
	for i := range a.Entries {
		e := &a.Entries[i]
		if s.files[e.Name], err = a.Bytes(e.Name, MaxBytes); err != nil {
			return nil, err
		}
	}
	if s.manifest, err = bundle.ParseManifest(s.files[bundle.NameManifest]); err != nil {
		return nil, err
	}
	delete(s.files, bundle.NameManifest)
	return s, nil
}

// clone copies s as deeply as changes go. Bytes of files are not shared with
// what a change writes: a change replaces them.
func (s *subject) clone() *subject {
	m := *s.manifest
	m.Fields, m.Files, m.Others = slices.Clone(m.Fields), slices.Clone(m.Files), slices.Clone(m.Others)
	return &subject{raw: s.raw, files: maps.Clone(s.files), manifest: &m}
}

// entries lists the files and the manifest in order.
func (s *subject) entries() (out []rawEntry) {
	all := maps.Clone(s.files)
	all[bundle.NameManifest] = s.manifest.Encode()
	for _, n := range slices.Sorted(maps.Keys(all)) {
		out = append(out, stored(n, all[n]))
	}
	return out
}

// pack makes a well-formed archive, with the manifest as it stands.
func (s *subject) pack() []byte { return archive(s.entries(), "") }

// forge computes digests and root again, and makes a well-formed archive.
func (s *subject) forge() ([]byte, error) {
	sum := func(f *bundle.File) {
		b := s.files[f.Path]
		f.Bytes, f.SHA256, f.SM3 = int64(len(b)), sha256.Sum256(b), sm3.Sum(b)
	}
	for i := range s.manifest.Files {
		if f := &s.manifest.Files[i]; !f.Withheld {
			sum(&f.File)
		}
	}
	for i := range s.manifest.Others {
		sum(&s.manifest.Others[i])
	}
	t, err := s.manifest.Tree()
	if err != nil {
		return nil, err
	}
	if s.manifest.Root, err = t.Root(); err != nil {
		return nil, err
	}
	if !s.manifest.IsWACZ() {
		delete(s.files, bundle.NamePackage)
		delete(s.files, bundle.NamePackageDigest)
	} else if pkg, digest, err := bundle.DataPackage(s.manifest, s.manifest.Encode(), s.files[bundle.NamePages]); err == nil {
		s.files[bundle.NamePackage], s.files[bundle.NamePackageDigest] = pkg, digest
	} // from pages that cannot be read no package follows: the old one stays
	return s.pack(), nil
}

// flip returns b with one bit in its middle turned.
func flip(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)/2] ^= 1
	return b
}

// edit replaces the first of several texts that occurs in a file.
func (s *subject) edit(name string, old, with string) error {
	b, ok := s.files[name]
	if !ok || !bytes.Contains(b, []byte(old)) {
		return errNA(fmt.Sprintf("%s has no %q", name, old))
	}
	s.files[name] = bytes.Replace(b, []byte(old), []byte(with), 1)
	return nil
}

// evidence returns the path of an evidence file of a role, the first if role is
// empty.
func (s *subject) evidence(role string) (string, error) {
	for i := range s.manifest.Files {
		f := &s.manifest.Files[i]
		if !f.Withheld && (role == "" || f.Role == role) && f.Bytes > 0 {
			return f.Path, nil
		}
	}
	return "", errNA("no evidence file of this role is shown")
}

// editReceipt changes the receipt; the record follows its envelope.
func (s *subject) editReceipt(change func(r *receipt.Receipt, e *tx.Envelope) error) error {
	r, err := receipt.Parse(s.files[bundle.NameReceipt])
	if err != nil {
		return err
	}
	e, err := tx.ParseEnvelope(r.Entry.Envelope)
	if err != nil {
		return err
	}
	if err := change(r, e); err != nil {
		return err
	}
	r.Entry.Envelope = e.AppendWire(nil)
	if s.files[bundle.NameReceipt], err = r.EncodeJSON(); err != nil {
		return err
	}
	s.files[bundle.NameRecord] = e.AppendJSON(nil)
	return nil
}

// editStatement changes what was signed, and leaves the signatures.
func (s *subject) editStatement(change func(st *tx.Statement, ev *tx.Evidence)) error {
	return s.editReceipt(func(_ *receipt.Receipt, e *tx.Envelope) error {
		st, err := tx.ParseStatement(e.Payload)
		if err != nil {
			return err
		}
		change(st, st.Body.(*tx.Evidence))
		e.Payload, err = st.Encode()
		return err
	})
}

// editCustody changes lines of the custody log and chains them again.
func (s *subject) editCustody(change func(lines []map[string]string) []map[string]string) error {
	var lines []map[string]string
	for line := range strings.Lines(string(s.files[bundle.NameCustody])) {
		var m map[string]string
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			return err
		}
		lines = append(lines, m)
	}
	prev := tx.Digest{}
	var out []byte
	for _, m := range change(lines) {
		m["prev"] = prev.String()
		w := tx.Writer{}
		w.Open()
		for _, k := range slices.Sorted(maps.Keys(m)) {
			w.String(k, m[k])
		}
		w.Close()
		prev = sha256.Sum256(w.B)
		out = append(append(out, w.B...), '\n')
	}
	s.files[bundle.NameCustody] = out
	return nil
}

// file returns an entry that is not evidence.
func (s *subject) file(name string) ([]byte, error) {
	b, ok := s.files[name]
	if !ok {
		return nil, errNA(name + " is not in the bundle")
	}
	return b, nil
}
