package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"zhenglian/node/member"
)

func startCommand() *cobra.Command {
	var home, listen string
	c := &cobra.Command{
		Use: "start --home DIR", Short: "运行节点 · run the node of a home folder", Args: noArgs,
		Long: `start 运行节点直至收到 SIGINT 或 SIGTERM，然后有序停止。
start runs the node until SIGINT or SIGTERM, then stops in order. It exits
non-zero when the application or the consensus failed; let a supervisor restart
it with a stop time-out of at least 120 seconds.`,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := member.Open(c.Context(), home, member.Options{Listen: listen, Version: programVersion()})
			if err != nil {
				return err
			}
			if a := m.Addr(); a != nil {
				fmt.Fprintf(c.ErrOrStderr(), "gateway: http://%s\n", a)
			}
			return m.Run(c.Context())
		},
	}
	homeFlag(c, &home)
	c.Flags().StringVar(&listen, "listen", "", "网关地址，覆盖 gateway.json · gateway address, instead of that in gateway.json")
	return c
}
