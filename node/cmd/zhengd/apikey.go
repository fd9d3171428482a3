package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/node/access"
	"zhenglian/node/member"
)

func apikeyCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "apikey", Short: "管理网关的 API 密钥 · API keys of the gateway", Args: noArgs,
		Long: `apikey 管理网关的 API 密钥。密钥只显示一次，文件中仅存其摘要；变更即时生效，无需重启。
apikey manages the API keys of the gateway of a home folder. A key is shown once;
the file config/apikeys.json holds its SHA-256. A running gateway follows changes.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := c.Help(); err != nil {
				return err
			}
			return fmt.Errorf("%w: name a command", errUsage)
		},
	}
	c.AddCommand(apikeyAddCommand(), apikeyListCommand(), apikeyRevokeCommand())
	return c
}

// openKeys opens the keys of a home folder that is one.
func openKeys(home string) (*access.Keys, error) {
	path := member.KeysFile(home)
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("%s is no home folder: zhengd init makes one (%w)", home, fs.ErrNotExist)
	}
	return access.OpenKeys(path)
}

func apikeyAddCommand() *cobra.Command {
	var home, name, mem, expires string
	var scopes []string
	var rate float64
	c := &cobra.Command{
		Use: "add --home DIR --name NAME --scope SCOPE,…", Short: "新建密钥并显示一次 · make a key and show it once", Args: noArgs,
		Long: `add 新建 API 密钥，以 JSON 输出，其中 key 只显示这一次。
权限：read 查询，submit 提交，blobs 存文件，capture 网页取证，hooks 管理自己的回调，admin 全部回调。
add makes an API key and prints it as JSON; key is shown this one time.
Scopes: read, submit, blobs, capture (web pages), hooks (one's own webhooks), store (custody, retention, holds), admin (everybody's).`,
		RunE: func(c *cobra.Command, _ []string) error {
			if name == "" || len(scopes) == 0 {
				return fmt.Errorf("%w: --name and --scope are needed", errUsage)
			}
			d, err := parseDays(expires)
			if err != nil {
				return fmt.Errorf("%w: --expires: %w", errUsage, err)
			}
			keys, err := openKeys(home)
			if err != nil {
				return err
			}
			k := access.Key{Name: name, Member: tx.MemberID(mem), Rate: rate, Expires: time.Now().Add(d)}
			for _, s := range scopes {
				k.Scopes = append(k.Scopes, access.Scope(s))
			}
			if err := access.CheckScopes(k.Scopes); err != nil {
				return fmt.Errorf("%w: --scope: %w", errUsage, err)
			}
			k, token, err := keys.Add(k)
			if err != nil {
				return err
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(map[string]any{
				"id": k.ID, "name": k.Name, "scopes": k.Scopes, "expires": k.Expires, "key": token,
			})
		},
	}
	f := c.Flags()
	homeFlag(c, &home)
	f.StringVar(&name, "name", "", "名称（必填）· what you call it (required)")
	f.StringSliceVar(&scopes, "scope", nil, "权限（必填）· scopes (required)")
	f.StringVar(&expires, "expires", "90d", "有效期，如 90d 或 12h · how long it is good, such as 90d or 12h")
	f.StringVar(&mem, "member", "", "所代表的成员，仅作标注 · member for whom it acts, as a note")
	f.Float64Var(&rate, "rate", 0, "每秒请求数；0 为网关默认 · requests a second; 0: as the gateway's settings say")
	return c
}

// parseDays reads a duration that may be in days.
func parseDays(s string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 || n > 3660 {
			return 0, fmt.Errorf("%q: want 1d to 3660d", s)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(s)
	if err == nil && d <= 0 {
		err = fmt.Errorf("%q is not ahead", s)
	}
	return d, err
}

func apikeyListCommand() *cobra.Command {
	var home string
	c := &cobra.Command{
		Use: "list --home DIR", Short: "列出密钥 · list the keys, one JSON object a line", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			keys, err := openKeys(home)
			if err != nil {
				return err
			}
			all, err := keys.List()
			if err != nil {
				return err
			}
			for _, k := range all {
				k.Hash = "" // of no use to anybody who reads a list
				if err := printKey(c, k); err != nil {
					return err
				}
			}
			return nil
		},
	}
	homeFlag(c, &home)
	return c
}

func printKey(c *cobra.Command, k access.Key) error {
	status := "active"
	switch {
	case !k.Revoked.IsZero():
		status = "revoked"
	case !time.Now().Before(k.Expires):
		status = "expired"
	}
	return json.NewEncoder(c.OutOrStdout()).Encode(struct {
		ID      string         `json:"id"`
		Name    string         `json:"name"`
		Status  string         `json:"status"`
		Scopes  []access.Scope `json:"scopes"`
		Member  tx.MemberID    `json:"member,omitempty"`
		Rate    float64        `json:"rate,omitempty"`
		Created time.Time      `json:"created"`
		Expires time.Time      `json:"expires"`
		Revoked time.Time      `json:"revoked,omitzero"`
	}{k.ID, k.Name, status, k.Scopes, k.Member, k.Rate, k.Created, k.Expires, k.Revoked})
}

func apikeyRevokeCommand() *cobra.Command {
	var home string
	c := &cobra.Command{
		Use: "revoke --home DIR ID", Short: "作废密钥，即时生效 · end a key at once",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%w: want one id, as zhengd apikey list shows it", errUsage)
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			keys, err := openKeys(home)
			if err != nil {
				return err
			}
			k, err := keys.Revoke(args[0])
			if err != nil {
				return err
			}
			return printKey(c, k)
		},
	}
	homeFlag(c, &home)
	return c
}
