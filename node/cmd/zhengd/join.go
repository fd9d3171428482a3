package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/node"
)

func joinCommand() *cobra.Command {
	var home, genesis, want, output string
	var peers []string
	c := &cobra.Command{
		Use: "join --home DIR --genesis FILE --sha256 HEX --peer ID@HOST:PORT...", Short: "加入已有网络 · join a network that runs", Args: noArgs,
		Long: `join 把创世文件装入节点目录并登记其他成员的节点。--sha256 须来自另一成员，经由另一渠道。
随后 start 会从第一个区块起取得并执行全部区块。
join puts the genesis file of a network into a home folder and notes the nodes of
its members. Have --sha256 from another member than the file, by another way.
start then fetches every block from the first and executes it.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := node.Load(home)
			if err != nil {
				return err
			}
			if genesis == "" || want == "" || len(peers) == 0 {
				return fmt.Errorf("%w: --genesis, --sha256 and --peer are needed", errUsage)
			}
			b, err := os.ReadFile(genesis)
			if err != nil {
				return err
			}
			s, err := summaryOfGenesis(b)
			if err != nil {
				return fmt.Errorf("%s: %w", genesis, err)
			}
			if got := sha256.Sum256(b); tx.Digest(got).String() != strings.ToLower(strings.ReplaceAll(want, " ", "")) {
				return fmt.Errorf("%s has the SHA-256 %s, not %s: ask who gave you the one and who the other", genesis, tx.Digest(got), want)
			}
			if err := node.Install(cfg, b, peers); err != nil {
				return err
			}
			s.Path = home
			return printed(c, output, s, s.text)
		},
	}
	outputFlag(c, &output)
	homeFlag(c, &home)
	f := c.Flags()
	f.StringVar(&genesis, "genesis", "", "创世文件 · the genesis file")
	f.StringVar(&want, "sha256", "", "其 SHA-256，得自另一成员 · its SHA-256, from another member")
	f.StringArrayVar(&peers, "peer", nil, "成员节点 · a node of a member, nodeid@host:port")
	return c
}
