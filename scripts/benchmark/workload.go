package main

import (
	"context"
	"math/rand/v2"
	"path/filepath"

	abci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"

	"zhenglian/node"
	"zhenglian/node/noop"
)

// chainID is the id of every measured chain.
const chainID = "benchmark"

// Workload is an application with transactions for it. It is made anew in every
// process, so two of the same name and number of signatures must agree.
type Workload interface {
	// Genesis completes the genesis document, which has its validators and
	// consensus parameters already. It is called before Tx, and again for every
	// run with the same validators.
	Genesis(doc *cmttypes.GenesisDoc) error

	// App opens the application of the validator whose home is given. It is closed
	// when it is an io.Closer.
	App(home string) (abci.Application, error)

	// Tx returns the i-th transaction, i counting from 0. All are distinct and
	// valid in any order. It is called concurrently, before the measurement.
	Tx(i int) ([]byte, error)
}

// Served is a Workload whose validators can serve clients.
type Served interface {
	// Gateway puts a gateway before a node that does not run yet, with the
	// application that App opened.
	Gateway(home string, n *node.Node, app abci.Application) (Gateway, error)

	// Request is the HTTP request, without its host, by which a client hands in a
	// transaction and, when it is patient, waits for the receipt.
	Request(tx []byte, patient bool) (Request, error)

	// Missing counts the transactions that are not in the home of a validator that
	// has stopped.
	Missing(home string, txs [][]byte) (int, error)
}

// Request is a POST.
type Request struct {
	Path, ContentType string
	Body              []byte
}

// Gateway serves the clients of one validator.
type Gateway interface {
	// URL is the base of its addresses.
	URL() string

	// Run serves until ctx ends.
	Run(ctx context.Context) error

	// Enter submits a transaction as a client does, and returns when its receipt
	// is in hand and verified.
	Enter(ctx context.Context, tx []byte) error
}

// workloads makes the workloads, given the number of signatures a transaction.
var workloads = map[string]func(sigs int) (Workload, error){
	"noop":   newNoop,
	"ledger": newLedger,

	"ledger.crowd": newCrowd,
}

// defaultSubject is measured when no other subject is asked for.
const defaultSubject = "ledger"

// noopWorkload is the no-op application with transactions of about the size of a
// statement with its signatures. Measured as the subject it shows the error of the
// measurement: its ratio should be 1.
type noopWorkload struct{ size int }

func newNoop(sigs int) (Workload, error) { return noopWorkload{size: 700 + 100*sigs}, nil }

func (noopWorkload) Genesis(*cmttypes.GenesisDoc) error { return nil }

func (noopWorkload) App(home string) (abci.Application, error) {
	return noop.Open(filepath.Join(home, "app"))
}

func (w noopWorkload) Tx(i int) ([]byte, error) {
	tx := make([]byte, w.size)
	var seed [32]byte
	seed[0], seed[1], seed[2], seed[3] = byte(i), byte(i>>8), byte(i>>16), byte(i>>24)
	// Half of it is hard to compress, as digests, identifiers and signatures are.
	rand.NewChaCha8(seed).Read(tx[:w.size/2])
	return tx, nil
}
