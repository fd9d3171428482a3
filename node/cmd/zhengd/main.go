// Command zhengd runs a member's node: zhengd help lists what it can do.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"zhenglian/client/capture"
)

// version is set by release builds; other builds say what they were built from.
var version = ""

func programVersion() string {
	if version != "" {
		return version
	}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return "devel-" + s.Value[:12]
			}
		}
	}
	return "devel"
}

// errUsage marks an error of the command line, which exits with 2.
var errUsage = errors.New("usage")

func main() {
	capture.RunChild()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "zhengd:", err)
		if errors.Is(err, errUsage) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "zhengd",
		Short: "证链节点 · the node of a Zhenglian member",
		Long: `zhengd 运行证链成员的节点：共识、账本与可选的网关。
zhengd runs a member's node: consensus, ledger and, if wanted, the gateway.

一条命令启动示例联盟 / one command starts the example consortium:
  zhengd demo --home ./demo`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := c.Help(); err != nil {
				return err
			}
			return fmt.Errorf("%w: name a command", errUsage)
		},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", errUsage, err) })
	root.AddCommand(initCommand(), genesisCommand(), joinCommand(), startCommand(), demoCommand(), statusCommand(), apikeyCommand(), trustCommand(), keyCommand(), witnessCommand(), restoreCommand(), versionCommand())
	return root
}

// noArgs refuses arguments as a usage error.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: unexpected argument %q", errUsage, args[0])
	}
	return nil
}

// homeFlag adds --home to a command that cannot do without it.
func homeFlag(c *cobra.Command, home *string) {
	c.Flags().StringVar(home, "home", "", "节点目录（必填）· home folder (required)")
	run := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if *home == "" {
			return fmt.Errorf("%w: --home is missing", errUsage)
		}
		return run(c, args)
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "显示版本 · print the version", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), "zhengd", programVersion())
			return err
		},
	}
}
