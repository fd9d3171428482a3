package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/spf13/cobra"

	"zhenglian/genesis"
	"zhenglian/node"
	"zhenglian/node/member"
)

func initCommand() *cobra.Command {
	var home, moniker, chain, state, p2p, listen string
	c := &cobra.Command{
		Use: "init --home DIR", Short: "创建节点目录与密钥 · make a home folder with its keys", Args: noArgs,
		Long: `init 创建节点目录：网络身份、共识密钥与配置。已有的密钥保留不变。
init makes a home folder: network identity, consensus key and configuration.
Keys that exist are kept. Give the printed identity to the other founders and
put the common genesis file at DIR/config/genesis.json.

With --chain and --state it also writes the genesis file of a network whose only
validator is this node. --state names a JSON file of members, accounts and
policies (see genesis/README.md).`,
		RunE: func(c *cobra.Command, _ []string) error {
			if (chain == "") != (state == "") {
				return fmt.Errorf("%w: --chain and --state go together", errUsage)
			}
			cfg := node.Default()
			cfg.Home, cfg.Moniker, cfg.P2P.Listen = home, moniker, p2p
			id, err := node.InitHome(cfg)
			if err != nil {
				return err
			}
			if listen != "" {
				g := member.DefaultGateway()
				g.Listen = listen
				if err := g.Save(home); err != nil {
					return err
				}
			}
			if chain != "" {
				if err := soloGenesis(home, chain, state, id.Validator); err != nil {
					return err
				}
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(map[string]string{
				"node_id":       id.NodeID,
				"validator":     hex.EncodeToString(id.Validator.PubKey.Bytes()),
				"validator_key": base64.StdEncoding.EncodeToString(id.Validator.PubKey.Bytes()),
				"home":          home,
			})
		},
	}
	f := c.Flags()
	homeFlag(c, &home)
	f.StringVar(&moniker, "moniker", "zhenglian", "节点名称 · name shown to other members")
	f.StringVar(&p2p, "p2p", "0.0.0.0:26656", "对等连接地址 · address for other members")
	f.StringVar(&listen, "listen", "", "网关地址；空则不开网关 · gateway address; none without it")
	f.StringVar(&chain, "chain", "", "链标识 · chain id of a new one-validator network")
	f.StringVar(&state, "state", "", "创世状态文件 · genesis state of a new one-validator network")
	return c
}

func soloGenesis(home, chain, statePath string, v cmttypes.GenesisValidator) error {
	path := filepath.Join(home, "config", "genesis.json")
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("%s exists: a chain begins once", path)
	}
	b, err := os.ReadFile(statePath)
	if err != nil {
		return err
	}
	s, err := genesis.Parse(b)
	if err != nil {
		return err
	}
	doc, err := genesis.Doc(chain, time.Now(), []cmttypes.GenesisValidator{v}, s)
	if err != nil {
		return err
	}
	return doc.SaveAs(path)
}
