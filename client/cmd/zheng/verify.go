package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
)

func (c *cli) verifyCmd() *cobra.Command {
	var path, tsaRoots, witnesses string
	cmd := &cobra.Command{
		Use: "verify FILE|DIGEST|ID, verify BUNDLE.evb --trust TRUST, or verify --receipt RECEIPT --trust TRUST [FILE...]", Args: c.args(0, -1),
		Short: c.tr("check a bundle, a file, a digest, a statement or a receipt", "核验证据包、文件、摘要、陈述或回执"),
		Long: c.tr(`Online, asks the gateway whether a file (or a digest, or a statement) is on the
ledger, and checks the receipt that it answers with.

With --trust the answer is VERIFIED: it holds whoever the gateway is. Without,
it is FOUND: the receipt was checked against the trust root that the gateway
itself proposes, which a dishonest gateway could make up.

With --receipt nothing is asked: the receipt is checked offline against --trust,
and every FILE must be one that it names.

A BUNDLE.evb (zheng bundle) is checked offline with everything in it; name the
authorities whose time-stamps you trust by --tsa-roots.

Exit codes: 0 VERIFIED or FOUND, 3 NOT VERIFIED, 4 the gateway does not know it.`,
			`联网时，向网关查询文件（或摘要、陈述）是否在账本上，并核验其返回的回执。

给出 --trust 时结论为 VERIFIED：无论网关是否可信均成立。未给出时结论为 FOUND：
仅按网关自己提供的信任根核验，不诚实的网关可以伪造。

给出 --receipt 时不联网：按 --trust 离线核验回执，且每个“文件”须为回执所载。

证据包（.evb，由 zheng bundle 生成）连同其全部内容离线核验；所信任的时间戳机构以
--tsa-roots 给出。

退出码：0 为 VERIFIED 或 FOUND，3 核验不通过，4 网关未收录。`),
		Example: `  zheng verify page.png --trust trust.json
  zheng verify case7.evb --trust trust.json
  zheng verify --receipt page.receipt.json --trust trust.json page.png`,
		RunE: func(cmd *cobra.Command, args []string) error {
			trust, err := c.trustRoot()
			if err != nil {
				return err
			}
			if path == "" && len(args) == 1 && strings.HasSuffix(args[0], bundleExt) {
				return c.verifyBundle(cmd.Context(), args[0], trust, tsaRoots, witnesses)
			}
			if path == "" && len(args) == 1 && strings.HasSuffix(args[0], disclosureExt) {
				return c.verifyDisclosure(args[0], trust)
			}
			if path != "" {
				return c.verifyOffline(cmd.Context(), path, trust, witnesses, args)
			}
			if len(args) != 1 {
				return c.usage("name one file, digest or id to look up", "请指定一个待查的文件、摘要或编号")
			}
			return c.verifyOnline(cmd.Context(), args[0], trust)
		},
	}
	c.gatewayFlag(cmd)
	c.trustFlag(cmd)
	c.tsaRootsFlag(cmd, &tsaRoots)
	cmd.Flags().StringVar(&witnesses, "witnesses", "", c.tr("witness policy: whose cosignatures you ask for (C2SP tlog-policy)", "见证规则：要求哪些外部见证人联署（C2SP tlog-policy 格式）"))
	cmd.Flags().StringVar(&path, "receipt", "", c.tr("receipt to check offline", "离线核验的回执文件"))
	return cmd
}

// readWitnesses reads a witness policy; nil without a name.
func readWitnesses(name string) (*receipt.WitnessPolicy, error) {
	if name == "" {
		return nil, nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	p, err := receipt.ParseWitnessPolicy(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

func (c *cli) verifyOffline(ctx context.Context, path string, trust *receipt.Trust, witnesses string, files []string) error {
	if trust == nil {
		return c.usage("--receipt needs --trust FILE: there is nothing else to check against", "--receipt 须同时给出 --trust 信任根文件")
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, receipt.MaxBytes+1))
	if err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	var o receipt.Options
	if o.Witnesses, err = readWitnesses(witnesses); err != nil {
		return err
	}
	for _, name := range files {
		l, err := client.HashFile(ctx, name, "original", nil)
		if err != nil {
			return err
		}
		o.Files = append(o.Files, digestsOf(l))
	}
	r := receipt.Verify(b, trust, o)
	out := r.Text(c.tr(receipt.EN, receipt.ZH))
	if c.json {
		out = string(r.JSON())
	}
	if _, err := io.WriteString(c.out, out); err != nil {
		return err
	}
	if r.Verdict == receipt.NotVerified {
		return &client.Unverified{Report: r}
	}
	return nil
}

func digestsOf(l client.LocalFile) receipt.FileDigests {
	return receipt.FileDigests{Name: l.Path, SHA256: l.SHA256, SM3: l.SM3, Bytes: l.Bytes}
}

// Answers of an online verification, besides receipt.Verified, .Warned and
// .NotVerified.
const (
	found    = "FOUND"     // according to the gateway
	notFound = "NOT FOUND" // according to the gateway
)

// lookup is an online verification as it is printed.
type lookup struct {
	Answer    string          `json:"answer"`
	Target    string          `json:"target"`
	Trust     string          `json:"trust,omitempty"` // "given", or "gateway": proposed by the gateway itself
	ID        tx.ID           `json:"id,omitzero"`
	Height    int64           `json:"height"` // the gateway's answer is as of this height
	Matches   []api.Evidence  `json:"matches,omitempty"`
	Report    *receipt.Report `json:"report,omitempty"`
	NotProven []api.Sentence  `json:"not_proven,omitempty"`
}

// target is what is looked up: a file, or 64 hex digits that are the id of a
// statement or one of a file's digests.
type target struct {
	files   []receipt.FileDigests // at most one
	digest  tx.Digest
	queries []api.VerifyRequest // tried in order
}

func newTarget(ctx context.Context, c *cli, arg string) (t target, err error) {
	if _, err := os.Stat(arg); err != nil {
		if t.digest, err = tx.ParseDigest(arg); err == nil {
			t.queries = []api.VerifyRequest{{ID: arg}, {SHA256: arg}, {SM3: arg}}
			return t, nil
		}
	}
	b := c.bar(c.tr("hash", "计算摘要"), sizeOf(arg), true)
	l, err := client.HashFile(ctx, arg, "original", b.add)
	b.done()
	if err != nil {
		return t, err
	}
	t.files = []receipt.FileDigests{digestsOf(l)}
	t.queries = []api.VerifyRequest{{SHA256: l.SHA256.String()}}
	return t, nil
}

func sizeOf(path string) int64 {
	fi, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return fi.Size()
}

func (c *cli) verifyOnline(ctx context.Context, arg string, trust *receipt.Trust) error {
	t, err := newTarget(ctx, c, arg)
	if err != nil {
		return err
	}
	g, err := c.gateway()
	if err != nil {
		return err
	}
	var v *api.Verification
	for _, q := range t.queries {
		if v, err = g.Verify(ctx, q); err != nil && !client.IsNotFound(err) {
			return err
		}
		if err == nil && v.Found {
			break
		}
	}
	if err != nil {
		return err
	}
	l := lookup{Answer: notFound, Target: arg, Height: v.Height, Matches: v.Matches, NotProven: v.NotProven}
	if !v.Found {
		if err := c.printLookup(&l); err != nil {
			return err
		}
		return fmt.Errorf(c.tr("%s: %w by this gateway, as of height %d", "%s：%w（按该网关截至高度 %d 的索引）"), arg, errNotFound, v.Height)
	}
	var proof []byte
	if l.ID, proof, err = bestMatch(ctx, g, v); err != nil {
		return err
	}
	l.Answer, l.Trust = string(receipt.Verified), "given"
	if trust == nil {
		l.Answer, l.Trust = found, "gateway"
		b, err := g.Trust(ctx)
		if err != nil {
			return err
		}
		if trust, err = receipt.ParseTrust(b); err != nil {
			return err
		}
	}
	l.Report = g.VerifyReceipt(ctx, proof, trust, receipt.Options{WantID: l.ID, Files: t.files})
	var bad error
	switch {
	case l.Report.Verdict == receipt.NotVerified:
		bad = &client.Unverified{ID: l.ID, Report: l.Report}
	case !t.in(l.Report.Facts):
		bad = fmt.Errorf("%w: %s", errNotVerified, c.tr("the receipt is of something else", "回执与所查对象不符"))
	case l.Trust == "given":
		l.Answer = string(l.Report.Verdict)
	}
	if bad != nil {
		l.Answer = string(receipt.NotVerified)
	}
	if err := c.printLookup(&l); err != nil || bad != nil {
		return errors.Join(bad, err)
	}
	if l.Trust == "gateway" {
		c.say("checked only against the trust root that the gateway itself proposes: give --trust FILE from a source of your own",
			"仅按网关自己提供的信任根核验：请用 --trust 给出独立取得的信任根文件")
	}
	return nil
}

// in reports whether a receipt that holds is about the target: its statement,
// or a file of it. For a file at hand the report has compared more than this.
func (t target) in(f *receipt.Facts) bool {
	return len(t.files) > 0 || tx.Digest(f.ID) == t.digest ||
		slices.ContainsFunc(f.Files, func(x receipt.File) bool { return x.SHA256 == t.digest || x.SM3 == t.digest })
}

// bestMatch chooses the newest match that has taken effect, else the newest,
// and fetches its receipt as of now: the one that comes with the answer may
// have been made when the statement was accepted, and know nothing of a later
// endorsement or withdrawal.
func bestMatch(ctx context.Context, g *client.Client, v *api.Verification) (tx.ID, []byte, error) {
	id := v.ID
	for _, m := range v.Matches {
		if m.State != row.Pending && m.State != row.Expired {
			id = m.ID
			break
		}
	}
	b, err := g.Receipt(ctx, id, api.ReceiptOptions{At: api.AtLatest})
	return id, b, err
}

func (c *cli) printLookup(l *lookup) error {
	return c.print(l, func(w io.Writer) {
		fmt.Fprintf(w, "%s %s\n", l.Answer, l.Target)
		if l.Report != nil {
			fmt.Fprintf(w, "  %s\n\n%s", l.ID, l.Report.Text(c.tr(receipt.EN, receipt.ZH)))
		}
		if len(l.Matches) > 1 {
			fmt.Fprintf(w, "\n%s\n", c.tr("All statements that name it", "载有该文件的全部陈述"))
			for _, m := range l.Matches {
				fmt.Fprintf(w, "  %s %s %s %s\n", m.ID, m.State, m.Member, m.At)
			}
		}
		if len(l.NotProven) > 0 {
			fmt.Fprintf(w, "\n%s\n", c.tr("What the gateway's answer does not say", "网关的答复不能说明的事项"))
			for _, s := range l.NotProven {
				fmt.Fprintf(w, "  - %s\n", c.tr(s.EN, s.ZH))
			}
		}
	})
}
