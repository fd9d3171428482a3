package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/client/keys"
	"zhenglian/genesis"
	"zhenglian/node"
)

func genesisCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "genesis", Short: "共同创建网络 · found a network together", Args: noArgs,
		Long: `genesis 供各创始成员在各自的机器上共同生成同一份创世文件，无须信任其中任何一方：
先商定条款（terms），各自制作并签署份件（part），交换文件后各自合成（assemble），
再以电话等独立渠道核对指纹。
genesis has founders on machines of their own build one genesis file without
trusting one of them: they agree on terms, each makes and signs its part, the
parts go round as files, everybody assembles them, and all compare the
fingerprint by phone. genesis/README.md walks through it.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := c.Help(); err != nil {
				return err
			}
			return fmt.Errorf("%w: name a command", errUsage)
		},
	}
	c.AddCommand(genesisTerms(), genesisPart(), genesisSign(), genesisAssemble(), genesisShow())
	return c
}

// outputFlag adds -o. Text is for people, json for programs.
func outputFlag(c *cobra.Command, to *string) {
	c.Flags().StringVarP(to, "output", "o", "text", "text | json")
	run := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if *to != "text" && *to != "json" {
			return fmt.Errorf("%w: -o %q: want text or json", errUsage, *to)
		}
		return run(c, args)
	}
}

// print writes v as JSON, or what text says.
func printed(c *cobra.Command, output string, v any, text func(w io.Writer)) error {
	if output == "json" {
		return json.NewEncoder(c.OutOrStdout()).Encode(v)
	}
	text(c.OutOrStdout())
	return nil
}

// writeNew writes a file that is not there yet.
func writeNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

func readTerms(path string) (*genesis.Terms, error) {
	if path == "" {
		return nil, fmt.Errorf("%w: --terms is missing", errUsage)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return genesis.ParseTerms(b)
}

func readPart(path string) (*genesis.SignedPart, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p, err := genesis.ParsePart(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// summary is what the commands print of a file.
type summary struct {
	File        string           `json:"file"` // terms, part or genesis
	Chain       string           `json:"chain,omitempty"`
	Start       string           `json:"start,omitempty"`
	Member      tx.MemberID      `json:"member,omitempty"`
	Founders    []genesisFounder `json:"founders,omitempty"`
	Terms       string           `json:"terms,omitempty"` // digest of the terms that a part was made for
	SHA256      string           `json:"sha256"`
	Fingerprint string           `json:"fingerprint"`
	Missing     []string         `json:"missing,omitempty"` // keys that have not signed a part
	Notes       []string         `json:"notes,omitempty"`
	Path        string           `json:"path,omitempty"`
}

type genesisFounder struct {
	Member   tx.MemberID `json:"member"`
	Name     string      `json:"name,omitempty"`
	Roles    []string    `json:"roles"`
	Power    int64       `json:"power"`
	Accounts []string    `json:"accounts,omitempty"`
	Peer     string      `json:"peer,omitempty"`
}

func (s *summary) text(w io.Writer) {
	line := func(zh, en, v string) {
		if v != "" {
			fmt.Fprintf(w, "%s %-12s %s\n", zh, en, v)
		}
	}
	line("文件", "file", s.File)
	line("链标识", "chain", s.Chain)
	line("起始", "start", s.Start)
	line("成员", "member", string(s.Member))
	for _, f := range s.Founders {
		fmt.Fprintf(w, "  %-20s %-30s %d %s %s\n", f.Member, strings.Join(f.Roles, ","), f.Power, f.Name, f.Peer)
		for _, a := range f.Accounts {
			fmt.Fprintf(w, "    %s\n", a)
		}
	}
	line("条款", "terms", s.Terms)
	for _, m := range s.Missing {
		line("缺签", "missing", m)
	}
	for _, n := range s.Notes {
		line("注意", "note", n)
	}
	line("已写入", "written to", s.Path)
	line("指纹", "fingerprint", s.Fingerprint)
}

func (s *summary) digest(d [32]byte) {
	s.SHA256, s.Fingerprint = tx.Digest(d).String(), genesis.Fingerprint(d)
}

func summaryOfTerms(t *genesis.Terms) *summary {
	s := &summary{File: "terms", Chain: t.Chain, Start: t.Start.String(), Notes: t.Notes()}
	for _, f := range t.Founders {
		s.Founders = append(s.Founders, genesisFounder{Member: f.Member, Roles: f.Roles, Power: f.Power})
	}
	s.digest(t.Digest())
	return s
}

func summaryOfPart(p *genesis.SignedPart) *summary {
	s := &summary{File: "part", Member: p.Part.Member.ID, Terms: genesis.Fingerprint(p.Part.Terms), Missing: p.Missing()}
	f := genesisFounder{Member: p.Part.Member.ID, Name: p.Part.Member.NameZH, Roles: p.Part.Member.Roles, Peer: p.Part.Peer}
	for _, a := range p.Part.Accounts {
		f.Accounts = append(f.Accounts, a.ID.String()+" "+strings.Join(a.Roles, ",")+" "+string(a.Type))
	}
	if v := p.Part.Validator; v != nil {
		f.Accounts = append(f.Accounts, v.String()+" validator")
	}
	s.Founders = []genesisFounder{f}
	s.digest(p.Digest())
	return s
}

func summaryOfGenesis(b []byte) (*summary, error) {
	d, err := cmttypes.GenesisDocFromJSON(b)
	if err != nil {
		return nil, err
	}
	st, err := genesis.Parse(d.AppState)
	if err != nil {
		return nil, err
	}
	s := &summary{File: "genesis", Chain: d.ChainID, Start: tx.TimeOf(d.GenesisTime).String()}
	for _, m := range st.Members {
		f := genesisFounder{Member: m.ID, Name: m.NameZH, Roles: m.Roles}
		for _, a := range st.Accounts {
			if a.Member == m.ID {
				f.Accounts = append(f.Accounts, a.ID.String()+" "+strings.Join(a.Roles, ",")+" "+string(a.Type))
			}
		}
		for _, v := range d.Validators {
			if st.Owner(tx.ValidatorKey(v.PubKey.Bytes())) == m.ID {
				f.Power += v.Power
				f.Accounts = append(f.Accounts, tx.ValidatorKey(v.PubKey.Bytes()).String()+" validator")
			}
		}
		s.Founders = append(s.Founders, f)
	}
	s.digest(sha256.Sum256(b))
	return s, nil
}

func genesisTerms() *cobra.Command {
	var chain, start, out, output string
	var founders []string
	c := &cobra.Command{
		Use: "terms --chain ID --founder MEMBER:ROLES:POWER...", Short: "起草条款 · draft the terms", Args: noArgs,
		Long: `terms 写出条款文件：链标识、起始时间、创始成员及其角色与权重、参数与会签规则（默认值）。
可用编辑器修改；全体须使用同一份条款，以指纹核对。
terms writes the terms file: chain id, start, founders with roles and power, and
the default parameters and policies. Edit it as you like; all founders use the
same terms, which the fingerprint shows. White space does not count.`,
		Example: `  zhengd genesis terms --chain my-chain --start 2026-12-01T01:00:00Z --founder hangzhou-amr:regulator:10 \
    --founder xianyang-amr:partner-city,regulator:10 --founder platform-a:platform:10 --founder internet-court:court:10 --out terms.json`,
		RunE: func(c *cobra.Command, _ []string) error {
			t := &genesis.Terms{V: 1, Chain: chain, State: genesis.State{Params: genesis.DefaultParams(), Policies: genesis.DefaultPolicies()}}
			at, err := time.Parse(time.RFC3339, start)
			if err != nil {
				return fmt.Errorf("%w: --start %q: want a time like 2026-12-01T01:00:00Z", errUsage, start)
			}
			t.Start = tx.TimeOf(at)
			for _, f := range founders {
				parts := strings.Split(f, ":")
				power, err := int64(0), error(nil)
				if len(parts) == 3 {
					power, err = strconv.ParseInt(parts[2], 10, 64)
				}
				if len(parts) != 3 || err != nil {
					return fmt.Errorf("%w: --founder %q: want MEMBER:ROLE[,ROLE]:POWER, power 0 for no validator", errUsage, f)
				}
				roles := strings.Split(parts[1], ",")
				slices.Sort(roles)
				t.Founders = append(t.Founders, genesis.Founder{Member: tx.MemberID(parts[0]), Roles: roles, Power: power})
			}
			slices.SortFunc(t.Founders, func(a, b genesis.Founder) int { return strings.Compare(string(a.Member), string(b.Member)) })
			t.State.Sort()
			if err := t.Validate(); err != nil {
				return err
			}
			if err := writeNew(out, t.Encode()); err != nil {
				return err
			}
			s := summaryOfTerms(t)
			s.Path = out
			return printed(c, output, s, s.text)
		},
	}
	outputFlag(c, &output)
	f := c.Flags()
	f.StringVar(&chain, "chain", "", "链标识 · chain id: a–z, 0–9 and '-', at most 50")
	f.StringVar(&start, "start", time.Now().UTC().Add(24*time.Hour).Format("2006-01-02T15:00:00Z"), "起始时间 · when the chain may begin")
	f.StringArrayVar(&founders, "founder", nil, "创始成员：标识:角色:权重 · a founder: MEMBER:ROLE[,ROLE]:POWER")
	f.StringVar(&out, "out", "terms.json", "输出文件 · file to write")
	return c
}

// memberFlags are what a part says of its member.
type memberFlags struct{ id, nameZH, nameEN, division, rev, uscc, superior string }

func (m *memberFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&m.id, "member", "", "成员标识 · member id")
	f.StringVar(&m.nameZH, "name-zh", "", "中文名称 · Chinese name")
	f.StringVar(&m.nameEN, "name-en", "", "英文名称 · English name")
	f.StringVar(&m.division, "division", "", "行政区划代码 · division code of GB/T 2260")
	f.StringVar(&m.rev, "division-rev", "", "区划代码版本日期 · date of the edition of the division codes")
	f.StringVar(&m.uscc, "uscc", "", "统一社会信用代码 · unified social credit code")
	f.StringVar(&m.superior, "superior", "", "上级成员 · superior member")
}

// keyFlags open the account keys of a part.
type keyFlags struct{ dir, passphrase string }

func (k *keyFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&k.dir, "keys", "keys", "密钥目录 · folder of the keys (zheng keys add)")
	c.Flags().StringVar(&k.passphrase, "passphrase-file", "", "口令文件，取其首行 · file whose first line is the passphrase of the keys")
}

func (k *keyFlags) pass() ([]byte, error) {
	if k.passphrase == "" {
		return nil, nil
	}
	b, err := os.ReadFile(k.passphrase)
	line, _, _ := strings.Cut(string(b), "\n")
	return []byte(strings.TrimSuffix(line, "\r")), err
}

// sign signs a part with a key, unless the file holds no secret.
func (k *keyFlags) sign(p *genesis.SignedPart, name string, must bool) error {
	f, err := keys.Load(k.dir, name)
	if err != nil {
		return err
	}
	if f.Secret() == "none" && !must {
		return nil
	}
	pass, err := k.pass()
	if err != nil {
		return err
	}
	key, err := f.Open(pass)
	if err != nil {
		return err
	}
	return p.Sign(key)
}

func genesisPart() *cobra.Command {
	var home, terms, out, peer, output string
	var accounts []string
	var m memberFlags
	var k keyFlags
	c := &cobra.Command{
		Use: "part --terms FILE --member ID --account KEY=ROLES...", Short: "制作并签署本成员份件 · make and sign your part", Args: noArgs,
		Long: `part 写出本成员的份件：名称、账户公钥、验证节点公钥与地址，并由其中每一把密钥签署
（持有证明）。密钥文件只含公钥的，由持有人随后以 genesis sign 签署。
part writes what your member brings: names, account keys, the key and the address
of its validator. Every key in it signs it, which proves that it is held. Where
a key file holds a public key only, its holder signs with genesis sign.

在制作之前请通读条款 · read the terms before you make it: zhengd genesis show terms.json`,
		Example: `  zhengd genesis part --home DIR --terms terms.json --member court --name-zh 互联网法院 --name-en "Internet Court" \
    --account admin1=admin --account admin2=admin --account clerk=officer --peer court.example:26656 --out court.part.json`,
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := readTerms(terms)
			if err != nil {
				return err
			}
			p := genesis.Part{Peer: peer, Member: genesis.Member{ID: tx.MemberID(m.id), NameZH: m.nameZH, NameEN: m.nameEN,
				Division: m.division, DivisionRev: m.rev, USCC: m.uscc, Superior: tx.MemberID(m.superior)}}
			power := int64(-1)
			for _, f := range t.Founders {
				if f.Member == p.Member.ID {
					p.Member.Roles, power = f.Roles, f.Power
				}
			}
			var names []string
			for _, a := range accounts {
				name, roles, ok := strings.Cut(a, "=")
				if !ok {
					return fmt.Errorf("%w: --account %q: want KEY=ROLE[,ROLE]", errUsage, a)
				}
				f, err := keys.Load(k.dir, name)
				if err != nil {
					return err
				}
				p.Accounts = append(p.Accounts, genesis.NewAccount(p.Member.ID, f.Public, strings.Split(roles, ",")...))
				names = append(names, name)
			}
			var founder node.Founder
			if power > 0 {
				if home == "" {
					return fmt.Errorf("%w: the terms give %s a validator: --home is missing", errUsage, m.id)
				}
				cfg, err := node.Load(home)
				if err != nil {
					return err
				}
				if founder, err = node.OpenFounder(cfg); err != nil {
					return err
				}
				key := tx.ValidatorKey(founder.Validator)
				p.Validator = &key
				if peer == "" {
					peer = cfg.P2P.External
				}
				if peer == "" {
					peer = cfg.P2P.Listen
				}
				if host, _, err := net.SplitHostPort(peer); err != nil || host == "" || net.ParseIP(host).IsUnspecified() {
					return fmt.Errorf("%w: --peer %q: want the host:port at which the others reach this node", errUsage, peer)
				}
				p.Peer = founder.NodeID + "@" + peer
			}
			s, err := genesis.NewPart(t, p)
			if err != nil {
				return err
			}
			for _, n := range names {
				if err := k.sign(s, n, false); err != nil {
					return err
				}
			}
			if founder.Prove != nil {
				sig, err := founder.Prove(s.Message())
				if err == nil {
					err = s.Prove(sig)
				}
				if err != nil {
					return err
				}
			}
			if out == "" {
				out = m.id + ".part.json"
			}
			if err := writeNew(out, s.Encode()); err != nil {
				return err
			}
			sum := summaryOfPart(s)
			sum.Path = out
			return printed(c, output, sum, sum.text)
		},
	}
	outputFlag(c, &output)
	m.add(c)
	k.add(c)
	f := c.Flags()
	f.StringVar(&home, "home", "", "节点目录（有验证节点时必填）· home folder of the validator, made by zhengd init")
	f.StringVar(&terms, "terms", "", "条款文件 · the terms")
	f.StringArrayVar(&accounts, "account", nil, "账户：密钥名=角色 · an account: KEY=ROLE[,ROLE]; roles officer, admin, system")
	f.StringVar(&peer, "peer", "", "其他成员连接本节点的地址 · host:port at which the others reach the node")
	f.StringVar(&out, "out", "", "输出文件，默认 成员.part.json · file to write")
	return c
}

func genesisSign() *cobra.Command {
	var names []string
	var k keyFlags
	var output string
	c := &cobra.Command{
		Use: "sign PART --key NAME...", Short: "在份件上补签 · add signatures to a part", Args: files(1),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := readPart(args[0])
			if err != nil {
				return err
			}
			if len(names) == 0 {
				return fmt.Errorf("%w: --key is missing", errUsage)
			}
			for _, n := range names {
				if err := k.sign(p, n, true); err != nil {
					return err
				}
			}
			if err := os.WriteFile(args[0], p.Encode(), 0o644); err != nil {
				return err
			}
			s := summaryOfPart(p)
			s.Path = args[0]
			return printed(c, output, s, s.text)
		},
	}
	outputFlag(c, &output)
	k.add(c)
	c.Flags().StringArrayVar(&names, "key", nil, "密钥名 · name of a key")
	return c
}

// files wants n file names or more.
func files(n int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < n {
			return fmt.Errorf("%w: name a file", errUsage)
		}
		return nil
	}
}

func genesisAssemble() *cobra.Command {
	var home, terms, out, output string
	c := &cobra.Command{
		Use: "assemble --terms FILE PART...", Short: "核验并合成创世文件 · check the parts and make the genesis file", Args: files(1),
		Long: `assemble 核验全部份件的每一个签名与条款，并合成创世文件。相同的条款与份件总得到相同的
字节，与份件的先后无关。请与其他创始成员以电话核对指纹，一致后方可启动。--out 已存在时
只比对，不覆盖；--home 同时装入节点目录并登记各成员的节点地址。
assemble checks every signature of every part against the terms and makes the
genesis file. The same terms and parts always give the same bytes, in whatever
order. Compare the fingerprint with the other founders by phone before anybody
starts. A file --out that exists is compared, not replaced. --home also puts it
into a home folder and notes the addresses of the others there.`,
		RunE: func(c *cobra.Command, args []string) error {
			t, err := readTerms(terms)
			if err != nil {
				return err
			}
			var parts []*genesis.SignedPart
			var peers []string
			for _, path := range args {
				p, err := readPart(path)
				if err != nil {
					return err
				}
				parts = append(parts, p)
				peers = append(peers, p.Part.Peer)
			}
			b, err := genesis.Assemble(t, parts)
			if err != nil {
				return err
			}
			if err := writeNew(out, b); errors.Is(err, os.ErrExist) {
				if old, err := os.ReadFile(out); err != nil || string(old) != string(b) {
					return fmt.Errorf("%s is not what these terms and parts make", out)
				}
			} else if err != nil {
				return err
			}
			if home != "" {
				cfg, err := node.Load(home)
				if err != nil {
					return err
				}
				slices.Sort(peers)
				if err := node.Install(cfg, b, peers); err != nil {
					return err
				}
			}
			s, err := summaryOfGenesis(b)
			if err != nil {
				return err
			}
			s.Path, s.Notes = out, t.Notes()
			return printed(c, output, s, s.text)
		},
	}
	outputFlag(c, &output)
	f := c.Flags()
	f.StringVar(&terms, "terms", "", "条款文件 · the terms")
	f.StringVar(&out, "out", "genesis.json", "输出文件 · file to write")
	f.StringVar(&home, "home", "", "同时装入此节点目录 · home folder to put it into")
	return c
}

func genesisShow() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use: "show FILE", Short: "查看条款、份件或创世文件及其指纹 · show terms, a part or a genesis file, with its fingerprint", Args: files(1),
		RunE: func(c *cobra.Command, args []string) error {
			b, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			var kind struct {
				Payload  json.RawMessage `json:"payload"`
				Founders json.RawMessage `json:"founders"`
			}
			if err := json.Unmarshal(b, &kind); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			var s *summary
			switch {
			case kind.Payload != nil:
				p, err := genesis.ParsePart(b)
				if err != nil {
					return err
				}
				s = summaryOfPart(p)
			case kind.Founders != nil:
				t, err := genesis.ParseTerms(b)
				if err != nil {
					return err
				}
				s = summaryOfTerms(t)
			default:
				if s, err = summaryOfGenesis(b); err != nil {
					return err
				}
			}
			return printed(c, output, s, s.text)
		},
	}
	outputFlag(c, &output)
	return c
}
