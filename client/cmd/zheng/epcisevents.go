package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zhenglian/app/batch"
	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/epcis"
)

// eventHashCmd is `zheng trace epcis` beside the other commands about events.
func (c *cli) eventHashCmd() *cobra.Command {
	cmd := c.epcisCmd()
	cmd.Use = "hash FILE"
	return cmd
}

// readDocument reads an EPCIS document and tells what is wrong with it.
func (c *cli) readDocument(path string) ([]byte, *epcis.Capture, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close() // only read
	b, err := io.ReadAll(io.LimitReader(f, epcis.MaxDocument+1))
	if err != nil {
		return nil, nil, err
	}
	d, err := epcis.ReadCapture(b)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, f := range d.Faults {
		c.say("%s: %s", "%s：%s", f.Path, f.Reason)
	}
	return b, d, nil
}

// eventTree is the tree over the leaves of events.
func eventTree(events []epcis.Event) (*batch.Tree, error) {
	var list []byte
	for i := range events {
		l := events[i].Leaf()
		list = append(list, l[:]...)
	}
	return batch.Build(list)
}

func (c *cli) eventCaptureCmd() *cobra.Command {
	var readers, anchor string
	var proceed, byGateway bool
	cmd := &cobra.Command{
		Use: "capture FILE", Args: c.args(1, 1),
		Short: c.tr("put EPCIS 2.0 events on the ledger and hand the document to the gateway", "采集 EPCIS 2.0 事件：哈希上链，文档交网关"),
		Long: c.tr(`Checks an EPCISDocument (JSON or JSON-LD) against GS1's schema, states the root over
its events with your key, and gives the document to the gateway, which keeps the
events and answers EPCIS queries. Each event has a receipt of its own.

The document does not go on the ledger. --readers says who may read it besides your
member: own (nobody), public, or ids of members. If it was interrupted after the
statement, --anchor ID goes on.`,
			`按 GS1 模式校验 EPCISDocument（JSON 或 JSON-LD），以您的密钥登记各事件的根，再把文档交给网关；
网关保存事件并应答 EPCIS 查询。每个事件各有回执。

文档本身不上链。--readers 指定本成员以外谁可读取：own（无）、public（公开）或成员编号。
若在登记之后中断，可用 --anchor 编号 继续。`),
		Example: `  zheng trace event capture events.jsonld --readers public --from qijiang`,
	}
	c.signFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&readers, "readers", "own", c.tr("who may read the events besides your member", "除本成员外可读取者"))
	f.StringVar(&anchor, "anchor", "", c.tr("id of the statement, if it is on the ledger already", "已在账本上的陈述编号"))
	f.BoolVar(&proceed, "proceed", false, c.tr("capture the good events of a document that has bad ones", "文档含不合格事件时仍采集合格者"))
	f.BoolVar(&byGateway, "by-gateway", false, c.tr("have the gateway's own account state them", "由网关自有账户登记"))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if c.flags.draft != "" {
			return c.usage("events are stated at once: --draft is not for them", "事件须即时登记，不适用 --draft")
		}
		o := client.CaptureOptions{Readers: readers, Proceed: proceed}
		var err error
		if anchor != "" {
			if o.Anchor, err = c.parseID(anchor); err != nil {
				return err
			}
		}
		return c.captureEvents(cmd.Context(), args[0], o, byGateway)
	}
	return cmd
}

func (c *cli) captureEvents(ctx context.Context, path string, o client.CaptureOptions, byGateway bool) error {
	b, d, err := c.readDocument(path)
	if err != nil {
		return err
	}
	if len(d.Events) == 0 || len(d.Faults) > 0 && !o.Proceed {
		return fmt.Errorf(c.tr("%s: %d of %d events are good; nothing was stated", "%s：合格事件 %d / %d；未登记任何内容"), path, len(d.Events), d.Total)
	}
	var g *client.Client
	switch {
	case byGateway || !o.Anchor.IsZero():
		if g, err = c.gateway(); err != nil {
			return err
		}
	default:
		tree, err := eventTree(d.Events)
		if err != nil {
			return err
		}
		p, err := c.newPen()
		if err != nil {
			return err
		}
		draft := client.Draft{Member: p.member, Kind: tx.TraceEvents, Body: &tx.Events{Count: int64(tree.Len()), Root: tree.Root()}, Expires: c.flags.expires}
		if p.trust != nil {
			draft.Chain = p.trust.Chain
		}
		statement, err := p.client.Draft(ctx, draft)
		if err != nil {
			return err
		}
		if err := c.finish(ctx, p, statement, func(r *entryInfo) { r.Items = tree.Len() }); err != nil {
			return err
		}
		g, o.Anchor = p.client, tx.StatementID(statement)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	j, err := g.CaptureEvents(ctx, b, o)
	if err != nil {
		if !o.Anchor.IsZero() {
			c.say("the statement is on the ledger; go on with: zheng trace event capture %s --anchor %s", "陈述已上链；请执行 zheng trace event capture %s --anchor %s 继续", path, o.Anchor)
		}
		return err
	}
	if err := c.print(j, func(w io.Writer) {
		fmt.Fprintf(w, c.tr("%s  %d of %d events captured, readers %s, anchor %s\n", "%s  已采集 %d / %d 个事件，可读者 %s，锚定陈述 %s\n"), j.CaptureID, j.Captured, j.Total, j.Readers, j.Anchor)
		for _, e := range j.Errors {
			fmt.Fprintf(w, "  %s: %s\n", e.Path, e.Detail)
		}
	}); err != nil {
		return err
	}
	if !j.Success {
		return errors.New(c.tr("nothing was captured", "未采集任何事件"))
	}
	return nil
}

func (c *cli) eventReceiptCmd() *cobra.Command {
	var of, out string
	cmd := &cobra.Command{
		Use: "receipt FILE [N…]", Args: c.args(1, -1),
		Short: c.tr("make the receipts of single events, without a network", "生成单个事件的回执（无需网络）"),
		Long: c.tr(`From the document and the receipt of the statement that anchors it, makes the
receipt of each event (or of the events N, from 0): whoever has the event computes
its hash and checks both with zheng-verify.`,
			`由文档及锚定陈述的回执生成各事件（或编号为 N 的事件，从 0 数起）的回执；
持有该事件者可自行计算哈希并用 zheng-verify 核验。`),
		Example: "  zheng trace event receipt events.jsonld 0 --receipt ID.receipt.json",
	}
	cmd.Flags().StringVar(&of, "receipt", "", c.tr("receipt of the trace.events", "trace.events 的回执"))
	cmd.Flags().StringVar(&out, "out", ".", c.tr("folder for the receipts", "回执目录"))
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if of == "" {
			return c.usage("--receipt: the receipt of the statement is needed", "--receipt：须给出陈述的回执")
		}
		_, d, err := c.readDocument(args[0])
		if err != nil {
			return err
		}
		b, err := os.ReadFile(of)
		if err != nil {
			return err
		}
		r, err := receipt.Parse(b)
		if err != nil {
			return err
		}
		e, err := tx.ParseEnvelope(r.Entry.Envelope)
		if err != nil {
			return err
		}
		s, err := tx.ParseStatement(e.Payload)
		if err != nil {
			return err
		}
		tree, err := eventTree(d.Events)
		if err != nil {
			return err
		}
		if x, ok := s.Body.(*tx.Events); !ok || x.Count != int64(tree.Len()) || x.Root != tree.Root() {
			return fmt.Errorf(c.tr("%s is not of the %d events of %s, whose root is %s", "%s 并非 %[3]s 中 %[2]d 个事件（根 %[4]s）的回执"), of, tree.Len(), args[0], tree.Root())
		}
		var which []int
		for _, a := range args[1:] {
			n, err := strconv.Atoi(a)
			if err != nil || n < 0 || n >= tree.Len() {
				return c.usage("%s: want 0 to %d", "%s：应为 0 至 %d", a, tree.Len()-1)
			}
			which = append(which, n)
		}
		for n := range tree.Len() {
			if len(which) > 0 && !slices.Contains(which, n) {
				continue
			}
			leaf := tree.Digest(n)
			r.Item = &receipt.Item{Index: int64(n), SHA256: leaf, Path: tree.Path(n)}
			b, err := r.EncodeJSON()
			if err != nil {
				return err
			}
			name := filepath.Join(out, leaf.String()+".receipt.json")
			if err := writeFile(name, b); err != nil {
				return err
			}
			info := struct {
				N       int       `json:"n"`
				ID      string    `json:"id"`
				Leaf    tx.Digest `json:"leaf"`
				Receipt string    `json:"receipt"`
			}{n, client.EventID(&d.Events[n]), leaf, name}
			if err := c.print(info, func(w io.Writer) { fmt.Fprintf(w, "%d %s\n  %s\n", n, info.ID, name) }); err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}

func (c *cli) eventQueryCmd() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "query [PARAMETER=VALUE…]", Args: c.args(0, -1),
		Short: c.tr("events that the gateway keeps, by the parameters of EPCIS queries", "按 EPCIS 查询参数查询网关所存事件"),
		Long: c.tr(`Prints events, one JSON object a line with -o json. Several values of a parameter
are said with | between. The list of parameters is in client/README.md.`,
			`输出事件；-o json 时每行一个 JSON 对象。同一参数的多个值以 | 分隔。参数表见 client/README.md。`),
		Example: `  zheng trace event query MATCH_anyEPC=urn:epc:id:sgtin:9506000.013435.7
  zheng trace event query EQ_bizStep='shipping|receiving' GE_eventTime=2026-11-01T00:00:00Z -o json`,
	}
	c.gatewayFlag(cmd)
	cmd.Flags().IntVar(&limit, "limit", 1000, c.tr("events at most", "至多输出事件数"))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q := url.Values{"perPage": {strconv.Itoa(min(max(limit, 1), 1000))}}
		for _, a := range args {
			name, value, ok := strings.Cut(a, "=")
			if !ok {
				return c.usage("%s: want PARAMETER=VALUE", "%s：应为 参数=值", a)
			}
			q.Add(name, value)
		}
		g, err := c.gateway()
		if err != nil {
			return err
		}
		n := 0
		for e, err := range g.EPCISEvents(cmd.Context(), q) {
			if err != nil {
				return err
			}
			if n++; n > limit {
				break
			}
			var x struct{ Type, EventTime, BizStep, EventID string }
			if err := json.Unmarshal(e, &x); err != nil {
				return err
			}
			if err := c.print(e, func(w io.Writer) { fmt.Fprintf(w, "%s %s %s %s\n", x.EventTime, x.Type, x.BizStep, x.EventID) }); err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}
