// Lint checks two promises that the compiler does not: that the rules of the
// ledger are deterministic, and that imports point one way.
//
//	go run ./scripts/lint
//
// prints one finding a line as "file:line: [rule] what and why" and exits 1
// when there is one, 2 when it could not check. The tests of this package make
// the same checks, so `go test ./...` fails as well.
//
// # Deterministic rules
//
// Validators agree on an app hash only if the same block makes each of them do
// the same. The packages in [deterministicRoots], and those of ours that they
// import, therefore have no clock,
// randomness, floating point, goroutine, select, iteration in map order,
// environment or build variant in their non-test files. What the types say
// counts, not the spelling: a renamed import, a function value or an inferred
// float is found. Only the packages themselves are read: what a library does
// behind its functions is not seen, and pointers formatted with %p or %v are
// not looked for. Exceptions stand in [exceptions], each with its reason.
//
// # Import direction
//
// [directions] is the table of who may depend on whom: app, genesis ← client ←
// node. It is checked along every chain of imports of the non-test files.
package main

import (
	"fmt"
	"os"
)

func main() {
	findings, err := check(".")
	if err != nil {
		fmt.Fprintln(os.Stderr, "lint:", err)
		os.Exit(2)
	}
	for _, f := range findings {
		fmt.Println(f)
	}
	if len(findings) > 0 {
		os.Exit(1)
	}
}

// check makes both checks on the module in dir and says on standard error which
// packages of the tables do not exist.
func check(dir string) ([]finding, error) {
	pkgs, err := list(dir, false, module+"/...")
	if err != nil {
		return nil, err
	}
	for _, d := range directions {
		if !pkgs.match(d.from) {
			fmt.Fprintf(os.Stderr, "lint: no package %s, its imports are not checked\n", d.from)
		}
	}
	findings := checkDirections(pkgs, directions)
	var roots []string
	for _, root := range deterministicRoots {
		if pkgs.match(root) {
			roots = append(roots, root)
		} else {
			fmt.Fprintf(os.Stderr, "lint: no package %s, its determinism is not checked\n", root)
		}
	}
	if len(roots) == 0 {
		return findings, nil
	}
	found, err := checkDeterminism(dir, roots, exceptions)
	if err != nil {
		return nil, err
	}
	return append(findings, found...), nil
}

// finding is one broken promise.
type finding struct {
	file string // relative to the root of the module; for an import, the package
	line int    // 0 when the whole file or package is meant
	rule string
	what string // the thing found, as an exception names it
	why  string
}

func (f finding) String() string {
	place := f.file
	if f.line > 0 {
		place = fmt.Sprintf("%s:%d", f.file, f.line)
	}
	return fmt.Sprintf("%s: [%s] %s: %s", place, f.rule, f.what, f.why)
}
