package keys

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"zhenglian/app/tx"
)

// Errors that callers branch on. A name that is taken is [fs.ErrExist], a key
// that is not there [fs.ErrNotExist].
var (
	ErrPermissions = errors.New("secret key file is accessible to others")
	ErrPassphrase  = errors.New("wrong passphrase, or the file was tampered with")
	ErrLocked      = errors.New("key is encrypted and no passphrase was given")
	ErrPublicOnly  = errors.New("file holds a public key only")
	ErrMalformed   = errors.New("not a key file")
)

// maxFile bounds a key file in bytes. The largest key, mldsa65, takes 4 KiB.
const maxFile = 64 << 10

// A Key is a secret key with its labels. It is a [tx.Signer].
type Key struct {
	Name           string      // file name without ".json", see ValidName
	Member         tx.MemberID // the organisation that the key acts for
	*tx.PrivateKey             // never nil in a key that Open returned
	Roles          []string    // labels, may be empty; the ledger decides
}

// A File is a key file as read: everything but an encrypted secret is known.
type File struct {
	Name    string
	Member  tx.MemberID
	Roles   []string
	Public  tx.PublicKey
	Account tx.AccountID // of Public
	secret  *secretJSON
}

// Secret says how the file holds its secret: "none", "plain" or "encrypted".
func (f *File) Secret() string {
	switch {
	case f.secret == nil:
		return "none"
	case f.secret.Plain != "":
		return "plain"
	}
	return "encrypted"
}

// fileJSON is the form on disk; see the package documentation.
type fileJSON struct {
	V       int          `json:"v"`
	Name    string       `json:"name"`
	Member  tx.MemberID  `json:"member"`
	Account tx.AccountID `json:"account"`
	Type    tx.KeyType   `json:"type"`
	Public  string       `json:"public_key"`
	Roles   []string     `json:"roles,omitempty"`
	Secret  *secretJSON  `json:"secret,omitempty"`
}

// ValidName reports whether s can name a key: 1 to 64 of letters, digits, '.',
// '_' and '-', not beginning with '.' or '-'.
func ValidName(s string) bool {
	if len(s) == 0 || len(s) > 64 || s[0] == '.' || s[0] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// Path returns the file of the key name in the keyring dir.
func Path(dir, name string) string { return filepath.Join(dir, name+".json") }

// Save writes k to DIR/NAME.json with mode 0600 and makes dir, with mode 0700,
// when it is not there. An empty passphrase leaves the secret readable in the
// file. It fails with [fs.ErrExist] rather than write over another key.
func Save(dir string, k Key, passphrase []byte) error {
	s, err := sealSecret(k, passphrase, defaultLogN)
	if err != nil {
		return fmt.Errorf("save key %s: %w", k.Name, err)
	}
	return k.File().save(dir, s)
}

// File returns everything of k but its secret.
func (k Key) File() *File {
	pub := k.Public()
	return &File{Name: k.Name, Member: k.Member, Roles: k.Roles, Public: pub, Account: pub.Account()}
}

// Import writes f to DIR/NAME.json, as Save does. A secret goes in as the file
// holds it: an encrypted one stays so and need not be opened.
func Import(dir string, f *File) error { return f.save(dir, f.secret) }

// Export writes f, with its secret as the file holds it, to a new file at path
// with mode 0600.
func Export(path string, f *File) error {
	b, err := f.encode(f.secret)
	if err == nil {
		err = create(path, b)
	}
	if err != nil {
		return fmt.Errorf("export key %s: %w", f.Name, err)
	}
	return nil
}

func (f *File) save(dir string, s *secretJSON) error {
	b, err := f.encode(s)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err == nil {
		err = create(Path(dir, f.Name), b)
	}
	if err != nil {
		return fmt.Errorf("save key %s: %w", f.Name, err)
	}
	return nil
}

// WithoutSecret returns f as its holder may show it to others.
func (f *File) WithoutSecret() *File {
	g := *f
	g.secret = nil
	return &g
}

// MarshalJSON writes the file form without the secret: what an administrator
// needs to register the account.
func (f *File) MarshalJSON() ([]byte, error) { return f.encode(nil) }

func (f *File) encode(s *secretJSON) ([]byte, error) {
	switch {
	case !ValidName(f.Name):
		return nil, fmt.Errorf("key name %q: want 1 to 64 letters, digits, '.', '_' or '-'", f.Name)
	case !f.Member.Valid():
		return nil, fmt.Errorf("member id %q: want 2 to 32 of a-z, 0-9 and '-'", f.Member)
	}
	b, err := json.MarshalIndent(fileJSON{1, f.Name, f.Member, f.Account, f.Public.Type, hex.EncodeToString(f.Public.Bytes), f.Roles, s}, "", "  ")
	return append(b, '\n'), err
}

// create makes the file path with the content b, durably and whole: another
// process sees all of it or nothing. It fails when path exists.
func create(path string, b []byte) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(b)
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	// A rename would replace a file that is there; a link does not.
	if err := os.Link(tmp.Name(), path); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Read reads the key file at path strictly, wherever it is.
func Read(path string) (*File, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	f, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", path, err)
	}
	if f.secret == nil || runtime.GOOS == "windows" { // modes say nothing there
		return f, nil
	}
	fi, err := r.Stat()
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	if m := fi.Mode().Perm(); m&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s has mode %04o; run: chmod 600 %s", ErrPermissions, path, m, path)
	}
	return f, nil
}

// Load reads the key file name of the keyring dir.
func Load(dir, name string) (*File, error) {
	if !ValidName(name) {
		return nil, fmt.Errorf("load key: %q is not a key name", name)
	}
	f, err := Read(Path(dir, name))
	if err != nil {
		return nil, err
	}
	if f.Name != name {
		return nil, fmt.Errorf("read key %s: %w: it holds the key %q", Path(dir, name), ErrMalformed, f.Name)
	}
	return f, nil
}

// List reads every key file of dir in ascending order of name. A file that
// cannot be used does not hide the others: the errors come joined, beside
// those that can.
func List(dir string) ([]*File, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	var files []*File
	var errs []error
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || !ValidName(name) {
			continue
		}
		f, err := Load(dir, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		files = append(files, f)
	}
	return files, errors.Join(errs...)
}

// Parse reads the content of a key file strictly.
func Parse(b []byte) (*File, error) {
	if len(b) > maxFile {
		return nil, fmt.Errorf("%w: over %d bytes", ErrMalformed, maxFile)
	}
	var j fileJSON
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: something follows the object", ErrMalformed)
	}
	pub, err := hex.DecodeString(j.Public)
	if err != nil {
		return nil, fmt.Errorf("%w: public_key: %w", ErrMalformed, err)
	}
	f := &File{Name: j.Name, Member: j.Member, Roles: slices.Clone(j.Roles), Public: tx.PublicKey{Type: j.Type, Bytes: pub}, secret: j.Secret}
	f.Account = f.Public.Account()
	switch {
	case j.V != 1:
		return nil, fmt.Errorf("%w: version %d; this program reads version 1", ErrMalformed, j.V)
	case !ValidName(j.Name):
		return nil, fmt.Errorf("%w: name %q", ErrMalformed, j.Name)
	case !j.Member.Valid():
		return nil, fmt.Errorf("%w: member %q", ErrMalformed, j.Member)
	case f.Account != j.Account:
		return nil, fmt.Errorf("%w: account %s does not belong to the public key", ErrMalformed, j.Account)
	}
	if _, err := f.Public.Verifier(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if j.Secret != nil {
		if err := j.Secret.check(); err != nil {
			return nil, fmt.Errorf("%w: secret: %w", ErrMalformed, err)
		}
	}
	return f, nil
}
