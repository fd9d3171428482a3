package main

import (
	"strings"
	"testing"
)

// graph makes packages from lines "a: b c", which say that a imports b and c.
// Packages without a dot in the first element and not ours are standard.
func graph(lines ...string) packages {
	pkgs := packages{}
	add := func(name string) *listed {
		if pkgs[name] == nil {
			first, _, _ := strings.Cut(name, "/")
			pkgs[name] = &listed{ImportPath: name, Standard: first != module && !strings.Contains(first, ".")}
		}
		return pkgs[name]
	}
	for _, line := range lines {
		name, imports, _ := strings.Cut(line, ":")
		p := add(name)
		p.Imports = strings.Fields(imports)
		for _, i := range p.Imports {
			add(i)
		}
	}
	return pkgs
}

func TestDirections(t *testing.T) {
	tests := []struct {
		name  string
		graph packages
		want  string // part of the only finding; empty for none
	}{
		{"nothing there yet", graph(), ""},
		{"the layout of the design", graph(
			"zhenglian/app/tx: github.com/ethereum/go-ethereum/crypto zhenglian/app/tx/pb fmt",
			"zhenglian/app/store: github.com/cosmos/iavl net",
			"zhenglian/app/state: zhenglian/app/tx zhenglian/app/store",
			"zhenglian/app: zhenglian/app/state github.com/cometbft/cometbft/abci/types",
			"zhenglian/app/receipt: zhenglian/app/tx crypto/ed25519 net/url",
			"zhenglian/genesis: zhenglian/app zhenglian/app/state",
			"zhenglian/client: zhenglian/app/tx zhenglian/app/receipt zhenglian/client/api net/http",
			"zhenglian/client/cmd/zheng: zhenglian/client github.com/spf13/cobra",
			"zhenglian/client/cmd/zheng-verify: zhenglian/app/receipt zhenglian/app/tx flag",
			"zhenglian/node: zhenglian/app zhenglian/genesis zhenglian/client/api",
			"zhenglian/node/cmd/zhengd: zhenglian/node",
			"zhenglian/scripts/bench: zhenglian/node zhenglian/client",
		), ""},
		{"tx imports ours", graph("zhenglian/app/tx: zhenglian/app/receipt"),
			"zhenglian/app/tx: [import] depends on zhenglian/app/tx → zhenglian/app/receipt: "},
		{"tx reaches ours through another", graph("zhenglian/app/tx: example.org/x", "example.org/x: zhenglian/genesis"),
			"zhenglian/app/tx → example.org/x → zhenglian/genesis"},
		{"store imports tx", graph("zhenglian/app/store: zhenglian/app/tx"), "zhenglian/app/store → zhenglian/app/tx"},
		{"receipt imports store", graph("zhenglian/app/receipt: zhenglian/app/store"), "zhenglian/app/receipt → zhenglian/app/store"},
		{"receipt reaches cometbft", graph("zhenglian/app/receipt: example.org/x", "example.org/x: github.com/cometbft/cometbft/types"),
			"zhenglian/app/receipt → example.org/x → github.com/cometbft/cometbft/types"},
		{"receipt reaches the network", graph("zhenglian/app/receipt: crypto/x509", "crypto/x509: net"), "zhenglian/app/receipt → crypto/x509 → net:"},
		{"app imports client", graph("zhenglian/app: zhenglian/client/api"), "zhenglian/app → zhenglian/client/api"},
		{"state imports node", graph("zhenglian/app/state: zhenglian/node"), "zhenglian/app/state → zhenglian/node"},
		{"genesis imports node", graph("zhenglian/genesis: zhenglian/node"), "zhenglian/genesis → zhenglian/node"},
		{"client imports app", graph("zhenglian/client: zhenglian/app"), "zhenglian/client → zhenglian/app:"},
		{"client reaches state", graph("zhenglian/client: zhenglian/genesis", "zhenglian/genesis: zhenglian/app/state"),
			"zhenglian/client → zhenglian/genesis → zhenglian/app/state"},
		{"client imports node", graph("zhenglian/client/web: zhenglian/node/gateway"), "zhenglian/client/web → zhenglian/node/gateway"},
		{"node imports scripts", graph("zhenglian/node: zhenglian/scripts/bench"), "zhenglian/node → zhenglian/scripts/bench"},
		{"court tool imports client", graph("zhenglian/client/cmd/zheng-verify: zhenglian/client"), "zheng-verify → zhenglian/client:"},
		{"court tool imports cobra", graph("zhenglian/client/cmd/zheng-verify: github.com/spf13/cobra"),
			"imports github.com/spf13/cobra, which is not in the standard library"},
		{"court tool reads certificates", graph("zhenglian/client/cmd/zheng-verify: zhenglian/client/stamp", "zhenglian/client/stamp: crypto/x509", "crypto/x509: net"), ""},
		{"court tool asks authorities", graph("zhenglian/client/cmd/zheng-verify: zhenglian/client/stamp/remote"), "zheng-verify → zhenglian/client/stamp/remote:"},
		{"court tool reaches the network", graph("zhenglian/client/cmd/zheng-verify: log/syslog", "log/syslog: net"), "log/syslog → net:"},
		{"a name that only begins alike", graph("zhenglian/app/txpool: zhenglian/app/receipt"), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := checkDirections(test.graph, directions)
			switch {
			case test.want == "" && len(got) > 0:
				t.Errorf("got %q, want none", got)
			case test.want != "" && (len(got) != 1 || !strings.Contains(got[0].String(), test.want)):
				t.Errorf("got %q, want one finding with %q", got, test.want)
			}
		})
	}
}
