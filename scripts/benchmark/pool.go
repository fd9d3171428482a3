package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// A pool is a file of transactions, each after its length in 4 bytes.

// poolOverhead is what a pool takes for a transaction besides its bytes.
const poolOverhead = 4

// chunk is how many transactions are made at a time: what is held in memory.
const chunk = 20_000

// writePools makes count transactions on all cores and deals them out to the
// files. It tells progress how many there are after each chunk.
func writePools(w Workload, count int, paths []string, progress func(made int)) (err error) {
	files := make([]*poolFile, len(paths))
	for k, path := range paths {
		if files[k], err = createPool(path); err != nil {
			return fmt.Errorf("writing transactions: %w", err)
		}
		defer files[k].file.Close()
	}
	txs := make([][]byte, min(chunk, count))
	for first := 0; first < count; first += chunk {
		txs = txs[:min(chunk, count-first)]
		if err := makeTxs(w, first, txs); err != nil {
			return fmt.Errorf("making transactions: %w", err)
		}
		for i, tx := range txs {
			files[(first+i)%len(files)].add(tx)
		}
		progress(first + len(txs))
	}
	for _, f := range files {
		if err := f.close(); err != nil {
			return fmt.Errorf("writing transactions: %w", err)
		}
	}
	return nil
}

// makeTxs fills txs with the transactions from the given number on.
func makeTxs(w Workload, first int, txs [][]byte) error {
	var g errgroup.Group
	workers := runtime.GOMAXPROCS(0)
	for k := range workers {
		g.Go(func() (err error) {
			for i := k; i < len(txs) && err == nil; i += workers {
				txs[i], err = w.Tx(first + i)
			}
			return err
		})
	}
	return g.Wait()
}

type poolFile struct {
	file *os.File
	buf  *bufio.Writer
}

func createPool(path string) (*poolFile, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &poolFile{f, bufio.NewWriterSize(f, 1<<20)}, nil
}

func (p *poolFile) add(tx []byte) {
	var size [4]byte
	binary.BigEndian.PutUint32(size[:], uint32(len(tx)))
	p.buf.Write(size[:]) // an error sticks until close
	p.buf.Write(tx)
}

func (p *poolFile) close() error { return errors.Join(p.buf.Flush(), p.file.Close()) }

// readPool maps a file of writePools into memory, for as long as the process
// lives: a pool can be larger than what a validator may use.
func readPool(path string) (txs [][]byte, err error) {
	b, err := mapFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading transactions: %w", err)
	}
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

func mapFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return nil, err
	}
	return syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_PRIVATE)
}
