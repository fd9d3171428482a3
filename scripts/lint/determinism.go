package main

import (
	"cmp"
	"fmt"
	"go/ast"
	gobuild "go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// deterministicRoots are the packages, each with all below it, whose work every
// validator repeats and must repeat alike. What they import of ours is held to
// the same.
var deterministicRoots = []string{
	module + "/app/tx",
	module + "/app/state",
	module + "/app/store",
}

// exception lets one thing through in one file.
type exception struct {
	file   string // relative to the root of the module
	what   string // finding.what
	reason string
}

// exceptions are all there are. One that no longer lets anything through is
// itself a finding.
var exceptions = []exception{
	{"app/tx/sign.go", "crypto/rand", "makes keys and signs for whoever holds one; validators only verify, in other files"},
	{"app/tx/key_curves_js.go", "variant", "smaller curves for the verifier in the browser; no validator runs there, and tests hold package curve equal"},
}

// ban says which rule a thing breaks and why.
type ban struct{ rule, why string }

var (
	clock       = ban{"clock", "time is block time, and the same in every time zone"}
	random      = ban{"random", "validators would draw different values"}
	float       = ban{"float", "rounding may differ between machines and compilers; count in integers"}
	goroutine   = ban{"goroutine", "the order of goroutines differs from run to run"}
	choice      = ban{"select", "select picks at random among ready cases"}
	mapOrder    = ban{"map-order", "a map has another order each time; range over slices.Sorted(maps.Keys(m))"}
	environment = ban{"environment", "the result would depend on the machine"}
	build       = ban{"build", "validators built differently would run different code"}
)

// bannedImports are the packages that have no use in deterministic code.
var bannedImports = map[string]ban{
	"math/rand":       random,
	"math/rand/v2":    random,
	"crypto/rand":     random,
	"hash/maphash":    random,
	"runtime":         environment,
	"runtime/debug":   environment,
	"runtime/metrics": environment,
	"os":              environment,
	"os/exec":         environment,
	"os/signal":       environment,
	"os/user":         environment,
	"net":             environment,
	"net/http":        environment,
	"syscall":         environment,
	"plugin":          environment,
	"unsafe":          environment,
	"C":               build,
}

// banned are the functions, methods and variables of otherwise useful packages,
// named as types.Func.FullName does.
var banned = map[string]ban{
	"time.Now":          clock,
	"time.Since":        clock,
	"time.Until":        clock,
	"time.Sleep":        clock,
	"time.After":        clock,
	"time.AfterFunc":    clock,
	"time.Tick":         clock,
	"time.NewTicker":    clock,
	"time.NewTimer":     clock,
	"time.Local":        clock,
	"time.LoadLocation": clock,
	"(time.Time).Local": clock,

	"context.WithTimeout":       clock,
	"context.WithTimeoutCause":  clock,
	"context.WithDeadline":      clock,
	"context.WithDeadlineCause": clock,

	// These count where the import of os or runtime is excepted.
	"os.Getenv":          environment,
	"os.LookupEnv":       environment,
	"os.Environ":         environment,
	"os.ExpandEnv":       environment,
	"os.Hostname":        environment,
	"os.Getpid":          environment,
	"runtime.GOMAXPROCS": environment,
	"runtime.NumCPU":     environment,

	"maps.Keys":                mapOrder,
	"maps.Values":              mapOrder,
	"maps.All":                 mapOrder,
	"(*sync.Map).Range":        mapOrder,
	"(reflect.Value).MapKeys":  mapOrder,
	"(reflect.Value).MapRange": mapOrder,
	"(reflect.Value).Seq":      mapOrder,
	"(reflect.Value).Seq2":     mapOrder,

	"context.AfterFunc": goroutine,
}

// checkDeterminism looks through the non-test files of every package under the
// roots and of every package of ours that these import, in the module at dir.
// Each root must exist.
func checkDeterminism(dir string, roots []string, allowed []exception) ([]finding, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	// As the go command reports it.
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	var patterns []string
	for _, root := range roots {
		patterns = append(patterns, root+"/...")
	}
	pkgs, err := list(dir, true, patterns...)
	if err != nil {
		return nil, err
	}
	c := &checker{
		dir:  dir,
		fset: token.NewFileSet(),
		info: types.Info{
			Types: map[ast.Expr]types.TypeAndValue{},
			Uses:  map[*ast.Ident]types.Object{},
			Defs:  map[*ast.Ident]types.Object{},
		},
		seen: map[finding]bool{},
	}
	imp := importer.ForCompiler(c.fset, "gc", func(name string) (io.ReadCloser, error) {
		p, ok := pkgs[name]
		if !ok {
			return nil, fmt.Errorf("go list did not name package %s", name)
		}
		return os.Open(p.Export)
	})
	checked := map[string]bool{} // folders
	for _, p := range pkgs {
		if !under(p.ImportPath, module) {
			continue
		}
		checked[c.relative(p.Dir)] = true
		if err := c.checkPackage(p, imp); err != nil {
			return nil, fmt.Errorf("package %s: %w", p.ImportPath, err)
		}
	}
	findings := except(c.findings, allowed, checked)
	slices.SortFunc(findings, func(a, b finding) int {
		return cmp.Or(
			cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line),
			cmp.Compare(a.rule, b.rule), cmp.Compare(a.what, b.what),
		)
	})
	return findings, nil
}

// except removes what the exceptions let through and adds a finding for each
// exception for a checked folder that lets nothing through.
func except(findings []finding, allowed []exception, checked map[string]bool) []finding {
	used := map[exception]bool{}
	findings = slices.DeleteFunc(findings, func(f finding) bool {
		i := slices.IndexFunc(allowed, func(e exception) bool { return e.file == f.file && e.what == f.what })
		if i >= 0 {
			used[allowed[i]] = true
		}
		return i >= 0
	})
	for _, e := range allowed {
		if checked[path.Dir(e.file)] && !used[e] {
			findings = append(findings, finding{
				file: e.file, rule: "exception", what: e.what,
				why: "nothing there needs this exception any more; remove it",
			})
		}
	}
	return findings
}

type checker struct {
	dir      string
	fset     *token.FileSet
	info     types.Info
	findings []finding
	seen     map[finding]bool
}

// report notes a finding once a line.
func (c *checker) report(pos token.Pos, b ban, what string) {
	p := c.fset.Position(pos)
	c.add(finding{file: c.relative(p.Filename), line: p.Line, rule: b.rule, what: what, why: b.why})
}

func (c *checker) add(f finding) {
	if !c.seen[f] {
		c.seen[f] = true
		c.findings = append(c.findings, f)
	}
}

func (c *checker) relative(file string) string {
	rel, err := filepath.Rel(c.dir, file)
	if err != nil {
		return file
	}
	return filepath.ToSlash(rel)
}

func (c *checker) checkPackage(p *listed, imp types.Importer) error {
	var files []*ast.File
	for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
		file, err := parser.ParseFile(c.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	if err := c.checkVariants(p); err != nil {
		return err
	}
	conf := types.Config{Importer: imp, FakeImportC: true}
	if _, err := conf.Check(p.ImportPath, c.fset, files, &c.info); err != nil {
		return err
	}
	for _, file := range files {
		ast.PreorderStack(file, nil, func(n ast.Node, stack []ast.Node) bool {
			c.checkNode(n, stack)
			return true
		})
	}
	return nil
}

// checkVariants finds the files that are compiled on some machines only: those
// left out here, and those that would be left out elsewhere.
func (c *checker) checkVariants(p *listed) error {
	elsewhere := gobuild.Default
	elsewhere.GOOS, elsewhere.GOARCH, elsewhere.CgoEnabled = "none", "none", false
	for _, name := range slices.Concat(p.GoFiles, p.SFiles, p.IgnoredGoFiles) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		everywhere, err := elsewhere.MatchFile(p.Dir, name)
		if err != nil {
			return err
		}
		if !everywhere || slices.Contains(p.IgnoredGoFiles, name) || slices.Contains(p.SFiles, name) {
			c.add(finding{file: c.relative(filepath.Join(p.Dir, name)), rule: build.rule, what: "variant", why: build.why})
		}
	}
	return nil
}

// checkNode looks at one node; stack holds the nodes around it, outermost first.
func (c *checker) checkNode(n ast.Node, stack []ast.Node) {
	switch n := n.(type) {
	case *ast.ImportSpec:
		name := strings.Trim(n.Path.Value, "`\"")
		if b, ok := bannedImports[name]; ok {
			c.report(n.Pos(), b, name)
		}
	case *ast.GoStmt:
		c.report(n.Pos(), goroutine, "go statement")
	case *ast.SelectStmt:
		c.report(n.Pos(), choice, "select statement")
	case *ast.RangeStmt:
		if t := c.info.TypeOf(n.X); t != nil && isMap(t) {
			c.report(n.Pos(), mapOrder, "range over map")
		}
	case *ast.Ident:
		c.checkUse(n, stack)
	}
	// A literal as 1e6 that the compiler turns into an integer, exactly, has an
	// integer type here.
	if e, ok := n.(ast.Expr); ok {
		if t := c.info.TypeOf(e); t != nil && isFloat(t) {
			c.report(n.Pos(), float, "floating point")
		}
	}
}

// checkUse looks at an identifier that refers to something declared elsewhere.
func (c *checker) checkUse(id *ast.Ident, stack []ast.Node) {
	obj := c.info.Uses[id]
	if obj == nil || obj.Pkg() == nil {
		return
	}
	from := obj.Pkg().Path()
	name := from + "." + obj.Name()
	if fn, ok := obj.(*types.Func); ok {
		name = fn.Origin().FullName()
		if !under(from, module) {
			switch {
			case strings.HasPrefix(obj.Name(), "GenerateKey"):
				// Also where the caller passes a reader: several libraries take
				// nil for crypto/rand or ignore what they are given.
				c.report(id.Pos(), random, name)
				return
			case obj.Name() == "Go" || obj.Name() == "TryGo": // of sync.WaitGroup, errgroup.Group and their like
				c.report(id.Pos(), goroutine, name)
				return
			}
		}
	}
	switch name {
	case "time.Unix", "time.UnixMilli", "time.UnixMicro":
		if !zoned(stack) {
			c.report(id.Pos(), clock, name+" without .UTC()")
		}
	case "maps.Keys", "maps.Values":
		if !c.sorted(stack) {
			c.report(id.Pos(), mapOrder, name)
		}
	default:
		if b, ok := banned[name]; ok {
			c.report(id.Pos(), b, name)
		}
	}
}

// zoned reports whether the innermost of stack is pkg.Func in
// pkg.Func(...).UTC() or .In(...), which leave the zone of the machine at once.
func zoned(stack []ast.Node) bool {
	if len(stack) < 3 {
		return false
	}
	around, ok := stack[len(stack)-3].(*ast.SelectorExpr)
	return ok && (around.Sel.Name == "UTC" || around.Sel.Name == "In")
}

// sorted reports whether the innermost of stack is pkg.Func in
// slices.Sorted(pkg.Func(...)) or slices.SortedFunc(pkg.Func(...), cmp). That
// cmp tells any two of the elements apart is left to who writes it.
func (c *checker) sorted(stack []ast.Node) bool {
	if len(stack) < 3 {
		return false
	}
	call, ok := stack[len(stack)-3].(*ast.CallExpr)
	if !ok || call.Args[0] != stack[len(stack)-2] {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	fn, ok := c.info.Uses[sel.Sel].(*types.Func)
	return ok && (fn.FullName() == "slices.Sorted" || fn.FullName() == "slices.SortedFunc")
}

// isMap reports whether a value of type t is a map, or may be one if t is a
// type parameter.
func isMap(t types.Type) bool {
	switch t := t.Underlying().(type) {
	case *types.Map:
		return true
	case *types.Interface: // the constraint
		for e := range t.EmbeddedTypes() {
			if isMap(e) {
				return true
			}
		}
	case *types.Union:
		for term := range t.Terms() {
			if isMap(term.Type()) {
				return true
			}
		}
	}
	return false
}

func isFloat(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&(types.IsFloat|types.IsComplex) != 0
}
