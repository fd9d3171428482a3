package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// A pool is a file of transactions, each after its length in 4 bytes.

// writePools makes count transactions and deals them out to the files.
func writePools(w Workload, count int, paths []string) error {
	txs := make([][]byte, count)
	var g errgroup.Group
	workers := runtime.GOMAXPROCS(0)
	for k := range workers {
		g.Go(func() (err error) {
			for i := k; i < count && err == nil; i += workers {
				txs[i], err = w.Tx(i)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("making transactions: %w", err)
	}
	for k, path := range paths {
		if err := writePool(path, txs, k, len(paths)); err != nil {
			return fmt.Errorf("writing transactions: %w", err)
		}
	}
	return nil
}

// writePool writes every step-th transaction from the first on.
func writePool(path string, txs [][]byte, first, step int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	b := bufio.NewWriterSize(f, 1<<20)
	for i := first; i < len(txs); i += step {
		var size [4]byte
		binary.BigEndian.PutUint32(size[:], uint32(len(txs[i])))
		b.Write(size[:]) // an error sticks until Flush
		b.Write(txs[i])
	}
	if err := b.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// readPool reads a file of writePools.
func readPool(path string) ([][]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading transactions: %w", err)
	}
	var txs [][]byte
	for len(b) > 0 {
		if len(b) < 4 {
			return nil, fmt.Errorf("reading transactions: %s is cut short", path)
		}
		size := int(binary.BigEndian.Uint32(b))
		if b = b[4:]; len(b) < size {
			return nil, fmt.Errorf("reading transactions: %s is cut short", path)
		}
		txs = append(txs, b[:size:size])
		b = b[size:]
	}
	return txs, nil
}
