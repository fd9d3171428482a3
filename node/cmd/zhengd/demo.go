package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"zhenglian/app/tx"
	"zhenglian/client/keys"
	"zhenglian/genesis"
	"zhenglian/node"
	"zhenglian/node/access"
	"zhenglian/node/member"
)

// demoValidators name the processes that run the example consortium, each with
// a home folder of its own, and the members whose they are. The first serves the
// gateway.
var (
	demoValidators = []string{"regulator", "platform", "city", "court"}
	demoMembers    = []tx.MemberID{"hangzhou-amr", "platform-a", "xianyang-amr", "internet-court"}
)

const demoChain = "zhenglian-demo"

func demoCommand() *cobra.Command {
	var home, listen string
	c := &cobra.Command{
		Use: "demo --home DIR", Short: "启动四个验证者的示例联盟 · run the example consortium", Args: noArgs,
		Long: `demo 在本机启动由监管机构、平台、协作城市与法院运行的四个验证者（各自独立进程与
目录）和一个网关，直至收到 SIGINT 或 SIGTERM。数据保留在目录中，可再次启动。
demo runs four validators on this machine, one each of a regulator, a platform,
a partner city and a court, in processes and folders of their own, and a gateway,
until SIGINT or SIGTERM. Data stay in DIR, so that it can be started again. A
validator that dies is started again after a second.

  DIR/keys/NAME.json       示例密钥（明文，仅供演示）· demo keys, not encrypted
  DIR/trust.json           信任根 · trust root for zheng-verify
  DIR/{regulator,platform,city,court}/   节点目录与日志 node.log · homes and logs`,
		RunE: func(c *cobra.Command, _ []string) error {
			return runDemo(c.Context(), home, listen, c.ErrOrStderr())
		},
	}
	c.Flags().StringVar(&home, "home", "zhenglian-demo", "目录 · folder")
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "网关地址 · gateway address")
	return c
}

func runDemo(ctx context.Context, home, listen string, out io.Writer) error {
	// Somebody else's gateway on this address would answer that it is ready.
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	l.Close()
	switch _, err := os.Stat(filepath.Join(home, "trust.json")); {
	case errors.Is(err, fs.ErrNotExist):
		if err := layOutDemo(home); err != nil {
			return fmt.Errorf("laying out the demo in %s: %w", home, err)
		}
	case err != nil:
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for i, name := range demoValidators {
		args := []string{"start", "--home", filepath.Join(home, name)}
		if i == 0 {
			args = append(args, "--listen", listen)
		}
		group.Go(func() error { return supervise(ctx, exe, args, filepath.Join(home, name, "node.log"), out) })
	}
	group.Go(func() error {
		if err := waitReady(ctx, "http://"+listen+"/readyz"); err != nil {
			return err
		}
		fmt.Fprintf(out, `示例联盟已就绪 · the example consortium is ready
  网关 gateway     http://%s
  取证 notarize    http://%s/notarize
  接口 API         http://%s/docs
  密钥 keys        %s
  信任根 trust     %s
`, listen, listen, listen, filepath.Join(home, "keys"), filepath.Join(home, "trust.json"))
		return nil
	})
	return group.Wait()
}

// supervise keeps a child running until ctx ends, then stops it in order.
func supervise(ctx context.Context, exe string, args []string, logPath string, out io.Writer) error {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	// endWithParent watches the thread that started the child, not the process:
	// keep it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for failures := 0; ; {
		cmd := exec.CommandContext(ctx, exe, args...)
		cmd.Stdout, cmd.Stderr = log, log
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = 2 * time.Minute
		endWithParent(cmd)
		started := time.Now()
		err := cmd.Run()
		if ctx.Err() != nil {
			return nil
		}
		if time.Since(started) > 10*time.Second {
			failures = 0
		}
		if failures++; failures > 5 {
			return fmt.Errorf("%v keeps ending (%v); see %s", args, err, logPath)
		}
		fmt.Fprintf(out, "%s ended (%v); starting it again\n", filepath.Base(filepath.Dir(logPath)), err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func waitReady(ctx context.Context, url string) error {
	client := &http.Client{Timeout: 2 * time.Second}
	for {
		if r, err := client.Get(url); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// layOutDemo makes the keys, the genesis file, the homes and, last, the trust
// root, whose presence says that the rest is complete.
func layOutDemo(home string) error {
	keyDir := filepath.Join(home, "keys")
	state, err := genesis.Demo(func(d genesis.DemoKey) (tx.PublicKey, error) {
		k, err := tx.GenerateKey(d.Type)
		if err != nil {
			return tx.PublicKey{}, err
		}
		// A half-made demo is begun again with new keys.
		if err := os.Remove(keys.Path(keyDir, d.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return tx.PublicKey{}, err
		}
		return k.Public(), keys.Save(keyDir, keys.Key{Name: d.Name, Member: d.Member, PrivateKey: k, Roles: d.Roles}, nil)
	})
	if err != nil {
		return err
	}
	cfgs, err := node.Testnet(home, len(demoValidators), func(vs []cmttypes.GenesisValidator) (*cmttypes.GenesisDoc, error) {
		for i, v := range vs {
			state.Validators = append(state.Validators, genesis.Validator{Key: tx.ValidatorKey(v.PubKey.Bytes()), Member: demoMembers[i]})
		}
		state.Sort()
		return genesis.Doc(demoChain, time.Now(), vs, state)
	}, func(i int, c *node.Config) {
		c.Home, c.Moniker = filepath.Join(home, demoValidators[i]), demoValidators[i]
	})
	if err != nil {
		return err
	}
	gateway := member.DefaultGateway()
	// Whoever reaches the loopback address of a demo may have it capture pages, also
	// those of this machine.
	gateway.Auth.Anonymous = append(slices.Clone(access.Open), access.Capture)
	gateway.Captures.Running, gateway.Captures.Allow = 1, []string{"127.0.0.0/8", "::1/128"}
	if err := gateway.Save(cfgs[0].Home); err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(cfgs[0].Home, cfgs[0].Genesis))
	if err != nil {
		return err
	}
	t, err := member.Trust(b)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(home, "trust.json"), t.Encode(), 0o644)
}
