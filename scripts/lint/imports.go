package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// direction says what the packages under one path may depend on, directly or
// through others.
type direction struct {
	from   string   // the package and all below it
	only   []string // if set, the only packages of ours besides from, each with all below it; a path ending in "." means that package alone
	never  []string // paths never depended on, each with all below it; a path ending in "." means that package alone
	direct []string // if set, the only packages imported directly besides the standard library's and ours
	past   []string // packages whose own imports are not followed
	why    string
}

// directions is DESIGN §7. A package is held to every row it falls under.
var directions = []direction{
	{from: "zhenglian/app/tx", only: []string{},
		why: "statements and envelopes are the bottom: everything may import them, they import nothing of ours"},
	{from: "zhenglian/app/store", only: []string{"zhenglian/app/span"},
		why: "storage knows keys and bytes, no rules"},
	{from: "zhenglian/app/receipt", only: []string{"zhenglian/app/tx", "zhenglian/app/row", "zhenglian/app/policy"}, never: []string{"github.com/cometbft", "net."},
		why: "a court tool or a browser verifies a receipt with nothing else, offline"},
	{from: "zhenglian/app", never: []string{"zhenglian/client", "zhenglian/node", "zhenglian/scripts"},
		why: "imports point app, genesis ← client ← node"},
	{from: "zhenglian/genesis", never: []string{"zhenglian/client", "zhenglian/node", "zhenglian/scripts"},
		why: "imports point app, genesis ← client ← node"},
	{from: "zhenglian/client", never: []string{"zhenglian/app.", "zhenglian/app/state", "zhenglian/node", "zhenglian/scripts"},
		why: "a client submits, asks and verifies; it does not carry the machine"},
	{from: "zhenglian/client/cmd/zheng-verify", only: []string{"zhenglian/app/receipt", "zhenglian/app/tx", "zhenglian/app/row", "zhenglian/app/policy",
		"zhenglian/client/court", "zhenglian/client/bundle", "zhenglian/client/paper", "zhenglian/client/fields", "zhenglian/client/stamp.", "zhenglian/client/warc"},
		never: []string{"github.com/cometbft", "net.", "net/http"}, direct: []string{"github.com/emmansun/gmsm/sm3"},
		past: []string{"crypto/x509"}, // it reads the addresses in certificates with package net, and opens nothing
		why:  "the court tool is small, static and offline"},
	{from: "zhenglian/node", never: []string{"zhenglian/scripts"},
		why: "scripts are for people, not for the node"},
}

// allows reports whether a package under d.from may depend on path.
func (d direction) allows(path string) bool {
	for _, n := range d.never {
		if alone, ok := strings.CutSuffix(n, "."); ok && path == alone || !ok && under(path, n) {
			return false
		}
	}
	if d.only == nil || !under(path, module) || under(path, d.from) {
		return true
	}
	return slices.ContainsFunc(d.only, func(root string) bool {
		alone, ok := strings.CutSuffix(root, ".")
		return ok && path == alone || !ok && under(path, root)
	})
}

// checkDirections follows the imports of every package that a row of table
// names. The finding for a forbidden dependency shows one shortest chain to it.
func checkDirections(pkgs packages, table []direction) []finding {
	var findings []finding
	for _, name := range slices.Sorted(maps.Keys(pkgs)) {
		for _, d := range table {
			if under(name, d.from) {
				findings = append(findings, d.check(pkgs, name)...)
			}
		}
	}
	return findings
}

func (d direction) check(pkgs packages, from string) []finding {
	var findings []finding
	report := func(what string) {
		findings = append(findings, finding{file: from, rule: "import", what: what, why: d.why})
	}
	if d.direct != nil {
		for _, path := range pkgs[from].Imports {
			if p := pkgs[path]; p != nil && !p.Standard && !under(path, module) && !slices.Contains(d.direct, path) {
				report(fmt.Sprintf("imports %s, which is not in the standard library", path))
			}
		}
	}
	via := map[string]string{from: ""} // package → the one it was reached from
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if !d.allows(at) {
			chain := at
			for step := via[at]; step != ""; step = via[step] {
				chain = step + " → " + chain
			}
			report("depends on " + chain)
			continue // what lies behind a forbidden package is its own concern
		}
		if p := pkgs[at]; p != nil && !slices.Contains(d.past, at) {
			for _, path := range p.Imports {
				if _, seen := via[path]; !seen {
					via[path] = at
					queue = append(queue, path)
				}
			}
		}
	}
	return findings
}
