package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/bundle"
)

// waiveInfo is a waiver as `zheng waive` prints it.
type waiveInfo struct {
	Waiver  string       `json:"waiver"` // path
	Account tx.AccountID `json:"account"`
	Items   []string     `json:"items"`
	Reason  string       `json:"reason"`
}

func (c *cli) waiveCmd() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "waive DIR", Args: c.args(1, 1),
		Short: c.tr("accept, as a second officer, that the capturing environment failed", "由另一名执法人员接受不合格的取证环境"),
		Long: c.tr(`Writes DIR/waiver.json: which items of env.json are not ok, why the capture is used
all the same, and whose account accepts that. It is notarized with the capture, and
the account must be among those who sign: zheng notarize DIR --from A --cosign B,…
The ledger refuses a capture whose environment failed and has no waiver.`,
			`生成 DIR/waiver.json：列明 env.json 中不合格的项目、仍予采用的理由，以及接受者的账户。
它随取证文件一并上链，接受者必须会签：zheng notarize DIR --from 甲 --cosign 乙,…
环境不合格而没有该说明的取证，账本不予接受。`),
		Example: `  zheng waive item1 --from officer2 --reason "the office's hosts file is managed centrally"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return c.usage("why? give --reason TEXT", "请用 --reason 说明理由")
			}
			name, err := c.fromName()
			if err != nil {
				return err
			}
			key, err := c.loadKey(name)
			if err != nil {
				return err
			}
			k, err := client.OpenCapture(cmd.Context(), args[0], nil)
			if err != nil {
				return err
			}
			if k.Env.Result != "fail" {
				return c.usage("nothing failed in %s", "%s 的取证环境没有不合格项目", args[0])
			}
			env, err := envOf(args[0])
			if err != nil {
				return err
			}
			w := bundle.Waiver{Account: key.Account, At: tx.TimeOf(time.Now()), EnvSHA256: k.Env.ReportSHA256, Reason: bundle.Text(strings.TrimSpace(reason))}
			if w.Items, err = bundle.FailedItems(env); err != nil {
				return err
			}
			b := w.Encode()
			if _, err := bundle.ParseWaiver(b); err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			i := waiveInfo{filepath.Join(args[0], bundle.NameWaiver), w.Account, w.Items, w.Reason}
			if err := writeFile(i.Waiver, b); err != nil {
				return err
			}
			return c.print(i, func(out io.Writer) {
				fmt.Fprintf(out, "%s\n  %s · %s\n", i.Waiver, strings.Join(i.Items, ", "), i.Account)
			})
		},
	}
	c.keyringFlags(cmd)
	cmd.Flags().StringVar(&c.flags.from, "from", "", c.tr("key of the officer who accepts", "接受者的密钥名"))
	cmd.Flags().StringVar(&reason, "reason", "", c.tr("why the capture is used all the same", "仍予采用的理由"))
	return cmd
}

func envOf(dir string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, "env.json")) }

// waiverOf reads the waiver of a capture whose environment failed, and checks that
// somebody else than the one who states accepts, and signs.
func (j *notarizeJob) waiverOf(ctx context.Context, dir string, k *client.Capture) (f client.LocalFile, err error) {
	path := filepath.Join(dir, bundle.NameWaiver)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		env, err := envOf(dir)
		if err != nil {
			return f, err
		}
		bad, err := bundle.FailedItems(env)
		if err != nil {
			return f, err
		}
		return f, fmt.Errorf(j.tr("the capturing environment failed (%s); a second officer must accept that: zheng waive %s --from NAME --reason TEXT; then zheng notarize %[2]s --cosign NAME,…",
			"取证环境不合格（%s），须由另一名执法人员接受：zheng waive %s --from 密钥名 --reason 理由；然后 zheng notarize %[2]s --cosign 密钥名,…"), strings.Join(bad, ", "), dir)
	}
	if err != nil {
		return f, err
	}
	w, err := bundle.ParseWaiver(b)
	if err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	env, err := envOf(dir)
	if err != nil {
		return f, err
	}
	if err := w.Accepts(env, k.Env.ReportSHA256); err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	if n := len(j.pen.signers); n > 0 {
		i := slices.IndexFunc(j.pen.signers, func(s tx.Signer) bool { return s.Public().Account() == w.Account })
		if i <= 0 {
			return f, fmt.Errorf(j.tr("the account that accepts the failed environment, %s, must sign besides the one who states: name its key by --cosign", "接受不合格环境的账户 %s 须与陈述人不同并会签：请用 --cosign 指定其密钥"), w.Account)
		}
	}
	return client.HashFile(ctx, path, tx.RoleWaiver, nil)
}
