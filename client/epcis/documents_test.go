package epcis

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// documents.json holds events of every type with every field, in the shapes of the
// examples of EPCIS 2.0 and of the reference generator of event hashes; where that
// publishes hashes of an event, they are beside it.
type example struct {
	Name     string
	IDs      []string
	Document json.RawMessage
}

func examples(t testing.TB) (all []example) {
	t.Helper()
	b, err := os.ReadFile("testdata/documents.json")
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// All documents keep to the schema, and hashes are those that are published.
func TestDocuments(t *testing.T) {
	types := map[string]bool{}
	for _, x := range examples(t) {
		c, err := ReadCapture(x.Document)
		if err != nil || len(c.Faults) > 0 || c.Total == 0 {
			t.Errorf("%s: %v, %v", x.Name, c.Faults, err)
			continue
		}
		for i := range c.Events {
			types[c.Events[i].Type()] = true
			if h := c.Events[i].Hash(); i < len(x.IDs) && h.String() != x.IDs[i] {
				t.Errorf("%s, event %d: %s, want %s\n%s", x.Name, i, h, x.IDs[i], c.Events[i].PreHash())
			}
		}
	}
	if len(types) != len(Types) {
		t.Errorf("only %v", types)
	}
}

// EPCIS_EXAMPLES names a folder of documents, such as JSON of GS1's repository
// EPCIS: all are taken.
func TestForeignDocuments(t *testing.T) {
	dir := os.Getenv("EPCIS_EXAMPLES")
	if dir == "" {
		t.Skip("EPCIS_EXAMPLES is not set")
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".jsonld") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if c, err := ReadCapture(b); err != nil || len(c.Faults) > 0 {
			t.Errorf("%s: %v, %v", path, c, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
