// Command zheng is the ledger for officers, platforms and courts: it keeps
// keys, captures web pages, puts evidence on the ledger, co-signs, and checks.
//
// Data go to stdout, talk to stderr. See client/README.md for the manual.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"zhenglian/client/capture"
)

func main() {
	capture.RunChild()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	c := &cli{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv}
	code := c.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}
