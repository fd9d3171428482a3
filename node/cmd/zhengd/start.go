package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"zhenglian/node/access"
	"zhenglian/node/member"
)

func startCommand() *cobra.Command {
	var home, listen, auth string
	c := &cobra.Command{
		Use: "start --home DIR", Short: "运行节点 · run the node of a home folder", Args: noArgs,
		Long: `start 运行节点直至收到 SIGINT 或 SIGTERM，然后有序停止。
start runs the node until SIGINT or SIGTERM, then stops in order. It exits
non-zero when the application or the consensus failed; let a supervisor restart
it with a stop time-out of at least 120 seconds.`,
		RunE: func(c *cobra.Command, _ []string) error {
			o := member.Options{Listen: listen, Version: programVersion()}
			switch auth {
			case "":
			case "open":
				o.Auth = access.Open
			case "read":
				o.Auth = []access.Scope{access.Read}
			case "required":
				o.Auth = []access.Scope{}
			default:
				return fmt.Errorf("%w: --auth %s: want open, read or required", errUsage, auth)
			}
			m, err := member.Open(c.Context(), home, o)
			if err != nil {
				return err
			}
			if a := m.Addr(); a != nil {
				fmt.Fprintf(c.ErrOrStderr(), "gateway: %s://%s\n", m.Scheme(), a)
			}
			return m.Run(c.Context())
		},
	}
	homeFlag(c, &home)
	c.Flags().StringVar(&listen, "listen", "", "网关地址，覆盖 gateway.json · gateway address, instead of that in gateway.json")
	c.Flags().StringVar(&auth, "auth", "", "无凭证者可做什么：open（查询与提交）、read（仅查询）、required（无），覆盖 gateway.json · without credentials: open, read or required, instead of gateway.json")
	return c
}
