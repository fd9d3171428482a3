package bundle

import (
	"context"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/stamp"
)

// Names in a bundle. Everything of ours is under Dir; what is elsewhere, see
// NameWARC, has the meaning that WACZ 1.2 gives it.
const (
	Dir          = "evidence/"
	NameManifest = Dir + "manifest.json"
	NameRecord   = Dir + "record.json"
	NameReceipt  = Dir + "receipt.json"
	NameTrust    = Dir + "trust.json"
	NameAnchor   = Dir + "anchor.json"
	NameCustody  = Dir + "custody.jsonl"
	NameReadme   = Dir + "README.txt"
	DirTSA       = Dir + "tsa/"
	DirFiles     = Dir + "files/"   // evidence files that somebody handed in
	DirCapture   = Dir + "capture/" // evidence files of a web capture
)

// isOther reports whether a name is not for evidence files.
func isOther(n string) bool {
	return !strings.HasPrefix(n, DirFiles) && !strings.HasPrefix(n, DirCapture) && !slices.Contains(waczFiles, n)
}

func nameToken(i int) string { return fmt.Sprintf("%s%02d.tsr", DirTSA, i) }
func nameChain(i int) string { return fmt.Sprintf("%s%02d.pem", DirTSA, i) }

// readme explains a bundle to people. It is the same in all bundles of a version,
// and the verifier compares it, so that nobody can put other advice in its place.
//
//go:embed readme.txt
var readme []byte

// Contents are what Write puts together.
type Contents struct {
	Seal     *Seal
	Receipt  []byte         // of the statement, in either encoding
	Trust    *receipt.Trust // that was in force at the seal
	Withhold []string       // names of fields and paths of evidence files that are not shown
	// Open opens the bytes of an evidence file. It is called twice for each.
	Open func(f File) (io.ReadCloser, error)
}

// Write makes a bundle. The same contents make the same bytes. It refuses files
// that are not those that were sealed; everything else is for Verify to find.
func Write(ctx context.Context, w io.Writer, c Contents) error {
	if err := write(ctx, w, c); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}

func write(ctx context.Context, w io.Writer, c Contents) error {
	r, err := receipt.Parse(c.Receipt)
	if err != nil {
		return err
	}
	env, err := tx.ParseEnvelope(r.Entry.Envelope)
	if err != nil {
		return err
	}
	stmt, err := tx.ParseStatement(env.Payload)
	if err != nil {
		return err
	}
	e, ok := stmt.Body.(*tx.Evidence)
	if !ok {
		return fmt.Errorf("the receipt is of a statement of kind %s, not %s", stmt.Kind, tx.EvidenceSeal)
	}
	if e.FieldsRoot != c.Seal.Manifest.Root {
		return errors.New("the seal is not that of the statement")
	}
	doc, err := r.EncodeJSON()
	if err != nil {
		return err
	}
	m := Manifest{Fields: slices.Clone(c.Seal.Manifest.Fields), Files: slices.Clone(c.Seal.Manifest.Files), Root: c.Seal.Manifest.Root}
	if err := m.Withhold(c.Withhold...); err != nil {
		return err
	}
	var digests []tx.Digest
	var times []time.Time
	for _, t := range c.Seal.Tokens {
		digests, times = append(digests, t.Digest()), append(times, t.Time)
	}
	custody := appendEvents(slices.Clone(c.Seal.Custody), afterSeal(env.ID(), digests, times, r.Block.Header.Time.Tx())...)

	p := packer{ctx: ctx, manifest: &m}
	p.add(NameRecord, env.AppendJSON(nil))
	p.add(NameReceipt, doc)
	p.add(NameTrust, c.Trust.Encode())
	p.add(NameCustody, custody)
	p.add(NameReadme, readme)
	if c.Seal.Anchor != nil {
		p.add(NameAnchor, c.Seal.Anchor)
	}
	for i, t := range c.Seal.Tokens {
		p.add(nameToken(i), t.Response())
		p.add(nameChain(i), encodeChain(t))
	}
	if p.err != nil {
		return p.err
	}
	for i := range m.Files {
		f := &m.Files[i]
		if f.Withheld {
			continue
		}
		open := func() (io.ReadCloser, error) { return c.Open(f.File) }
		s, err := sumSource(ctx, open, f.Bytes)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		if s.SHA256 != f.SHA256 || s.SM3 != f.SM3 || s.Bytes != f.Bytes {
			return fmt.Errorf("%s is not the file that was sealed", f.Path)
		}
		p.sources = append(p.sources, Source{Entry{Name: f.Path, Size: s.Bytes, CRC: s.CRC}, open})
	}
	slices.SortFunc(m.Others, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	encoded := m.Encode()
	p.sources = append(p.sources, BytesSource(NameManifest, encoded))
	if m.IsWACZ() {
		pages, err := readSource(p.sources, NamePages, maxSmall)
		if err != nil {
			return err
		}
		pkg, digest, err := DataPackage(&m, encoded, pages)
		if err != nil {
			return err
		}
		p.sources = append(p.sources, BytesSource(NamePackage, pkg), BytesSource(NamePackageDigest, digest))
	}
	slices.SortFunc(p.sources, func(a, b Source) int { return strings.Compare(a.Name, b.Name) })
	return WriteArchive(w, p.sources)
}

func sumSource(ctx context.Context, open func() (io.ReadCloser, error), size int64) (sums, error) {
	r, err := open()
	if err != nil {
		return sums{}, err
	}
	defer r.Close() // only read
	return digest(ctx, r, size)
}

// readSource reads the source of a name, which may have max bytes.
func readSource(all []Source, name string, max int64) ([]byte, error) {
	s := all[slices.IndexFunc(all, func(s Source) bool { return s.Name == name })]
	if s.Size > max {
		return nil, fmt.Errorf("%s has %d bytes; the limit is %d", name, s.Size, max)
	}
	r, err := s.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close() // only read
	return io.ReadAll(io.LimitReader(r, s.Size))
}

// packer gathers the entries that are held in memory.
type packer struct {
	ctx      context.Context
	manifest *Manifest
	sources  []Source
	err      error
}

func (p *packer) add(name string, b []byte) {
	role, media := other(name)
	src := BytesSource(name, b)
	s, err := sumSource(p.ctx, src.Open, src.Size)
	if err != nil {
		p.err = err
		return
	}
	p.sources = append(p.sources, src)
	p.manifest.Others = append(p.manifest.Others, File{Path: name, Role: role, Media: media, Bytes: s.Bytes, SHA256: s.SHA256, SM3: s.SM3})
}

// encodeChain returns the certificates from signer to root in PEM, which openssl
// takes as -CAfile and -untrusted.
func encodeChain(t *stamp.Stamped) (b []byte) {
	for _, c := range t.Certs {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return b
}
