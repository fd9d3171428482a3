package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"zhenglian/app/receipt"
)

func (c *cli) trustCmd() *cobra.Command {
	return c.noun("trust", "the validators that receipts are checked against", "核验回执所依据的验证节点名单", c.trustUpdate(), c.trustShow())
}

// trustInfo is what is printed of a trust root.
type trustInfo struct {
	Chain      string `json:"chain"`
	SHA256     string `json:"sha256"` // of the root without changes: what to compare with others
	Genesis    string `json:"genesis_sha256,omitempty"`
	Height     int64  `json:"height"`
	Changes    int    `json:"changes"`
	From       int64  `json:"from"` // height from which on the newest set is in office
	Validators int    `json:"validators"`
	Added      int    `json:"added,omitempty"` // changes that an update brought
	Path       string `json:"path,omitempty"`
}

func trustInfoOf(t *receipt.Trust) trustInfo {
	sum := sha256.Sum256(t.Root().Encode())
	i := trustInfo{Chain: t.Chain, SHA256: hex.EncodeToString(sum[:]), Height: t.Height, Validators: len(t.Validators)}
	if !t.GenesisSHA256.IsZero() {
		i.Genesis = t.GenesisSHA256.String()
	}
	i.From, i.Changes = t.Latest()
	if i.Changes > 0 {
		i.Validators = len(t.Changes[i.Changes-1].Validators)
	}
	return i
}

func (i *trustInfo) text(c *cli, w io.Writer) {
	fmt.Fprintf(w, "%s %s\n", c.tr("trust root of", "信任根"), i.Chain)
	c.field(w, "fingerprint", "指纹", "%s", i.SHA256)
	if i.Genesis != "" {
		c.field(w, "genesis file", "创世文件", "%s", i.Genesis)
	}
	c.field(w, "begins at", "起始高度", "%d", i.Height)
	c.field(w, "changes", "变更", c.tr("%d, each signed by the validators before it", "%d 次，每次均由变更前的验证节点签署"), i.Changes)
	c.field(w, "validators", "验证节点", c.tr("%d from height %d on", "%d 个，自高度 %d 起"), i.Validators, i.From)
	if i.Path != "" {
		c.field(w, "written to", "已写入", c.tr("%s (%d changes more)", "%s（新增 %d 次变更）"), i.Path, i.Added)
	}
}

// needTrust is trustRoot where there must be one.
func (c *cli) needTrust() (*receipt.Trust, error) {
	t, err := c.trustRoot()
	if err == nil && t == nil {
		err = c.usage("which one? give --trust FILE", "请用 --trust 指定信任根文件")
	}
	return t, err
}

func (c *cli) trustUpdate() *cobra.Command {
	var from, out string
	cmd := &cobra.Command{
		Use: "update", Args: c.args(0, 0), Short: c.tr("follow the changes of the validators", "依验证节点变更更新信任根"),
		Long: c.tr(`Adds the changes of the validators that a gateway, or a file given with --with,
knows besides. Each must be signed by more than two thirds of the validators
before it: whoever brings them is believed nothing, and a trust root that was
handed over once serves for good. What it begins with, and its fingerprint, stay.`,
			`从网关（或 --with 文件）取得验证节点的变更并逐一核验：每次变更须由变更前超过三分之二表决权的验证节点签署，
提供者无须可信。信任根的起始名单与指纹不变。`),
		Example: `  zheng trust update --trust trust.json
  zheng trust update --trust trust.json --with theirs.json --out newer.json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			old, err := c.needTrust()
			if err != nil {
				return err
			}
			var newer *receipt.Trust
			if from != "" {
				b, err := os.ReadFile(from)
				if err != nil {
					return err
				}
				with, err := receipt.ParseTrust(b)
				if err == nil {
					newer, err = old.Extend(with)
				}
				if err != nil {
					return errors.Join(errNotVerified, err)
				}
			} else {
				g, err := c.gateway()
				if err != nil {
					return err
				}
				if newer, err = g.UpdateTrust(cmd.Context(), old); err != nil {
					return err
				}
			}
			if out == "" {
				out = c.setting(c.flags.trust, "ZHENG_TRUST", c.file.Trust, "")
			}
			if err := renameio.WriteFile(out, newer.Encode(), 0o644); err != nil {
				return err
			}
			i := trustInfoOf(newer)
			i.Added, i.Path = len(newer.Changes)-len(old.Changes), out
			return c.print(i, func(w io.Writer) { i.text(c, w) })
		},
	}
	c.gatewayFlag(cmd)
	c.trustFlag(cmd)
	cmd.Flags().StringVar(&from, "with", "", c.tr("a newer trust root, instead of a gateway", "较新的信任根文件，代替网关"))
	cmd.Flags().StringVar(&out, "out", "", c.tr("file to write (default: the one given)", "输出文件（默认覆盖所给文件）"))
	return cmd
}

func (c *cli) trustShow() *cobra.Command {
	cmd := &cobra.Command{
		Use: "show", Args: c.args(0, 0), Short: c.tr("verify a trust root's changes, and print its fingerprint", "核验信任根所载变更并显示指纹"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := c.needTrust()
			if err != nil {
				return err
			}
			i := trustInfoOf(t)
			return c.print(i, func(w io.Writer) { i.text(c, w) })
		},
	}
	c.trustFlag(cmd)
	return cmd
}
