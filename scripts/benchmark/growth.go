package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// growth is what one validator did with many statements, and what they took.
type growth struct {
	tenths   []float64 // statements a second, of each tenth of them
	all      int       // statements
	envelope float64   // mean bytes of a transaction
	disk     []diskPart
}

// grow runs one validator through all statements of the scale, once.
func (b *bench) grow(ctx context.Context) (*growth, error) {
	if b.growth != nil {
		return b.growth, nil
	}
	n := b.network("growth.1m", 1, 1, spec{Mode: exhaust})
	if err := n.open(b.scale.statements); err != nil {
		return nil, err
	}
	defer n.close()
	info, err := os.Stat(n.pools[0])
	if err != nil {
		return nil, err
	}
	g := &growth{all: b.scale.statements}
	g.envelope = float64(info.Size())/float64(g.all) - poolOverhead
	n.inspect = func(homes []string) (err error) {
		g.disk, err = measureDisk(homes[0])
		return err
	}
	r, err := n.run(ctx, false)
	if err != nil {
		return nil, err
	}
	g.tenths = r.Tenths
	fmt.Fprintf(b.progress, "%s %s\n%s tenths: %.0f/s\n", n.name, r, n.name, g.tenths)
	b.growth = g
	return g, nil
}

// growthRates compares the last tenth with the first.
func growthRates(ctx context.Context, b *bench) (pair, error) {
	g, err := b.grow(ctx)
	if err != nil {
		return pair{}, err
	}
	if len(g.tenths) != 10 {
		return pair{}, fmt.Errorf("blocks are too large for %d statements to be divided by ten", g.all)
	}
	return pair{value: g.tenths[9], ceiling: g.tenths[0]}, nil
}

// growthParts are the rates of the tenths between.
func growthParts(b *bench) (ps []part) {
	for i, rate := range b.growth.tenths {
		ps = append(ps, part{fmt.Sprintf("tenth%d", i+1), "1/s", pair{rate, b.growth.tenths[0]}})
	}
	return ps
}

// diskPerStatement compares what a statement takes on disk with its envelope.
func diskPerStatement(ctx context.Context, b *bench) (pair, error) {
	g, err := b.grow(ctx)
	if err != nil {
		return pair{}, err
	}
	var sum float64
	for _, p := range g.disk {
		if !p.apart {
			sum += float64(p.bytes)
		}
	}
	return pair{value: sum / float64(g.all), ceiling: g.envelope}, nil
}

func diskParts(b *bench) (ps []part) {
	g := b.growth
	for _, p := range g.disk {
		ps = append(ps, part{p.name, "B", pair{float64(p.bytes) / float64(g.all), g.envelope}})
	}
	return ps
}

// diskPart is a part of what a validator keeps on disk.
type diskPart struct {
	name  string
	bytes int64
	apart bool // not in the sum: it does not grow with the ledger
}

// ledgerRows are the parts of the ledger's tables that grow, by the first byte of
// their keys; see app/store. Entries and tiles are not in tables but in blob files.
var ledgerRows = []struct {
	name   string
	prefix byte
}{{"ids", 'i'}, {"tree", 't'}}

// measureDisk measures the home of a validator that has stopped. What waits in the
// write-ahead logs of databases is written to their tables first, as the next start
// would do; compactions are left as the node left them.
func measureDisk(home string) ([]diskPart, error) {
	ledger := ledgerDir(home)
	dbs, err := filepath.Glob(filepath.Join(home, "data", "*.db"))
	if err != nil {
		return nil, err
	}
	for _, dir := range dbs {
		if err := flush(dir, func(*pebble.DB) error { return nil }); err != nil {
			return nil, err
		}
	}
	parts := make([]diskPart, len(ledgerRows))
	err = flush(ledger, func(db *pebble.DB) error {
		for i, r := range ledgerRows {
			size, err := db.EstimateDiskUsage([]byte{r.prefix}, []byte{r.prefix + 1})
			if err != nil {
				return err
			}
			parts[i] = diskPart{name: r.name, bytes: int64(size)}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}

	var blocks, state, log, rest, wal int64
	for _, p := range parts {
		rest -= p.bytes // counted again with the files of the ledger
	}
	err = filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		dir, size := filepath.Dir(path), info.Size()
		switch {
		case strings.HasSuffix(dir, "cs.wal"), strings.HasSuffix(path, ".log"):
			wal += size
		case strings.HasSuffix(dir, "blockstore.db"):
			blocks += size
		case strings.HasSuffix(dir, "state.db"):
			state += size
		case dir == ledger && strings.HasSuffix(path, ".blob"):
			log += size
		default:
			rest += size
		}
		return nil
	})
	return append(append([]diskPart{{name: "blockstore", bytes: blocks}, {name: "state", bytes: state}, {name: "log", bytes: log}}, parts...),
		diskPart{name: "rest", bytes: rest}, diskPart{name: "wal", bytes: wal, apart: true}), err
}

// flush opens a database, empties its write-ahead log and looks at it.
func flush(dir string, look func(*pebble.DB) error) error {
	o := &pebble.Options{
		FormatMajorVersion: pebble.FormatNewest, ErrorIfNotExists: true, DisableAutomaticCompactions: true, Logger: silent{},
	}
	// As the node does, or what waits would be written to other files.
	o.Experimental.ValueSeparationPolicy = func() pebble.ValueSeparationPolicy {
		return pebble.ValueSeparationPolicy{Enabled: true, MinimumSize: 256, MaxBlobReferenceDepth: 1 << 10, TargetGarbageRatio: 1}
	}
	db, err := pebble.Open(dir, o)
	if err != nil {
		return fmt.Errorf("measuring %s: %w", dir, err)
	}
	defer db.Close()
	if err := db.Flush(); err != nil {
		return fmt.Errorf("measuring %s: %w", dir, err)
	}
	return look(db)
}

// silent is a pebble.Logger of a database that is only measured.
type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(format string, args ...any) {
	panic("pebble: " + fmt.Sprintf(format, args...))
}
