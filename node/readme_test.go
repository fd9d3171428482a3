package node_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"

	"zhenglian/node"
	process "zhenglian/node/member"
)

var updateReadme = flag.Bool("update-readme", false, "write the tables of settings in README.md anew")

// The tables of settings in README.md are made from the comments on the structs
// and from the defaults, so that the operator's guide says what the code does.
func TestReadmeSettings(t *testing.T) {
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	md := string(b)
	for _, s := range []struct {
		file, source string
		defaults     any
	}{
		{"config.json", "config.go", node.Default()},
		{"gateway.json", "member/config.go", process.DefaultGateway()},
	} {
		table := "| field | default | meaning |\n|---|---|---|\n" + settings(t, comments(t, s.source), "", reflect.ValueOf(s.defaults))
		head, end := "<!-- settings of "+s.file+" -->\n", "<!-- end of settings -->"
		before, rest, ok1 := strings.Cut(md, head)
		got, after, ok2 := strings.Cut(rest, end)
		if !ok1 || !ok2 {
			t.Fatalf("README.md has no place for the settings of %s", s.file)
		}
		if got != table && !*updateReadme {
			t.Errorf("settings of %s in README.md are not those of the code; run go test ./node -run Readme -update-readme\ngot\n%s\nwant\n%s", s.file, got, table)
		}
		md = before + head + table + end + after
	}
	if *updateReadme {
		if err := os.WriteFile("README.md", []byte(md), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// comments returns the comments on the fields of a file's structs, by type and name.
func comments(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				for _, name := range field.Names {
					out[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
				}
			}
		}
		return true
	})
	return out
}

// settings returns a row of the table for every field of v.
func settings(t *testing.T, comments map[string]string, prefix string, v reflect.Value) string {
	t.Helper()
	var b strings.Builder
	for f, value := range v.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if strings.HasSuffix(f.Type.Name(), "Config") {
			b.WriteString(settings(t, comments, prefix+name+".", value))
			continue
		}
		d, err := json.Marshal(value.Interface())
		if err != nil {
			t.Fatal(err)
		}
		meaning := comments[v.Type().Name()+"."+f.Name]
		if meaning == "" {
			meaning = "See above."
		}
		fmt.Fprintf(&b, "| `%s%s` | `%s` | %s |\n", prefix, name, d, strings.ReplaceAll(meaning, "|", `\|`))
	}
	return b.String()
}
