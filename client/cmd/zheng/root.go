package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "zheng",
		Short: c.tr("evidence on the ledger: keys, capture, notarization, co-signing, checking; governance", "证链命令行：密钥、取证、存证、会签、核验、治理"),
		Long: c.tr(`zheng puts evidence on the ledger and checks it.

Settings come from flags, then the environment (ZHENG_GATEWAY, ZHENG_TOKEN,
ZHENG_KEYS, ZHENG_FROM, ZHENG_TRUST, ZHENG_PASSPHRASE_FILE, ZHENG_LANG), then
~/.zhenglian/config.json {"gateway","token_file","tls","keys","from","trust","lang","tsa"}.

Data go to stdout, talk to stderr; -o json gives one object a line.
Exit codes: 0 ok, 1 error, 2 usage, 3 NOT VERIFIED, 4 not found, 5 gateway unreachable.`,
			`zheng 把证据摘要写入证链并核验。

设置依次取自：命令行参数；环境变量（ZHENG_GATEWAY、ZHENG_TOKEN、ZHENG_KEYS、
ZHENG_FROM、ZHENG_TRUST、ZHENG_PASSPHRASE_FILE、ZHENG_LANG）；
~/.zhenglian/config.json {"gateway","token_file","tls","keys","from","trust","lang","tsa"}。

数据输出到标准输出，提示输出到标准错误；-o json 每行一个 JSON 对象。
退出码：0 成功，1 错误，2 用法错误，3 核验不通过，4 未找到，5 网关不可达。`),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf(c.tr("unknown command %q", "未知命令 %q"), args[0])
			}
			return nil
		},
		RunE: c.group,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			switch c.flags.output {
			case "json":
				c.json = true
			case "text":
			default:
				return fmt.Errorf(c.tr("-o %s: want json or text", "-o %s：应为 json 或 text"), c.flags.output)
			}
			if l := c.flags.lang; l != "" && l != "zh" && l != "en" {
				return fmt.Errorf(c.tr("--lang %s: want zh or en", "--lang %s：应为 zh 或 en"), l)
			}
			c.started = true
			return nil
		},
	}
	root.AddCommand(c.noun("list", "entries of lists, from proposal to repair; what is in force, with proofs; copies, sweeps, keys", "名单：从提出列入到信用修复，在册查询与证明，副本、比对与密钥", append(c.listLife(), c.listCopies()...)...), c.routingCmd())

	pf := root.PersistentFlags()
	pf.StringVarP(&c.flags.output, "output", "o", "text", c.tr("json or text", "输出格式：json 或 text"))
	pf.StringVar(&c.flags.lang, "lang", "", c.tr("zh or en (default: by LANG)", "语言：zh 或 en（默认按 LANG）"))
	root.AddCommand(c.keysCmd(), c.captureCmd(), c.waiveCmd(), c.notarizeCmd(), c.batchCmd(), c.endorseCmd())
	root.AddCommand(c.continueCmds()...)
	root.AddCommand(c.showCmd(), c.receiptCmd(), c.verifyCmd(), c.signCmd(), c.submitCmd(), c.bundleCmd(), c.discloseCmd(), c.labCmd(), c.versionCmd(), c.loginCmd(), c.logoutCmd())
	root.AddCommand(c.eventCmd(), c.hookCmd(), c.pendingCmd(), c.memberCmd(), c.accountCmd(), c.policyCmd(), c.rulesetCmd(), c.calendarCmd(), c.clockCmd(), c.validatorCmd(), c.trustCmd(), c.upgradeCmd(), c.paramsCmd(), c.traceCmd(), c.inspectCmd())
	root.AddCommand(c.certificateCmd(), c.recordCmd(), c.storeCmd())
	if c.zh {
		c.translate(root)
	}
	return root
}

// group is what a command does that only has commands under it.
func (c *cli) group(cmd *cobra.Command, _ []string) error {
	cmd.SetOut(c.err) // nobody asked for help, so it is no data
	if err := cmd.Help(); err != nil {
		return err
	}
	return c.usage("name a command", "请指定命令")
}

// translate puts into Chinese what cobra says by itself.
func (c *cli) translate(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.SetUsageTemplate(`用法：{{if .Runnable}}
  {{.UseLine}}{{end}}{{if .HasAvailableSubCommands}}
  {{.CommandPath}} [命令]{{end}}{{if .HasExample}}

示例：
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

命令：{{range .Commands}}{{if (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

参数：
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

通用参数：
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

各命令的说明："{{.CommandPath}} [命令] --help"{{end}}
`)
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Short = "查看命令说明"
		case "completion":
			cmd.Short = "生成命令行自动补全脚本"
		}
	}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.InitDefaultHelpFlag()
		cmd.Flags().Lookup("help").Usage = "查看说明"
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

func (c *cli) versionCmd() *cobra.Command {
	return &cobra.Command{
		Use: "version", Args: c.args(0, 0),
		Short: c.tr("print the version of this program", "显示程序版本"),
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version  string `json:"version"`
				Revision string `json:"revision,omitempty"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
			}{Version: version(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			if bi, ok := debug.ReadBuildInfo(); ok {
				for _, s := range bi.Settings {
					if s.Key == "vcs.revision" {
						v.Revision = s.Value
					}
				}
			}
			return c.print(v, func(w io.Writer) {
				fmt.Fprintf(w, "zheng %s %s %s\n", v.Version, v.Go, v.Platform)
			})
		},
	}
}

// gatewayFlag adds --gateway.
func (c *cli) gatewayFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.flags.gateway, "gateway", "", c.tr("address of the gateway, http://HOST:PORT", "网关地址，http://主机:端口"))
	cmd.Flags().StringVar(&c.flags.tokenFile, "token-file", "", c.tr("file whose first line is an API key or a token for the gateway", "网关 API 密钥或令牌文件，取其首行"))
}

// trustFlag adds --trust.
func (c *cli) trustFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.flags.trust, "trust", "", c.tr("trust root to check receipts against, from a source of your own", "核验回执所依据的信任根文件，应由独立渠道取得"))
}

// keyringFlags adds --keys and --passphrase-file.
func (c *cli) keyringFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.flags.keys, "keys", "", c.tr("folder of key files (default ~/.zhenglian/keys)", "密钥目录（默认 ~/.zhenglian/keys）"))
	cmd.Flags().StringVar(&c.flags.passphraseFile, "passphrase-file", "", c.tr("file whose first line is the passphrase of the keys", "口令文件，取其首行"))
}

// traceFlags are signFlags for what can also be signed without a network.
func (c *cli) traceFlags(cmd *cobra.Command) {
	c.signFlags(cmd)
	c.queueFlag(cmd)
	cmd.Flags().BoolVar(&c.flags.offline, "offline", false, c.tr("sign now, send later: see zheng trace queue", "现在签名、以后提交，见 zheng trace queue"))
}

// signFlags adds what every command has that enters a statement.
func (c *cli) signFlags(cmd *cobra.Command) {
	c.gatewayFlag(cmd)
	c.trustFlag(cmd)
	c.keyringFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&c.flags.from, "from", "", c.tr("key that states", "陈述人密钥名"))
	f.StringSliceVar(&c.flags.cosign, "cosign", nil, c.tr("keys that co-sign, NAME,NAME", "会签密钥名，可用逗号分隔多个"))
	f.StringVar(&c.flags.outDir, "out", ".", c.tr("folder for receipts", "回执保存目录"))
	f.Int64Var(&c.flags.expires, "expires", 0, c.tr("heights from now within which it must be accepted (default 50000)", "须在多少个区块内上链（默认 50000）"))
	f.StringVar(&c.flags.draft, "draft", "", c.tr("write the unsigned statement to this file instead: see zheng sign", "只把未签名的陈述写入此文件，见 zheng sign"))
}
