package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zhenglian/app/tx"
	"zhenglian/client"
)

// The queue is what was signed without a network and waits to be sent: one file for
// each envelope, NUMBER-ID.json, in a folder. A file is there whole or not at all,
// and goes only when its receipt is kept; whatever happens between, sending again
// enters the same statement, which the ledger holds once.

// reach is what a queue knows of the chain: written whenever a gateway was reached,
// needed to sign without one.
type reach struct {
	Chain  string  `json:"chain"`
	Height int64   `json:"height"` // of the newest block then
	Seen   tx.Time `json:"seen"`   // by this machine's clock
}

const reachFile = "chain.json"

// A queued is an envelope of the queue.
type queued struct {
	Number    int          `json:"number"` // 1, 2, …: the order of sending
	ID        tx.ID        `json:"id"`
	Kind      tx.Kind      `json:"kind"`
	Member    tx.MemberID  `json:"member"`
	At        tx.Time      `json:"at"`
	Expires   int64        `json:"expires"`
	Left      *int64       `json:"blocks_left,omitempty"` // until then, from the newest height known; below 0: expired
	Outcome   string       `json:"outcome,omitempty"`     // of sending: entered, known, refused, dropped
	Problem   string       `json:"problem,omitempty"`
	envelope  *tx.Envelope // nil: the file cannot be read
	statement *tx.Statement
	path      string
}

func (c *cli) queueDir() (string, error) {
	if dir := c.setting(c.flags.queue, "ZHENG_QUEUE", "", ""); dir != "" {
		return dir, nil
	}
	home, err := c.home()
	return filepath.Join(home, "queue"), err
}

// keep writes a file of the queue so that it survives a loss of power.
func keep(path string, b []byte) error {
	if err := writeFile(path, b); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// readQueue lists the queue in the order in which it was filled.
func readQueue(dir string) (list []*queued, err error) {
	files, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	for _, f := range files {
		number, rest, ok := strings.Cut(f.Name(), "-")
		n, nerr := strconv.Atoi(number)
		id, iderr := tx.ParseID(strings.TrimSuffix(rest, ".json"))
		if !ok || nerr != nil || iderr != nil || !strings.HasSuffix(rest, ".json") {
			continue
		}
		q := &queued{Number: n, ID: id, path: filepath.Join(dir, f.Name())}
		if q.envelope, q.statement, err = readEnvelope(q.path); err == nil && q.envelope.ID() != id {
			err = fmt.Errorf("it holds statement %s", q.envelope.ID())
		}
		if err != nil { // the others are none the worse for it
			q.envelope, q.Problem = nil, err.Error()
		} else {
			q.Kind, q.Member, q.At, q.Expires = q.statement.Kind, q.statement.Member, q.statement.At, q.statement.Expires
		}
		list = append(list, q)
	}
	slices.SortFunc(list, func(a, b *queued) int { return a.Number - b.Number })
	return list, nil
}

// readReach reads what the queue knows of the chain.
func (c *cli) readReach(dir string) (r reach, err error) {
	b, err := os.ReadFile(filepath.Join(dir, reachFile))
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil || r.Chain == "" || r.Height < 1 {
		return r, errors.New(c.tr("the queue does not know the chain yet; while there is a network, run: zheng trace queue ready --gateway URL", "队列尚不知道链的信息；请在联网时执行：zheng trace queue ready --gateway 网关地址"))
	}
	return r, nil
}

// learn asks the gateway where the chain stands, and keeps it.
func learn(ctx context.Context, g *client.Client, dir string) (r reach, err error) {
	cp, err := g.Checkpoint(ctx)
	if err != nil {
		return r, err
	}
	r = reach{Chain: cp.Chain, Height: cp.Anchor.Height, Seen: tx.TimeOf(time.Now())}
	if old, err := os.ReadFile(filepath.Join(dir, reachFile)); err == nil {
		var was reach
		if json.Unmarshal(old, &was) == nil && was.Chain != "" && was.Chain != r.Chain {
			return r, fmt.Errorf("the queue in %s is of chain %q, the gateway serves %q: give another --queue", dir, was.Chain, r.Chain)
		}
	}
	b, err := json.Marshal(r)
	if err == nil {
		err = keep(filepath.Join(dir, reachFile), append(b, '\n'))
	}
	return r, err
}

// enqueue signs a statement now and keeps it for later. What continues a matter
// names the last statement of it that is queued, or the one that was given.
func (c *cli) enqueue(kind tx.Kind, body tx.Body, continues tx.ID) error {
	dir, err := c.queueDir()
	if err != nil {
		return err
	}
	r, err := c.readReach(dir)
	if err != nil {
		return err
	}
	name, err := c.fromName()
	if err != nil {
		return err
	}
	key, err := c.loadKey(name)
	if err != nil {
		return err
	}
	if trust, err := c.trustRoot(); err != nil {
		return err
	} else if trust != nil && trust.Chain != r.Chain {
		return fmt.Errorf(c.tr("the queue is of chain %q, the trust root of %q", "队列属于链 %q，信任根属于 %q"), r.Chain, trust.Chain)
	}
	if c.flags.draft != "" {
		return c.usage("--offline signs now: leave --draft out", "--offline 即时签名，请去掉 --draft")
	}
	list, err := readQueue(dir)
	if err != nil {
		return err
	}
	s := &tx.Statement{Chain: r.Chain, Kind: kind, Member: key.Member, At: tx.TimeOf(time.Now()), Expires: r.Height + client.DefaultExpires, Prev: continues, Body: body}
	if c.flags.expires > 0 {
		s.Expires = r.Height + c.flags.expires
	}
	number := 1
	for _, q := range list {
		if number = max(number, q.Number+1); q.statement == nil || q.statement.Prev != s.Prev {
			continue
		}
		same := *q.statement
		same.At, same.Expires = s.At, s.Expires
		a, err := same.Encode()
		if err != nil {
			return err
		}
		b, err := s.Encode()
		if err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		if bytes.Equal(a, b) {
			return fmt.Errorf(c.tr("number %d of the queue says the same: send or drop it first", "队列第 %d 项内容相同，请先提交或删除它"), q.Number)
		}
		if !s.Prev.IsZero() {
			s.Prev = q.ID
		}
	}
	statement, err := s.Encode()
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	signers, err := c.signers()
	if err != nil {
		return err
	}
	e, err := tx.Seal(statement, signers...)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	q := &queued{Number: number, ID: e.ID(), Kind: kind, Member: s.Member, At: s.At, Expires: s.Expires}
	if err := keep(filepath.Join(dir, fmt.Sprintf("%06d-%s.json", number, q.ID)), append(e.AppendJSON(nil), '\n')); err != nil {
		return err
	}
	c.say("signed and queued; send it with: zheng trace queue send", "已签名并进入队列；联网后执行：zheng trace queue send")
	return c.print(q, func(w io.Writer) { c.queueLine(w, q) })
}

func (c *cli) queueLine(w io.Writer, q *queued) {
	fmt.Fprintf(w, "%d %s %s %s %s", q.Number, q.ID, q.Kind, q.Member, q.At)
	switch {
	case q.Left == nil:
	case *q.Left < 0:
		fmt.Fprint(w, c.tr(" EXPIRED: drop it and state it again", " 已过期：请删除并重新陈述"))
	default:
		fmt.Fprintf(w, c.tr(" %d blocks left", " 尚余 %d 个区块"), *q.Left)
	}
	if words, ok := map[string][2]string{"entered": {"ENTERED", "已上链"}, "known": {"ON THE LEDGER ALREADY", "此前已上链"}, "refused": {"REFUSED", "被拒绝"}, "dropped": {"DROPPED", "已删除"}}[q.Outcome]; ok {
		fmt.Fprint(w, " ", c.tr(words[0], words[1]))
	}
	if q.Problem != "" {
		fmt.Fprint(w, ": ", q.Problem)
	}
	fmt.Fprintln(w)
}

// queueCmd is what to do with statements that were signed without a network.
func (c *cli) queueCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "queue", Args: c.args(0, 0), RunE: c.group,
		Short: c.tr("statements signed without a network: ready, list, send, drop", "离线签名的陈述：准备、列出、提交、删除"),
		Long: c.tr(`Commands of zheng trace with --offline sign at once and keep the statement in a
folder, ~/.zhenglian/queue, until zheng trace queue send. Before the first time,
while there is a network, zheng trace queue ready learns the chain and its height.
A statement must be accepted within 50000 blocks of that height, or --expires.`,
			`zheng trace 的命令加 --offline 即时签名，并把陈述存入目录 ~/.zhenglian/queue，直至 zheng trace
queue send。首次离线之前，请在联网时执行 zheng trace queue ready，以取得链标识与高度。
陈述须在该高度之后 50000 个区块（或 --expires）以内上链。`),
	}
	cmd.AddCommand(c.queueReady(), c.queueList(), c.queueSend(), c.queueDrop())
	return cmd
}

func (c *cli) queueFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.flags.queue, "queue", "", c.tr("folder of the queue (default ~/.zhenglian/queue)", "队列目录（默认 ~/.zhenglian/queue）"))
}

func (c *cli) queueReady() *cobra.Command {
	cmd := &cobra.Command{
		Use: "ready", Args: c.args(0, 0), Short: c.tr("learn the chain and its height, to sign without a network", "取得链标识与高度，以便离线签名"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := c.queueDir()
			if err != nil {
				return err
			}
			g, err := c.gateway()
			if err != nil {
				return err
			}
			r, err := learn(cmd.Context(), g, dir)
			if err != nil {
				return err
			}
			return c.print(r, func(w io.Writer) { fmt.Fprintf(w, "%s %d\n", r.Chain, r.Height) })
		},
	}
	c.gatewayFlag(cmd)
	c.queueFlag(cmd)
	return cmd
}

func (c *cli) queueList() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Args: c.args(0, 0), Short: c.tr("list what waits to be sent", "列出待提交的陈述"),
		RunE: func(*cobra.Command, []string) error {
			dir, err := c.queueDir()
			if err != nil {
				return err
			}
			list, err := readQueue(dir)
			if err != nil {
				return err
			}
			r, rerr := c.readReach(dir)
			for _, q := range list {
				if left := q.Expires - r.Height; rerr == nil && q.envelope != nil {
					q.Left = &left
				}
				if err := c.print(q, func(w io.Writer) { c.queueLine(w, q) }); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.queueFlag(cmd)
	return cmd
}

func (c *cli) queueSend() *cobra.Command {
	var goOn bool
	cmd := &cobra.Command{
		Use: "send", Args: c.args(0, 0), Short: c.tr("send what waits, in order", "按顺序提交待提交的陈述"),
		Long: c.tr(`Enters one statement after the other, keeps each receipt, and takes it out of the
queue. One that is refused stays, and sending stops there, because what comes after
it may build on it; --go-on sends the rest all the same. Sending twice does no harm:
the ledger holds a statement once. Without a network nothing is lost.`,
			`逐条提交，保存回执后移出队列。被拒绝的留在队列中并就此停止，因为其后的陈述可能以它为前提；
--go-on 则继续提交其余各条。重复提交无害：同一陈述在账本上只有一份。断网不会丢失任何内容。`),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.sendQueue(cmd.Context(), goOn) },
	}
	c.gatewayFlag(cmd)
	c.trustFlag(cmd)
	c.queueFlag(cmd)
	cmd.Flags().StringVar(&c.flags.outDir, "out", ".", c.tr("folder for receipts", "回执保存目录"))
	cmd.Flags().BoolVar(&goOn, "go-on", false, c.tr("send the rest after one was refused", "遇拒绝仍继续提交其余各条"))
	return cmd
}

func (c *cli) sendQueue(ctx context.Context, goOn bool) error {
	dir, err := c.queueDir()
	if err != nil {
		return err
	}
	list, err := readQueue(dir)
	if err != nil {
		return err
	}
	g, err := c.gateway()
	if err != nil {
		return err
	}
	trust, err := c.trustRoot()
	if err != nil {
		return err
	}
	if _, err := learn(ctx, g, dir); err != nil {
		return err
	}
	refused := 0
	for _, q := range list {
		err := error(nil)
		if q.envelope == nil {
			err = errors.New(q.Problem)
		} else {
			err = c.sendOne(ctx, pen{client: g, trust: trust}, q)
		}
		if err != nil && ctx.Err() != nil || errors.Is(err, client.ErrUnreachable) {
			return err // the rest is for another time
		}
		if err != nil {
			refused++
			q.Outcome, q.Problem = "refused", c.complaint(err)
		}
		if perr := c.print(q, func(w io.Writer) { c.queueLine(w, q) }); perr != nil {
			return perr
		}
		if err != nil && !goOn {
			break
		}
	}
	if refused > 0 {
		return fmt.Errorf(c.tr("%d refused and still in the queue: put right what is said, or zheng trace queue drop NUMBER", "%d 条被拒绝，仍在队列中：请按提示处理，或执行 zheng trace queue drop 序号"), refused)
	}
	return nil
}

// sendOne enters an envelope, and takes it out of the queue when its receipt is kept.
func (c *cli) sendOne(ctx context.Context, p pen, q *queued) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	entry, err := p.client.Enter(ctx, q.envelope, p.trust)
	switch {
	case err == nil:
		q.Outcome = "entered"
		if err := keep(filepath.Join(c.flags.outDir, q.ID.String()+".receipt.json"), entry.Receipt); err != nil {
			return err
		}
	case errors.Is(err, tx.CodeKnown.Err()):
		q.Outcome = "known"
	default:
		return err
	}
	if err := os.Remove(q.path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(q.path))
}

func (c *cli) queueDrop() *cobra.Command {
	cmd := &cobra.Command{
		Use: "drop NUMBER…", Args: c.args(1, 1000), Short: c.tr("take statements out of the queue unsent", "从队列中删除，不提交"),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := c.queueDir()
			if err != nil {
				return err
			}
			list, err := readQueue(dir)
			if err != nil {
				return err
			}
			for _, a := range args {
				i := slices.IndexFunc(list, func(q *queued) bool { return strconv.Itoa(q.Number) == a || q.ID.String() == a })
				if i < 0 {
					return c.usage("%q is not in the queue: see zheng trace queue list", "队列中没有 %q：见 zheng trace queue list", a)
				}
				q := list[i]
				if err := errors.Join(os.Remove(q.path), syncDir(dir)); err != nil {
					return err
				}
				q.Outcome = "dropped"
				if err := c.print(q, func(w io.Writer) { c.queueLine(w, q) }); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.queueFlag(cmd)
	return cmd
}
