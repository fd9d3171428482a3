package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"zhenglian/node"
	"zhenglian/node/member"
)

func trustCommand() *cobra.Command {
	var home string
	c := &cobra.Command{
		Use: "trust --home DIR", Short: "输出信任根 · print the trust root", Args: noArgs,
		Long: `trust 由创世文件生成信任根，供 zheng-verify 离线核验。请通过独立渠道交给法院与当事人。
trust makes the trust root for zheng-verify from the genesis file: chain id, first
validators, SHA-256 of the file. Hand it to courts and parties by a way of its own,
never together with receipts.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := node.Load(home)
			if err != nil {
				return err
			}
			path := cfg.Genesis
			if !filepath.IsAbs(path) {
				path = filepath.Join(home, path)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			t, err := member.Trust(b)
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(t.Encode())
			return err
		},
	}
	homeFlag(c, &home)
	return c
}
