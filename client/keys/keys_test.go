package keys

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"zhenglian/app/tx"
)

var _ tx.Signer = Key{}

func newKey(t *testing.T, name string, typ tx.KeyType) Key {
	t.Helper()
	p, err := tx.GenerateKey(typ)
	if err != nil {
		t.Fatal(err)
	}
	return Key{Name: name, Member: "hangzhou-amr", PrivateKey: p, Roles: []string{"officer"}}
}

func TestSaveLoadOpen(t *testing.T) {
	for _, typ := range []tx.KeyType{tx.Secp256k1, tx.SM2, tx.MLDSA65} {
		for _, pass := range []string{"", "correct horse 电池"} {
			if pass != "" && typ == tx.MLDSA65 {
				continue // scrypt is slow, and the secret is 32 bytes for every type
			}
			dir := filepath.Join(t.TempDir(), "a", "keys")
			k := newKey(t, "officer1", typ)
			if err := Save(dir, k, []byte(pass)); err != nil {
				t.Fatal(err)
			}
			f, err := Load(dir, "officer1")
			if err != nil {
				t.Fatal(err)
			}
			want := "plain"
			if pass != "" {
				want = "encrypted"
			}
			if f.Secret() != want || f.Member != k.Member || f.Account != k.Public().Account() || f.Roles[0] != "officer" {
				t.Errorf("%s: got %+v, secret %s, want %s", typ, f, f.Secret(), want)
			}
			got, err := f.Open([]byte(pass))
			if err != nil {
				t.Fatal(err)
			}
			sig, err := got.Sign([]byte("{}"))
			if err != nil {
				t.Fatal(err)
			}
			v, _ := k.Public().Verifier()
			if err := v.Verify([]byte("{}"), tx.PAEDigest([]byte("{}")), sig); err != nil {
				t.Errorf("%s: the opened key signs otherwise: %v", typ, err)
			}
			raw, err := os.ReadFile(Path(dir, "officer1"))
			if err != nil {
				t.Fatal(err)
			}
			if has := bytes.Contains(raw, []byte(hexOf(k.Secret()))); has != (pass == "") {
				t.Errorf("%s, passphrase %q: secret in the clear: %v", typ, pass, has)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, ".key-*")); left != nil {
				t.Errorf("temporary files left: %v", left)
			}
		}
	}
}

func hexOf(b []byte) string {
	d := tx.Digest(b)
	return d.String()
}

func TestSaveNeverReplaces(t *testing.T) {
	dir := t.TempDir()
	k := newKey(t, "city", tx.Secp256k1)
	if err := Save(dir, k, nil); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(Path(dir, "city"))
	if err := Save(dir, newKey(t, "city", tx.Secp256k1), nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("second save: got %v, want fs.ErrExist", err)
	}
	if after, _ := os.ReadFile(Path(dir, "city")); !bytes.Equal(before, after) {
		t.Error("the second save changed the file")
	}
}

func TestPassphrase(t *testing.T) {
	dir := t.TempDir()
	if err := Save(dir, newKey(t, "court", tx.SM2), []byte("right")); err != nil {
		t.Fatal(err)
	}
	f, err := Load(dir, "court")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Open([]byte("wrong")); !errors.Is(err, ErrPassphrase) {
		t.Errorf("wrong passphrase: got %v, want ErrPassphrase", err)
	}
	if _, err := f.Open(nil); !errors.Is(err, ErrLocked) {
		t.Errorf("no passphrase: got %v, want ErrLocked", err)
	}
}

// TestTampered changes one thing of a good file at a time.
func TestTampered(t *testing.T) {
	k, other := newKey(t, "officer1", tx.Secp256k1), newKey(t, "officer1", tx.Secp256k1)
	plain, err := sealSecret(k, nil, 10)
	if err != nil {
		t.Fatal(err)
	}
	boxed, err := sealSecret(k, []byte("pass"), 10)
	if err != nil {
		t.Fatal(err)
	}
	otherPub, _ := other.File().encode(nil)
	var o map[string]any
	if err := json.Unmarshal(otherPub, &o); err != nil {
		t.Fatal(err)
	}
	flip := func(s string) string { // another last digit
		if strings.HasSuffix(s, "0") {
			return s[:len(s)-1] + "1"
		}
		return s[:len(s)-1] + "0"
	}
	secret := func(f map[string]any) map[string]any { return f["secret"].(map[string]any) }
	for _, tc := range []struct {
		name   string
		secret *secretJSON
		change func(f map[string]any)
		want   error
	}{
		{"nothing, plain", plain, func(map[string]any) {}, nil},
		{"nothing, encrypted", boxed, func(map[string]any) {}, nil},
		{"version", plain, func(f map[string]any) { f["v"] = 2 }, ErrMalformed},
		{"unknown member", plain, func(f map[string]any) { f["x"] = 1 }, ErrMalformed},
		{"member id", plain, func(f map[string]any) { f["member"] = "Hangzhou" }, ErrMalformed},
		{"name with a path", plain, func(f map[string]any) { f["name"] = "../x" }, ErrMalformed},
		{"another name than the file", plain, func(f map[string]any) { f["name"] = "officer2" }, ErrMalformed},
		{"account", plain, func(f map[string]any) { f["account"] = o["account"] }, ErrMalformed},
		{"public key", plain, func(f map[string]any) { f["public_key"] = o["public_key"] }, ErrMalformed},
		{"key type", plain, func(f map[string]any) { f["type"] = "sm2" }, ErrMalformed},
		{"public key with its account", plain, func(f map[string]any) { f["public_key"], f["account"] = o["public_key"], o["account"] }, ErrMalformed},
		{"plain secret", plain, func(f map[string]any) { secret(f)["plain"] = flip(hexOf(k.Secret())) }, ErrMalformed},
		{"short secret", plain, func(f map[string]any) { secret(f)["plain"] = "00" }, ErrMalformed},
		{"secret twice", boxed, func(f map[string]any) { secret(f)["plain"] = hexOf(k.Secret()) }, ErrMalformed},
		{"costly scrypt", boxed, func(f map[string]any) { secret(f)["scrypt"].(map[string]any)["log_n"] = 40 }, ErrMalformed},
		{"box", boxed, func(f map[string]any) { secret(f)["box"] = flip(boxed.Box) }, ErrPassphrase},
		{"nonce", boxed, func(f map[string]any) { secret(f)["nonce"] = flip(boxed.Nonce) }, ErrPassphrase},
		{"salt", boxed, func(f map[string]any) { secret(f)["scrypt"].(map[string]any)["salt"] = flip(boxed.Scrypt.Salt) }, ErrPassphrase},
		{"member of an encrypted key", boxed, func(f map[string]any) { f["member"] = "xianyang-amr" }, ErrPassphrase},
		{"public key of an encrypted key", boxed, func(f map[string]any) { f["public_key"], f["account"] = o["public_key"], o["account"] }, ErrPassphrase},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b, err := k.File().encode(tc.secret)
			if err != nil {
				t.Fatal(err)
			}
			var m map[string]any
			if err := json.Unmarshal(b, &m); err != nil {
				t.Fatal(err)
			}
			tc.change(m)
			b, _ = json.Marshal(m)
			dir := t.TempDir()
			if err := os.WriteFile(Path(dir, "officer1"), b, 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := Load(dir, "officer1")
			if err == nil {
				_, err = f.Open([]byte("pass"))
			}
			if !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
	for _, raw := range []string{"", "{", "[]", "{}{}", strings.Repeat(" ", maxFile+1)} {
		if _, err := Parse([]byte(raw)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.10q: got %v, want ErrMalformed", raw, err)
		}
	}
}

func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes say nothing on Windows")
	}
	dir := t.TempDir()
	if err := Save(dir, newKey(t, "platform", tx.Secp256k1), nil); err != nil {
		t.Fatal(err)
	}
	path := Path(dir, "platform")
	for _, m := range []fs.FileMode{0o604, 0o640, 0o620, 0o601} {
		if err := os.Chmod(path, m); err != nil {
			t.Fatal(err)
		}
		_, err := Load(dir, "platform")
		if !errors.Is(err, ErrPermissions) || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %04o: got %v, want ErrPermissions with what to do", m, err)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	f, err := Load(dir, "platform")
	if err != nil {
		t.Fatalf("mode 0400: %v", err)
	}
	// A public key is no secret: any mode will do.
	pub := t.TempDir()
	if err := Import(pub, f.WithoutSecret()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(Path(pub, "platform"), 0o644); err != nil {
		t.Fatal(err)
	}
	if f, err = Load(pub, "platform"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Open(nil); !errors.Is(err, ErrPublicOnly) {
		t.Errorf("open a public key: got %v, want ErrPublicOnly", err)
	}
}

func TestList(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"b", "a"} {
		if err := Save(dir, newKey(t, n, tx.Secp256k1), nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []string{"notes.txt", ".key-123.json", "broken.json"} {
		if err := os.WriteFile(filepath.Join(dir, n), []byte("?"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := List(dir)
	if len(files) != 2 || files[0].Name != "a" || files[1].Name != "b" {
		t.Errorf("got %v, want a, b", files)
	}
	if !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "broken.json") {
		t.Errorf("got error %v, want one about broken.json", err)
	}
	if files, err := List(filepath.Join(dir, "absent")); files != nil || err != nil {
		t.Errorf("absent keyring: got %v, %v", files, err)
	}
}

// An encrypted key travels between keyrings, and takes another name, without
// its passphrase.
func TestExportImport(t *testing.T) {
	dir, there := t.TempDir(), t.TempDir()
	k := newKey(t, "officer1", tx.Secp256k1)
	if err := Save(dir, k, []byte("pass")); err != nil {
		t.Fatal(err)
	}
	f, err := Load(dir, "officer1")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(there, "copy")
	if err := Export(path, f); err != nil {
		t.Fatal(err)
	}
	if err := Export(path, f); !errors.Is(err, fs.ErrExist) {
		t.Errorf("export over a file: got %v, want fs.ErrExist", err)
	}
	if f, err = Read(path); err != nil {
		t.Fatal(err)
	}
	f.Name = "mine"
	if err := Import(there, f); err != nil {
		t.Fatal(err)
	}
	if f, err = Load(there, "mine"); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Open([]byte("pass")); err != nil || !bytes.Equal(got.Secret(), k.Secret()) {
		t.Errorf("the import does not hold the key: %v", err)
	}
	pub, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(pub, []byte("secret")) {
		t.Errorf("the JSON of a file tells the secret: %s", pub)
	}
}

func FuzzParse(f *testing.F) {
	p, _ := tx.NewPrivateKey(tx.Secp256k1, bytes.Repeat([]byte{7}, 32))
	k := Key{Name: "a", Member: "hangzhou-amr", PrivateKey: p}
	for _, pass := range []string{"", "x"} {
		s, err := sealSecret(k, []byte(pass), 10)
		if err != nil {
			f.Fatal(err)
		}
		b, _ := k.File().encode(s)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Parse(b)
		if err != nil {
			return
		}
		again, err := file.encode(file.secret)
		if err != nil {
			t.Fatalf("accepted but not encoded: %v", err)
		}
		if _, err := Parse(again); err != nil {
			t.Fatalf("encoded but not accepted: %v\n%s", err, again)
		}
	})
}
