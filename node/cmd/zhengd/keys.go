package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"zhenglian/node"
)

func keyCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "key", Short: "验证节点密钥 · the key with which a validator signs blocks", Args: noArgs,
		Long: `key 管理验证节点签署区块的密钥。更换步骤：key next 生成新密钥；以 zheng validator rotate
在账本上更换；待新密钥生效后停止节点，执行 key switch，再启动。
key looks after the key with which a validator signs blocks. To change it: make
the new one with key next; have it take the place of the old one on the ledger,
zheng validator rotate OLD NEW; when zheng validator list shows the new one
active, stop the node, key switch, and start it again.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := c.Help(); err != nil {
				return err
			}
			return fmt.Errorf("%w: name a command", errUsage)
		},
	}
	sub := func(use, short string, do func(node.Config) (map[string]string, error)) *cobra.Command {
		var home string
		c := &cobra.Command{Use: use + " --home DIR", Short: short, Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := node.Load(home)
			if err != nil {
				return err
			}
			out, err := do(cfg)
			if err != nil {
				return err
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(out)
		}}
		homeFlag(c, &home)
		return c
	}
	c.AddCommand(
		sub("show", "显示公钥 · print the public key in use, and the next one", func(c node.Config) (map[string]string, error) {
			now, next, err := node.Keys(c)
			return map[string]string{"key": hex.EncodeToString(now), "next": hex.EncodeToString(next)}, err
		}),
		sub("next", "生成下一把密钥 · make the next key", func(c node.Config) (map[string]string, error) {
			now, _, err := node.Keys(c)
			if err != nil {
				return nil, err
			}
			next, err := node.NextKey(c)
			return map[string]string{"key": hex.EncodeToString(now), "next": hex.EncodeToString(next)}, err
		}),
		sub("switch", "启用下一把密钥（须先停止节点）· use the next key; stop the node first", func(c node.Config) (map[string]string, error) {
			old, now, err := node.SwitchKey(c)
			return map[string]string{"key": hex.EncodeToString(now), "retired": hex.EncodeToString(old)}, err
		}))
	return c
}

func restoreCommand() *cobra.Command {
	var home string
	var height int64
	c := &cobra.Command{
		Use: "restore --home DIR --height H", Short: "由备份重建节点 · rebuild a lost node from its backup", Args: noArgs,
		Long: `restore 用于数据已丢失、仅余备份（config.json、gateway.json、config/）的节点。H 须高于全网当前
高度（其他成员 zhengd status 所示高度加十）：验证节点在 H 及以下不签署任何内容，从而不会与
已遗忘的签名冲突。随后 start 会从其他成员取得全部区块。须先确认旧机器已停用且不再启动。
restore is for a home of which only the backup is left: config.json, gateway.json
and config/. H must lie above the height of the network: that of another member's
zhengd status, and ten. The validator signs nothing at or below it, and so cannot
contradict what it signed and does not remember. start then fetches all blocks
from the others. Make sure first that the old machine is off, and stays off.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := node.Load(home)
			if err != nil {
				return err
			}
			if height < 1 {
				return fmt.Errorf("%w: --height is missing: ask another member for zhengd status, and add ten", errUsage)
			}
			if err := node.Restore(cfg, height); err != nil {
				return err
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(map[string]int64{"signs_above": height})
		},
	}
	homeFlag(c, &home)
	c.Flags().Int64Var(&height, "height", 0, "不再签署的最高高度 · last height at which it signs nothing")
	return c
}
