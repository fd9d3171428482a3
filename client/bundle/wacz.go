package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/warc"
)

// Names that WACZ reserves. The first three are evidence files of a web capture
// and under the salted root like all others. The package files follow from
// what else is in the bundle: there is one pair that fits.
const (
	NameWARC          = warc.NameArchive
	NameIndex         = warc.NameIndex
	NamePages         = warc.NamePages
	NamePackage       = "datapackage.json"
	NamePackageDigest = "datapackage-digest.json"
)

// waczFiles make a web archive; a bundle is a WACZ file when it shows all of them.
var waczFiles = []string{NameWARC, NameIndex, NamePages}

// CapturePath is the name in a bundle of the file of a capture called rel.
func CapturePath(rel string) string {
	if slices.Contains(waczFiles, rel) {
		return rel
	}
	return DirCapture + rel
}

// IsWACZ reports whether m shows a whole web archive.
func (m *Manifest) IsWACZ() bool {
	for _, n := range waczFiles {
		if !slices.ContainsFunc(m.Files, func(f SealedFile) bool { return !f.Withheld && f.Path == n }) {
			return false
		}
	}
	return true
}

// compact is one line of JSON.
func compact(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // strings and numbers always encode
	}
	return b.Bytes()
}

// DataPackage returns datapackage.json and datapackage-digest.json (WACZ 1.2.0) of
// a bundle with that manifest, encoded, and that pages.jsonl.
//
// The draft of WACZ 1.2.0 asks for the profile "wacz"; the programs that read
// WACZ files know only "data-package", as in 1.1.1, and that is what is here.
func DataPackage(m *Manifest, encoded, pages []byte) (pkg, digest []byte, err error) {
	p, err := warc.ParsePages(pages)
	if err != nil {
		return nil, nil, err
	}
	type resource struct {
		Name  string `json:"name"`
		Path  string `json:"path"`
		Hash  string `json:"hash"`
		Bytes int64  `json:"bytes"`
	}
	type home struct {
		URL string `json:"url"`
		TS  string `json:"ts"`
	}
	doc := struct {
		Profile   string     `json:"profile"`
		Version   string     `json:"wacz_version"`
		Software  string     `json:"software"`
		Title     string     `json:"title,omitempty"`
		Home      *home      `json:"home,omitempty"`
		URL       string     `json:"mainPageUrl,omitempty"`  // as in 1.1.1
		Date      string     `json:"mainPageDate,omitempty"` // as in 1.1.1
		Resources []resource `json:"resources"`
	}{Profile: "data-package", Version: "1.2.0", Software: "zhenglian"}
	if p != nil {
		doc.Title, doc.Home, doc.URL, doc.Date = p.Title, &home{p.URL, p.TS}, p.URL, p.TS
	}
	add := func(name string, bytes int64, sum tx.Digest) {
		doc.Resources = append(doc.Resources, resource{path.Base(name), name, "sha256:" + sum.String(), bytes})
	}
	add(NameManifest, int64(len(encoded)), sha256.Sum256(encoded))
	for i := range m.Files {
		if f := &m.Files[i]; !f.Withheld {
			add(f.Path, f.Bytes, f.SHA256)
		}
	}
	for i := range m.Others {
		add(m.Others[i].Path, m.Others[i].Bytes, m.Others[i].SHA256)
	}
	slices.SortFunc(doc.Resources, func(a, b resource) int { return strings.Compare(a.Path, b.Path) })
	pkg = compact(doc)
	sum := sha256.Sum256(pkg)
	return pkg, compact(struct {
		Path string `json:"path"`
		Hash string `json:"hash"`
	}{NamePackage, "sha256:" + hex.EncodeToString(sum[:])}), nil
}

// webArchive checks the WACZ part: every record of the WARC, that the index and
// the package files are those that follow from it, and that the document and its
// server are the sealed ones.
func (v *verification) webArchive() {
	if !v.manifest.IsWACZ() {
		v.set("web_archive", receipt.Skip, "没有网页归档，或未完整出示。", "There is no web archive, or not all of it is shown.")
		return
	}
	for _, n := range append(waczFiles[:len(waczFiles):len(waczFiles)], NamePackage, NamePackageDigest) {
		if _, ok := v.sums[n]; !ok {
			return // the check of the contents has said so
		}
	}
	n, err := v.readArchive()
	if err != nil {
		v.failed("web_archive", "网页归档不成立", "The web archive does not hold", err)
		return
	}
	v.set("web_archive", receipt.Pass, fmt.Sprintf("WARC 的 %d 条记录摘要一致，索引和 WACZ 清单与之相符。", n),
		fmt.Sprintf("The digests of the %d records of the WARC hold; index and WACZ package are those that follow from them.", n))
}

func (v *verification) readArchive() (n int, err error) {
	encoded, err := v.archive.Bytes(NameManifest, maxManifest)
	if err != nil {
		return 0, err
	}
	pages, err := v.archive.Bytes(NamePages, maxSmall)
	if err != nil {
		return 0, err
	}
	pkg, digest, err := DataPackage(v.manifest, encoded, pages)
	if err != nil {
		return 0, err
	}
	for name, want := range map[string][]byte{NamePackage: pkg, NamePackageDigest: digest} {
		if got, err := v.archive.Bytes(name, maxManifest); err != nil {
			return 0, err
		} else if !bytes.Equal(got, want) {
			return 0, fmt.Errorf("%s is not the one that follows from the manifest", name)
		}
	}
	p, err := warc.ParsePages(pages)
	if err != nil {
		return 0, err
	}
	facts, err := readWARC(v.ctx, v.archive.Reader(v.archive.Find(NameWARC)), p)
	if err != nil {
		return 0, err
	}
	index, err := v.archive.Bytes(NameIndex, maxManifest)
	if err != nil {
		return 0, err
	}
	if !bytes.Equal(index, warc.EncodeIndex(facts.lines)) {
		return 0, fmt.Errorf("%s is not the index of the WARC", NameIndex)
	}
	if p == nil {
		return facts.records, nil
	}
	if v.differs("final_url", Text(p.URL)) {
		return 0, errors.New("its page is not the sealed final_url")
	}
	ip, shown := v.manifest.Field("remote_ip")
	if shown && ip != "" && len(facts.servers) > 0 && !slices.Contains(facts.servers, ip) {
		return 0, fmt.Errorf("its page came from %q, the sealed remote_ip is %q", facts.servers, ip)
	}
	return facts.records, nil
}

// warcFacts are what a WARC says of itself.
type warcFacts struct {
	records int
	lines   []warc.Line
	servers []string // addresses that the page's URL was answered from
}

func readWARC(ctx context.Context, r io.Reader, p *warc.Page) (f warcFacts, err error) {
	err = warc.Read(ctx, r, func(rec *warc.Record) error {
		f.records++
		if l := rec.IndexLine(warc.NameFile); l != nil {
			f.lines = append(f.lines, *l)
		}
		if p != nil && rec.Status() != 0 && rec.URI == withoutFragment(p.URL) && rec.IP.IsValid() {
			f.servers = append(f.servers, rec.IP.String())
		}
		return nil
	})
	return f, err
}

func withoutFragment(u string) string {
	u, _, _ = strings.Cut(u, "#")
	return u
}
