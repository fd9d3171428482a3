package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// module is the path all packages of ours begin with.
const module = "zhenglian"

// listed is what `go list` says about one package, as far as it matters here.
type listed struct {
	ImportPath     string
	Dir            string
	Standard       bool
	Export         string // file with the types of the package, for the type checker
	GoFiles        []string
	CgoFiles       []string
	SFiles         []string
	IgnoredGoFiles []string // left out by build constraints
	Imports        []string // of the non-test files
}

// packages are the packages of a build by import path.
type packages map[string]*listed

// match reports whether any package is under path: path itself or a package
// below it.
func (p packages) match(path string) bool {
	for name := range p {
		if under(name, path) {
			return true
		}
	}
	return false
}

// under reports whether the import path name is root or below it.
func under(name, root string) bool {
	return name == root || strings.HasPrefix(name, root+"/")
}

// list asks the go command in dir for the packages that match the patterns and all
// they import. With compiled set it compiles them, so that Export is there.
func list(dir string, compiled bool, patterns ...string) (packages, error) {
	args := []string{"list", "-deps",
		"-json=ImportPath,Dir,Standard,Export,GoFiles,CgoFiles,SFiles,IgnoredGoFiles,Imports"}
	if compiled {
		args = append(args, "-export")
	}
	cmd := exec.Command("go", append(args, patterns...)...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=1") // as validators are built
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w\n%s", strings.Join(patterns, " "), err, stderr.Bytes())
	}
	pkgs := packages{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs, nil
		} else if err != nil {
			return nil, fmt.Errorf("output of go list: %w", err)
		}
		pkgs[p.ImportPath] = &p
	}
}
