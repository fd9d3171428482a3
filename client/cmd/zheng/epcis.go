package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/tlog"

	"zhenglian/app/tx"
	"zhenglian/client/epcis"
)

// An eventInfo is what is printed of an EPCIS event.
type eventInfo struct {
	N      int       `json:"n"` // its leaf, with --anchor
	Type   string    `json:"type"`
	ID     string    `json:"id"` // event hash id
	SHA256 tx.Digest `json:"sha256"`
	Pre    string    `json:"pre_hash,omitempty"`
}

func (c *cli) epcisCmd() *cobra.Command {
	var pre, anchor bool
	cmd := &cobra.Command{
		Use: "epcis FILE", Args: c.args(1, 1),
		Short: c.tr("hash ids of the EPCIS 2.0 events of a document", "计算 EPCIS 2.0 文档中各事件的哈希编号"),
		Long: c.tr(`Prints the event hash id (CBV 2.0 §8.9) of every event of a JSON-LD document. A
trading partner computes the same from its own copy. With --anchor the RFC 6962
root over them, in this order, goes on the ledger; the document stays here.`,
			`逐一输出 JSON-LD 文档中各事件的哈希编号（CBV 2.0 §8.9）；贸易伙伴可由自己的副本算出相同编号。
--anchor 将这些哈希按此顺序的 RFC 6962 根写入账本，文档本身不离开本机。`),
		RunE: func(cmd *cobra.Command, args []string) error { return c.epcisFile(cmd.Context(), args[0], pre, anchor) },
	}
	c.signFlags(cmd)
	cmd.Flags().BoolVar(&pre, "pre-hash", false, c.tr("print what is hashed, too", "同时输出被哈希的字符串"))
	cmd.Flags().BoolVar(&anchor, "anchor", false, c.tr("put the root over the events on the ledger", "将事件的根写入账本"))
	return cmd
}

func (c *cli) epcisFile(ctx context.Context, path string, pre, anchor bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, epcis.MaxDocument+1))
	if err != nil {
		return err
	}
	events, err := epcis.Events(b)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	var hashes []tlog.Hash // of the tree, as tlog stores them
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = hashes[x]
		}
		return out, nil
	})
	for n := range events {
		e := &events[n]
		info := eventInfo{N: n, Type: e.Fields["type"].(string), ID: e.ID(), SHA256: e.Hash()}
		if pre {
			info.Pre = e.PreHash()
		}
		if err := c.print(info, func(w io.Writer) {
			fmt.Fprintf(w, "%d %s %s\n", info.N, info.Type, info.ID)
			if pre {
				fmt.Fprintln(w, info.Pre)
			}
		}); err != nil {
			return err
		}
		more, err := tlog.StoredHashes(int64(n), info.SHA256[:], reader)
		if err != nil {
			return err
		}
		hashes = append(hashes, more...)
	}
	if !anchor {
		return nil
	}
	root, err := tlog.TreeHash(int64(len(events)), reader)
	if err != nil {
		return err
	}
	return c.state(ctx, tx.TraceEvents, &tx.Events{Count: int64(len(events)), Root: tx.Digest(root)}, tx.ID{})
}
