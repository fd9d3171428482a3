package fields

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"zhenglian/app/tx"
)

// rootByDefinition is RFC 6962 §2.1 as it is written there.
func rootByDefinition(leaves []tx.Digest) tx.Digest {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	l, r := rootByDefinition(leaves[:k]), rootByDefinition(leaves[k:])
	return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))
}

func TestTreeIsRFC6962(t *testing.T) {
	var leaves []tx.Digest
	for n := 1; n <= 33; n++ {
		salt, entry := Salt{byte(n)}, Field{"n", fmt.Sprint(n)}.Entry()
		leaf := Leaf(salt, entry)
		if want := tx.Digest(sha256.Sum256(append(append([]byte{0}, salt[:]...), entry...))); leaf != want {
			t.Fatalf("leaf %d: got %s, want %s", n, leaf, want)
		}
		leaves = append(leaves, leaf)
		tree, err := NewTree(leaves)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tree.Root()
		if want := rootByDefinition(leaves); err != nil || got != want {
			t.Fatalf("%d leaves: got %s, %v, want %s", n, got, err, want)
		}
	}
	for _, n := range []int{0, MaxLeaves + 1} {
		if _, err := NewTree(make([]tx.Digest, n)); err == nil {
			t.Errorf("a tree of %d leaves was built", n)
		}
	}
}

func TestDisclosure(t *testing.T) {
	var leaves []tx.Digest
	var salts []Salt
	var entries [][]byte
	for n := range 11 {
		salts = append(salts, NewSalt())
		entries = append(entries, Field{"f", strings.Repeat("证", n)}.Entry())
		leaves = append(leaves, Leaf(salts[n], entries[n]))
	}
	tree, err := NewTree(leaves)
	if err != nil {
		t.Fatal(err)
	}
	root, _ := tree.Root()
	for i := range leaves {
		d, err := tree.Disclose(i, salts[i], entries[i])
		if err != nil {
			t.Fatal(err)
		}
		d, err = ParseDisclosure(d.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Verify(root); err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]func(*Disclosure){
			"entry": func(d *Disclosure) { d.Entry = Field{"f", "other"}.Entry() },
			"salt":  func(d *Disclosure) { d.Salt[31] ^= 1 },
			"index": func(d *Disclosure) { d.Index = (d.Index + 1) % d.Size },
			"short": func(d *Disclosure) { d.Path = d.Path[1:] },
			"path":  func(d *Disclosure) { d.Path = append([]tx.Digest{{1}}, d.Path[1:]...) },
			"size":  func(d *Disclosure) { d.Size = 1 << 19 },
			"none":  func(d *Disclosure) { d.Size = 0 },
		} {
			bad := *d
			change(&bad)
			if bad.Verify(root) == nil {
				t.Errorf("leaf %d with another %s verifies", i, name)
			}
		}
	}
	if _, err := tree.Disclose(11, Salt{}, nil); err == nil {
		t.Error("a leaf that is not there was disclosed")
	}
}

func TestField(t *testing.T) {
	if err := (Field{"case_no", "杭市监案字〔2026〕12号"}).Check(); err != nil {
		t.Error(err)
	}
	for _, f := range []Field{
		{"", "x"}, {"Name", "x"}, {"名", "x"}, {strings.Repeat("n", MaxName+1), "x"},
		{"n", "e\u0301"}, {"n", "\xff"}, {"n", strings.Repeat("x", MaxValue+1)},
	} {
		if f.Check() == nil {
			t.Errorf("field %q %.20q passes", f.Name, f.Value)
		}
	}
}

func FuzzParseDisclosure(f *testing.F) {
	tree, err := NewTree([]tx.Digest{{1}, {2}, {3}})
	if err != nil {
		f.Fatal(err)
	}
	d, err := tree.Disclose(1, Salt{4}, Field{"n", "v"}.Entry())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(d.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := ParseDisclosure(b)
		if err != nil {
			return
		}
		if !bytes.Equal(d.Encode(), b) {
			t.Errorf("%q was read and is written as %q", b, d.Encode())
		}
		if d.Verify(tx.Digest{}) == nil {
			t.Error("a disclosure verifies against nothing")
		}
	})
}
