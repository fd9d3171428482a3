package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/client/keys"
)

// keyring returns the folder of keys in force.
func (c *cli) keyring() (string, error) {
	if dir := c.setting(c.flags.keys, "ZHENG_KEYS", c.file.Keys, ""); dir != "" {
		return dir, nil
	}
	h, err := c.home()
	if err != nil {
		return "", c.usage("no home folder: give --keys DIR", "找不到用户主目录，请用 --keys 指定密钥目录")
	}
	return filepath.Join(h, "keys"), nil
}

// passphrase reads the passphrase file in force; nil when there is none.
func (c *cli) passphrase() ([]byte, error) {
	path := c.setting(c.flags.passphraseFile, "ZHENG_PASSPHRASE_FILE", "", "")
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("passphrase: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return nil, fmt.Errorf("passphrase: the first line of %s is empty", path)
	}
	return []byte(line), nil
}

// loadKey reads a key file of the keyring.
func (c *cli) loadKey(name string) (*keys.File, error) {
	dir, err := c.keyring()
	if err != nil {
		return nil, err
	}
	f, err := keys.Load(dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf(c.tr("key %q %w in %s", "密钥 %q %w：%s"), name, errNotFound, dir)
	}
	return f, err
}

// openKey reads a key with its secret.
func (c *cli) openKey(name string) (keys.Key, error) {
	f, err := c.loadKey(name)
	if err != nil {
		return keys.Key{}, err
	}
	pass, err := c.passphrase()
	if err != nil {
		return keys.Key{}, err
	}
	k, err := f.Open(pass)
	if errors.Is(err, keys.ErrLocked) {
		err = fmt.Errorf("%w: %s", err, c.tr("give --passphrase-file FILE or set ZHENG_PASSPHRASE_FILE", "请用 --passphrase-file 或环境变量 ZHENG_PASSPHRASE_FILE 给出口令文件"))
	}
	return k, err
}

// fromName is the name of the key that states.
func (c *cli) fromName() (string, error) {
	name := c.setting(c.flags.from, "ZHENG_FROM", c.file.From, "")
	if name == "" {
		return "", c.usage("who states? give --from NAME (see: zheng keys list)", "请用 --from 指定陈述人密钥（见：zheng keys list）")
	}
	return name, nil
}

// signers opens the stating key and the co-signing ones.
func (c *cli) signers() ([]tx.Signer, error) {
	name, err := c.fromName()
	if err != nil {
		return nil, err
	}
	var out []tx.Signer
	seen := map[string]bool{}
	for _, n := range append([]string{name}, c.flags.cosign...) {
		if seen[n] {
			return nil, c.usage("key %q is named twice", "密钥 %q 重复", n)
		}
		seen[n] = true
		k, err := c.openKey(n)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

func (c *cli) keysCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "keys", RunE: c.group, Args: c.args(0, 0),
		Short: c.tr("make and keep signing keys", "生成和保管签名密钥"),
	}
	for _, sub := range []*cobra.Command{c.keysAdd(), c.keysList(), c.keysShow(), c.keysImport(), c.keysExport()} {
		c.keyringFlags(sub)
		cmd.AddCommand(sub)
	}
	return cmd
}

// keyInfo is a key as commands print it: never with its secret.
type keyInfo struct {
	Name    string       `json:"name"`
	Member  tx.MemberID  `json:"member"`
	Account tx.AccountID `json:"account"`
	Type    tx.KeyType   `json:"type"`
	Public  string       `json:"public_key"`
	Roles   []string     `json:"roles,omitempty"`
	Secret  string       `json:"secret"` // none, plain or encrypted
}

func infoOf(f *keys.File) keyInfo {
	return keyInfo{f.Name, f.Member, f.Account, f.Public.Type, fmt.Sprintf("%x", f.Public.Bytes), f.Roles, f.Secret()}
}

func (c *cli) printKey(f *keys.File) error {
	i := infoOf(f)
	return c.print(i, func(w io.Writer) {
		fmt.Fprintf(w, "%-8s %s\n%-8s %s\n%-8s %s\n%-8s %s\n%-8s %s\n%-8s %s\n",
			"name", i.Name, "member", i.Member, "account", i.Account, "type", i.Type, "public", i.Public, "secret", i.Secret)
	})
}

func (c *cli) keysAdd() *cobra.Command {
	var member, typ string
	var roles []string
	var plain bool
	cmd := &cobra.Command{
		Use: "add NAME --member ID", Args: c.args(1, 1),
		Short: c.tr("make a new key", "生成新密钥"),
		Example: `  zheng keys add wang --member hangzhou-amr --passphrase-file pass.txt
  zheng keys add robot --member hangzhou-amr --type sm2 --plain`,
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case !keys.ValidName(args[0]):
				return c.usage("key name %q: want 1 to 64 letters, digits, '.', '_' or '-'", "密钥名 %q 无效：应为 1 至 64 个字母、数字、“.”“_”“-”", args[0])
			case !tx.MemberID(member).Valid():
				return c.usage("--member %q: want a member id such as hangzhou-amr", "--member %q 无效：应为成员编号，如 hangzhou-amr", member)
			case typ != string(tx.Secp256k1) && typ != string(tx.SM2) && typ != string(tx.MLDSA65):
				return c.usage("--type %s: want secp256k1, sm2 or mldsa65", "--type %s：应为 secp256k1、sm2 或 mldsa65", typ)
			}
			pass, err := c.passphrase()
			if err != nil {
				return err
			}
			if (pass == nil) != plain {
				return c.usage("give either --passphrase-file FILE, or --plain to leave the secret readable in the file (mode 0600)",
					"请给出 --passphrase-file；或用 --plain 以明文保存（仅限本人可读的 0600 权限），二者择一")
			}
			dir, err := c.keyring()
			if err != nil {
				return err
			}
			p, err := tx.GenerateKey(tx.KeyType(typ))
			if err != nil {
				return err
			}
			if err := keys.Save(dir, keys.Key{Name: args[0], Member: tx.MemberID(member), PrivateKey: p, Roles: roles}, pass); err != nil {
				return err
			}
			f, err := keys.Load(dir, args[0])
			if err != nil {
				return err
			}
			c.say("made %s; an administrator of %s registers what `zheng keys export %s` prints", "已生成 %s；请把 `zheng keys export %[3]s` 的输出交 %[2]s 的管理员登记",
				keys.Path(dir, args[0]), member, args[0])
			return c.printKey(f)
		},
	}
	cmd.Flags().StringVar(&member, "member", "", c.tr("member that the key acts for", "密钥所代表的成员编号"))
	cmd.Flags().StringVar(&typ, "type", string(tx.Secp256k1), c.tr("secp256k1, sm2 or mldsa65", "密钥类型：secp256k1、sm2 或 mldsa65"))
	cmd.Flags().StringSliceVar(&roles, "role", nil, c.tr("label such as officer; what the key may do is on the ledger", "标签，如 officer；权限以账本登记为准"))
	cmd.Flags().BoolVar(&plain, "plain", false, c.tr("do not encrypt the secret", "不加密保存"))
	return cmd
}

func (c *cli) keysList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Args: c.args(0, 0),
		Short: c.tr("list the keys", "列出密钥"),
		RunE: func(*cobra.Command, []string) error {
			dir, err := c.keyring()
			if err != nil {
				return err
			}
			files, err := keys.List(dir)
			infos := make([]keyInfo, 0, len(files))
			for _, f := range files {
				infos = append(infos, infoOf(f))
			}
			perr := c.print(infos, func(w io.Writer) {
				for _, i := range infos {
					fmt.Fprintf(w, "%-16s %-24s %-10s %s %s\n", i.Name, i.Member, i.Type, i.Account, i.Secret)
				}
			})
			return errors.Join(err, perr)
		},
	}
}

func (c *cli) keysShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Args: c.args(1, 1),
		Short: c.tr("show a key without its secret", "查看密钥（不含私钥）"),
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := c.loadKey(args[0])
			if err != nil {
				return err
			}
			return c.printKey(f)
		},
	}
}

func (c *cli) keysImport() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: "import FILE", Args: c.args(1, 1),
		Short: c.tr("take a key file into the keyring", "导入密钥文件"),
		RunE: func(_ *cobra.Command, args []string) error {
			f, err := keys.Read(args[0])
			if err != nil {
				return err
			}
			if name != "" {
				f.Name = name
			}
			dir, err := c.keyring()
			if err != nil {
				return err
			}
			if err := keys.Import(dir, f); err != nil {
				return err
			}
			return c.printKey(f)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", c.tr("name it so (default: as in the file)", "改名（默认同原文件）"))
	return cmd
}

func (c *cli) keysExport() *cobra.Command {
	var secret bool
	var out string
	cmd := &cobra.Command{
		Use: "export NAME", Args: c.args(1, 1),
		Short: c.tr("print the public key for registration, or copy the key to a file", "输出公钥供登记，或把密钥另存为文件"),
		Long: c.tr("Without --secret the public key goes to stdout (or --out): an administrator registers it.\nWith --secret --out FILE the key file is copied with its secret, encrypted if it was; a secret never goes to stdout.",
			"不带 --secret 时输出公钥（或写入 --out），供管理员登记。\n带 --secret --out 文件 时连同私钥另存（原为加密则仍加密）；私钥绝不输出到标准输出。"),
		RunE: func(_ *cobra.Command, args []string) error {
			if secret && out == "" {
				return c.usage("--secret needs --out FILE: a secret does not go to the screen", "--secret 须同时给出 --out 文件：私钥不输出到屏幕")
			}
			f, err := c.loadKey(args[0])
			if err != nil {
				return err
			}
			if !secret {
				f = f.WithoutSecret()
			} else if f.Secret() == "none" {
				return fmt.Errorf("export key %s: %w", f.Name, keys.ErrPublicOnly)
			}
			if out != "" {
				return keys.Export(out, f)
			}
			b, err := f.MarshalJSON()
			if err != nil {
				return err
			}
			_, err = c.out.Write(b)
			return err
		},
	}
	cmd.Flags().BoolVar(&secret, "secret", false, c.tr("with the secret", "包含私钥"))
	cmd.Flags().StringVar(&out, "out", "", c.tr("new file to write", "写入的新文件"))
	return cmd
}
