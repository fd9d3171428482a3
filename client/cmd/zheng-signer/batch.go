//go:build js

package main

import (
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"syscall/js"
	"time"

	"zhenglian/app/batch"
	"zhenglian/app/tx"
)

// maxTable bounds a table of digests in bytes: a million lines with names.
const maxTable = 256 << 20

var hexDigest = regexp.MustCompile(`(?i)(?:^|[^0-9a-f])([0-9a-f]{64})(?:$|[^0-9a-f])`)

// gathered is the batch that was read last.
var gathered *batch.Tree

// gather reads the digests of a table: of each line the first cell that has 64
// hexadecimal digits. Lines without one, such as the heading, are counted as skipped.
func gather(args []js.Value) (map[string]any, error) {
	b, err := content(args[0], maxTable)
	if err != nil {
		return nil, err
	}
	var list []byte
	skipped := 0
	for line := range strings.Lines(string(b)) {
		m := hexDigest.FindStringSubmatch(line)
		if m == nil {
			if strings.TrimSpace(line) != "" {
				skipped++
			}
			continue
		}
		if list, err = hex.AppendDecode(list, []byte(m[1])); err != nil {
			return nil, err
		}
	}
	if gathered, err = batch.Build(list); err != nil {
		return nil, err
	}
	out := js.Global().Get("Uint8Array").New(len(list))
	js.CopyBytesToJS(out, list)
	return map[string]any{
		"count": gathered.Len(), "skipped": skipped, "list": out,
		"sha256": gathered.List().String(), "root": gathered.Root().String(),
	}, nil
}

// stateBatch drafts the statement of the batch that was gathered last.
func stateBatch(args []js.Value) (map[string]any, error) {
	if gathered == nil {
		return nil, errors.New("no digests were read")
	}
	now := tx.TimeOf(time.Now())
	cp, tool := args[1], args[4]
	b := &tx.Batch{
		Captured: tx.Captured{Started: now, Ended: now, Method: "upload", Tool: tool.Get("tool").String()},
		Count:    int64(gathered.Len()), List: gathered.List(), Root: gathered.Root(),
	}
	var err error
	if b.Captured.ToolSHA256, err = tx.ParseDigest(tool.Get("sha256").String()); err != nil {
		return nil, err
	}
	if tag := args[2].String(); tag != "" {
		if b.CaseTag, err = tx.ParseDigest(tag); err != nil {
			return nil, err
		}
	}
	anchor := cp.Get("anchor")
	b.Anchor.Height = int64(anchor.Get("height").Float())
	if b.Anchor.Hash, err = tx.ParseDigest(anchor.Get("hash").String()); err != nil {
		return nil, err
	}
	return state(cp.Get("chain").String(), args[0].String(), int64(args[3].Float()), tx.EvidenceBatch, b)
}
