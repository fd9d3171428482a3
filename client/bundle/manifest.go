package bundle

import (
	"fmt"

	"zhenglian/app/tx"
	"zhenglian/client/fields"
)

// Version is the only version of bundles.
const Version = 1

// A File is a line of the manifest.
type File struct {
	Path   string // name of the entry
	Role   string // slug of at most 32 bytes
	Media  string // media type
	Bytes  int64
	SHA256 tx.Digest
	SM3    tx.Digest
}

// Entry returns the canonical JSON of f, which is an entry of the salted tree.
func (f *File) Entry() []byte {
	w := tx.Writer{}
	w.Open()
	f.write(&w, nil)
	w.Close()
	return w.B
}

func (f *File) write(w *tx.Writer, salt *fields.Salt) {
	w.Int("bytes", f.Bytes)
	w.String("media", f.Media)
	w.String("path", f.Path)
	w.String("role", f.Role)
	if salt != nil {
		w.Hex("salt", salt[:])
	}
	w.Hex("sha256", f.SHA256[:])
	w.Hex("sm3", f.SM3[:])
}

// read reads a file whose member bytes was announced.
func (f *File) read(r *tx.Reader, o *tx.Object, salt *fields.Salt) {
	f.Bytes = r.Int(0, MaxBytes)
	o.Need("media")
	f.Media = r.String(127)
	o.Need("path")
	f.Path = r.String(maxName)
	o.Need("role")
	f.Role = r.Slug(1, 32, '_')
	if salt != nil {
		o.Need("salt")
		r.Hex(salt[:])
	}
	o.Need("sha256")
	r.Hex(f.SHA256[:])
	o.Need("sm3")
	r.Hex(f.SM3[:])
}

// ParseFile reads the canonical JSON of a file.
func ParseFile(entry []byte) (f File, err error) {
	r := tx.NewReader(entry)
	o := r.Object()
	o.Need("bytes")
	f.read(r, &o, nil)
	o.End()
	r.End()
	if err := r.Err(); err != nil {
		return File{}, fmt.Errorf("file entry: %w", err)
	}
	return f, nil
}

// A SealedField is a field under the root, shown or withheld.
type SealedField struct {
	fields.Field
	Salt     fields.Salt
	Withheld bool
	Leaf     tx.Digest // of a withheld one
}

// A SealedFile is an evidence file under the root, shown or withheld.
type SealedFile struct {
	File
	Salt     fields.Salt
	Withheld bool
	Leaf     tx.Digest // of a withheld one
}

// A Manifest lists what a bundle holds. The leaves of the salted tree are those
// of Fields, then those of Files.
//
//	fields  array  of {name, salt, value}, ascending by name, or {leaf}: withheld
//	files   array  of {bytes, media, path, role, salt, sha256, sm3}, ascending by path, or {leaf}
//	others  array  of {bytes, media, path, role, sha256, sm3}, ascending by path: what proves the rest
//	root    hex    of the salted tree: the statement's fields_root
//	v       int    1
type Manifest struct {
	Fields []SealedField
	Files  []SealedFile
	Others []File
	Root   tx.Digest
}

// Encode returns the canonical JSON of m.
func (m *Manifest) Encode() []byte {
	w := tx.Writer{}
	w.Open()
	w.Array("fields", len(m.Fields), func(i int) {
		f := &m.Fields[i]
		w.Open()
		if f.Withheld {
			w.Hex("leaf", f.Leaf[:])
		} else {
			w.String("name", f.Name)
			w.Hex("salt", f.Salt[:])
			w.String("value", f.Value)
		}
		w.Close()
	})
	w.Array("files", len(m.Files), func(i int) {
		f := &m.Files[i]
		w.Open()
		if f.Withheld {
			w.Hex("leaf", f.Leaf[:])
		} else {
			f.write(&w, &f.Salt)
		}
		w.Close()
	})
	w.Array("others", len(m.Others), func(i int) {
		w.Open()
		m.Others[i].write(&w, nil)
		w.Close()
	})
	w.Hex("root", m.Root[:])
	w.Int("v", Version)
	w.Close()
	return w.B
}

// ParseManifest reads what Encode wrote, and nothing else. It compares nothing
// with the root.
func ParseManifest(b []byte) (*Manifest, error) {
	m := new(Manifest)
	r := tx.NewReader(b)
	o := r.Object()
	o.Need("fields")
	r.Array(MaxEntries, func(int) {
		var f SealedField
		fo := r.Object()
		if f.Withheld = fo.Has("leaf"); f.Withheld {
			r.Hex(f.Leaf[:])
		} else {
			fo.Need("name")
			f.Name = r.Slug(1, fields.MaxName, '_')
			fo.Need("salt")
			r.Hex(f.Salt[:])
			fo.Need("value")
			f.Value = r.String(fields.MaxValue)
		}
		fo.End()
		m.Fields = append(m.Fields, f)
	})
	o.Need("files")
	r.Array(MaxEntries, func(int) {
		var f SealedFile
		fo := r.Object()
		if fo.Has("bytes") {
			f.read(r, &fo, &f.Salt)
		} else {
			fo.Need("leaf")
			f.Withheld = true
			r.Hex(f.Leaf[:])
		}
		fo.End()
		m.Files = append(m.Files, f)
	})
	o.Need("others")
	r.Array(MaxEntries, func(int) {
		var f File
		fo := r.Object()
		fo.Need("bytes")
		f.read(r, &fo, nil)
		fo.End()
		m.Others = append(m.Others, f)
	})
	o.Need("root")
	r.Hex(m.Root[:])
	o.Need("v")
	if v := r.Int(0, 1<<31); v != Version {
		r.Fail(tx.CodeType, fmt.Sprintf("version %d; this program reads version %d", v, Version))
	}
	o.End()
	r.End()
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if err := m.ordered(); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return m, nil
}

// ordered checks that each list ascends; withheld lines have no place in it.
func (m *Manifest) ordered() error {
	last := ""
	for i := range m.Fields {
		if f := &m.Fields[i]; !f.Withheld {
			if f.Name <= last {
				return fmt.Errorf("field %q is out of order", f.Name)
			}
			last = f.Name
		}
	}
	last = ""
	for i := range m.Files {
		if f := &m.Files[i]; !f.Withheld {
			if f.Path <= last {
				return fmt.Errorf("file %q is out of order", f.Path)
			}
			last = f.Path
		}
	}
	for i := 1; i < len(m.Others); i++ {
		if f := &m.Others[i]; f.Path <= m.Others[i-1].Path {
			return fmt.Errorf("other %q is out of order", f.Path)
		}
	}
	return nil
}

// Tree builds the salted tree of what m shows and withholds.
func (m *Manifest) Tree() (*fields.Tree, error) {
	leaves := make([]tx.Digest, 0, len(m.Fields)+len(m.Files))
	for i := range m.Fields {
		f := &m.Fields[i]
		if f.Withheld {
			leaves = append(leaves, f.Leaf)
		} else {
			leaves = append(leaves, fields.Leaf(f.Salt, f.Entry()))
		}
	}
	for i := range m.Files {
		f := &m.Files[i]
		if f.Withheld {
			leaves = append(leaves, f.Leaf)
		} else {
			leaves = append(leaves, fields.Leaf(f.Salt, f.File.Entry()))
		}
	}
	return fields.NewTree(leaves)
}

// Field returns the value of a field that m shows.
func (m *Manifest) Field(name string) (string, bool) {
	for i := range m.Fields {
		if f := &m.Fields[i]; !f.Withheld && f.Name == name {
			return f.Value, true
		}
	}
	return "", false
}

// Withhold hides fields by name and evidence files by path: of what it hides only
// the leaf stays, so the root does not change.
func (m *Manifest) Withhold(names ...string) error {
	for _, n := range names {
		if mustShow(n) {
			return fmt.Errorf("manifest: field %q is part of the proof and cannot be withheld", n)
		}
		hidden := false
		for i := range m.Fields {
			if f := &m.Fields[i]; !f.Withheld && f.Name == n {
				*f, hidden = SealedField{Withheld: true, Leaf: fields.Leaf(f.Salt, f.Entry())}, true
			}
		}
		for i := range m.Files {
			if f := &m.Files[i]; !f.Withheld && f.Path == n {
				*f, hidden = SealedFile{Withheld: true, Leaf: fields.Leaf(f.Salt, f.File.Entry())}, true
			}
		}
		if !hidden {
			return fmt.Errorf("manifest: no field or file %q to withhold", n)
		}
	}
	return nil
}

// Disclose proves one field, by name, or one evidence file, by path.
func (m *Manifest) Disclose(name string) (*fields.Disclosure, error) {
	t, err := m.Tree()
	if err != nil {
		return nil, err
	}
	for i := range m.Fields {
		if f := &m.Fields[i]; !f.Withheld && f.Name == name {
			return t.Disclose(i, f.Salt, f.Entry())
		}
	}
	for i := range m.Files {
		if f := &m.Files[i]; !f.Withheld && f.Path == name {
			return t.Disclose(len(m.Fields)+i, f.Salt, f.File.Entry())
		}
	}
	return nil, fmt.Errorf("manifest: no field or file %q that is shown", name)
}
