package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	abci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"
	"golang.org/x/sync/errgroup"

	"zhenglian/app"
	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/store"
	"zhenglian/app/tx"
)

// The goods that are traced: families of 10 000 lots each, made over ten hops of
// one lot, of which the last are packed on pallets. A hop is a transformation of
// one to three lots that lie beside each other into two to nine, stated by the
// member that received them; what it makes is shipped to the next member and
// accepted. Families grow side by side, as they would: what belongs together is
// scattered over the ledger.
//
// An event is one unit's part in one statement: made, used, shipped, received,
// packed. Every statement is signed and goes through the application's blocks, so
// the rows are what the rules write.
const (
	goodsFamilies = 100
	goodsPallet   = 50 // lots of the last hop on a pallet
)

// goodsWidths are the lots of a family after each hop: 10 000 together.
var goodsWidths = [...]int{1, 10, 40, 120, 300, 600, 1000, 1500, 1929, 2200, 2300}

// goods is a ledger with that graph.
type goods struct {
	*ledgerWorkload
	app      *app.App
	families int
	shrink   int   // widths are divided by it
	height   int64 // of the last block
	units    int
	events   int
	pending  []goodsStatement
}

// goodsStatement is one of the next block.
type goodsStatement struct {
	kind tx.Kind
	by   int // of goodsMembers
	prev int // the statement of this block that it continues; -1: none
	body tx.Body
}

// goodsMembers hold the goods in turn.
var goodsMembers = [...]struct {
	member tx.MemberID
	key    string
}{{"qijiang-amr", "qijiang"}, {"platform-a", "platform"}, {"changsha-amr", "changsha"}}

const (
	goodsBlock  = 4000 // statements
	goodsLayout = 2    // of the database's rows: another number makes the graph anew
)

// goodsTime is when a block was: the graph is the same whenever it is made.
func goodsTime(height int64) time.Time {
	return time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(height) * time.Second)
}

// check is GS1's check digit.
func check(digits string) string {
	sum := 0
	for i := range len(digits) {
		weight := 1 + 2*((len(digits)-i)%2)
		sum += weight * int(digits[i]-'0')
	}
	return digits + string(rune('0'+(10-sum%10)%10))
}

// product is what hop makes.
func (g *goods) product(hop int) tx.ProductCode {
	return tx.ProductCode("zg/" + check(fmt.Sprintf("5001100001%03d", hop)))
}

// lot is the n-th lot of a family after a hop.
func (g *goods) lot(family, hop, n int) tx.UnitCode {
	return tx.UnitCode(fmt.Sprintf("%s/10/F%d-%d", g.product(hop), family, n))
}

func (g *goods) pallet(family, n int) tx.UnitCode {
	return tx.UnitCode("zs/" + check(fmt.Sprintf("5001100001%03d%04d", family, n)))
}

func (g *goods) width(hop int) int { return max(1, goodsWidths[hop]/g.shrink) }

// lots is how many lots a family has.
func (g *goods) lots() (n int) {
	for hop := range goodsWidths {
		n += g.width(hop)
	}
	return n
}

// openGoods opens the application of a ledger in a folder, or in memory.
func openGoods(dir string, fs vfs.FS) (*goods, error) {
	w, err := newLedger(1)
	if err != nil {
		return nil, err
	}
	a, err := app.New(app.Config{Dir: dir, Store: store.Options{FS: fs}})
	if err != nil {
		return nil, err
	}
	return &goods{ledgerWorkload: w.(*ledgerWorkload), app: a, shrink: 1}, nil
}

// makeGoods returns a ledger with the graph. It is kept beside other temporary
// files, under a name that changes with the rules and the rows: the app hash of a
// small graph made in memory.
func makeGoods(ctx context.Context, families int, progress io.Writer) (_ *goods, dir string, err error) {
	probe, err := openGoods("ledger", vfs.NewMem())
	if err != nil {
		return nil, "", err
	}
	probe.families, probe.shrink = 2, 50
	err = probe.grow(ctx, io.Discard)
	head, _ := probe.app.Store().Head()
	if err = errors.Join(err, probe.app.Close()); err != nil {
		return nil, "", err
	}
	dir = filepath.Join(os.TempDir(), fmt.Sprintf("zhenglian-bench-goods-%d-%d-%s", goodsLayout, families, hex.EncodeToString(head.AppHash[:8])))
	if _, err := os.Stat(dir); err == nil {
		g, err := openGoods(dir, nil)
		if err != nil {
			return nil, "", err
		}
		g.families = families
		head, _ := g.app.Store().Head()
		g.height = head.Height
		fmt.Fprintf(progress, "goods using %s\n", dir)
		return g, dir, nil
	}
	making := dir + ".part"
	if err := os.RemoveAll(making); err != nil {
		return nil, "", err
	}
	g, err := openGoods(making, nil)
	if err != nil {
		return nil, "", err
	}
	g.families = families
	if err := errors.Join(g.grow(ctx, progress), g.app.Close()); err != nil {
		return nil, "", errors.Join(err, os.RemoveAll(making))
	}
	if err := os.Rename(making, dir); err != nil {
		return nil, "", err
	}
	return makeGoods(ctx, families, progress)
}

// grow makes the graph from genesis.
func (g *goods) grow(ctx context.Context, progress io.Writer) error {
	doc := &cmttypes.GenesisDoc{ChainID: chainID}
	if err := g.Genesis(doc); err != nil {
		return err
	}
	if _, err := g.app.InitChain(ctx, &abci.RequestInitChain{ChainId: chainID, Time: goodsTime(0), AppStateBytes: doc.AppState}); err != nil {
		return err
	}
	var makers []tx.MemberID
	for _, m := range []int{2, 1, 0} { // ascending
		makers = append(makers, goodsMembers[m].member)
	}
	began := time.Now()
	for hop := range goodsWidths {
		p := &tx.Product{Makers: makers, Mode: tx.Reject, NameEN: fmt.Sprint("Stage ", hop), NameZH: fmt.Sprint("第", hop, "道"), Code: g.product(hop), UOM: "g"}
		if hop > 0 {
			p.Yield = &tx.Yield{From: []tx.ProductCode{g.product(hop - 1)}, Gives: tx.MaxRatio, Per: 1}
		}
		if _, err := g.state(ctx, goodsStatement{tx.TraceProduct, 0, -1, p}); err != nil {
			return err
		}
	}
	for hop := range goodsWidths {
		next := make([]int, g.families) // lots made of each family
		used := make([]int, g.families) // where the next transformation takes from
		for done := 0; done < g.families; {
			done = 0
			for f := range g.families {
				if next[f] == g.width(hop) {
					done++
					continue
				}
				made, err := g.hop(ctx, f, hop, next[f], &used[f])
				if err != nil {
					return err
				}
				next[f] += made
			}
		}
		for f := range g.families {
			if err := g.hand(ctx, f, hop); err != nil {
				return err
			}
		}
		fmt.Fprintf(progress, "goods hop %d, %d units, %d events, %.0f s\n", hop, g.units, g.events, time.Since(began).Seconds())
	}
	return g.block(ctx)
}

// hop makes lots of a family from a number on, and returns how many.
func (g *goods) hop(ctx context.Context, f, hop, from int, used *int) (int, error) {
	holder := hop % len(goodsMembers)
	if hop == 0 {
		g.units, g.events = g.units+1, g.events+1
		_, err := g.state(ctx, goodsStatement{tx.TraceRegister, holder, -1, &tx.Register{Units: []tx.Amount{{Code: g.lot(f, 0, 0), Quantity: tx.MaxQuantity}}}})
		return 1, err
	}
	before, left := g.width(hop-1), g.width(hop)-from
	parts := min(2+(f+3*from)%8, left) // 2 to 9
	b := new(tx.Transform)
	for i := range min(1+(f+from)%3, before) {
		b.Inputs = append(b.Inputs, tx.Amount{Code: g.lot(f, hop-1, (*used+i)%before), Quantity: 1})
	}
	// Every lot of the hop before is used about as often as any other.
	*used = (from + parts) * before / g.width(hop)
	for i := range parts {
		b.Outputs = append(b.Outputs, tx.Amount{Code: g.lot(f, hop, from+i), Quantity: 1000})
	}
	g.units, g.events = g.units+parts, g.events+parts+len(b.Inputs)
	_, err := g.state(ctx, goodsStatement{tx.TraceTransform, holder, -1, b})
	return parts, err
}

// hand gives what a hop made to the next member, packed when it is the last.
func (g *goods) hand(ctx context.Context, f, hop int) error {
	holder := hop % len(goodsMembers)
	var units []tx.UnitCode
	for n := range g.width(hop) {
		units = append(units, g.lot(f, hop, n))
	}
	if hop == len(goodsWidths)-1 {
		var pallets []tx.UnitCode
		for n := 0; n < len(units); n += goodsPallet {
			p := g.pallet(f, n/goodsPallet)
			inside := units[n:min(n+goodsPallet, len(units))]
			if _, err := g.state(ctx, goodsStatement{tx.TraceRegister, holder, -1, &tx.Register{Units: []tx.Amount{{Code: p}}}}); err != nil {
				return err
			}
			if _, err := g.state(ctx, goodsStatement{tx.TraceAggregate, holder, -1, &tx.Aggregate{Parent: p, Children: inside}}); err != nil {
				return err
			}
			g.units, g.events = g.units+1, g.events+1+len(inside)
			pallets = append(pallets, p)
		}
		units = pallets
	}
	for n := 0; n < len(units); n += tx.MaxUnits {
		part := units[n:min(n+tx.MaxUnits, len(units))]
		next := (holder + 1) % len(goodsMembers)
		at, err := g.state(ctx, goodsStatement{tx.TraceShip, holder, -1, &tx.Ship{To: goodsMembers[next].member, Units: part}})
		if err == nil {
			_, err = g.state(ctx, goodsStatement{tx.TraceReceive, next, at, &tx.Receive{}})
		}
		if err != nil {
			return err
		}
		g.events += 2 * len(part)
	}
	return nil
}

// state adds a statement to the next block, and returns its place there. A
// statement and what continues it are of one block.
func (g *goods) state(ctx context.Context, s goodsStatement) (int, error) {
	if len(g.pending) >= goodsBlock && s.prev < 0 {
		if err := g.block(ctx); err != nil {
			return 0, err
		}
	}
	g.pending = append(g.pending, s)
	return len(g.pending) - 1, nil
}

// block runs a block of what is pending.
func (g *goods) block(ctx context.Context) error {
	g.height++
	statements, ids := make([]*tx.Statement, len(g.pending)), make([]tx.ID, len(g.pending))
	txs := make([][]byte, len(g.pending))
	for i, p := range g.pending {
		s := &tx.Statement{Chain: chainID, Kind: p.kind, Member: goodsMembers[p.by].member, At: tx.TimeOf(goodsTime(g.height)), Expires: 5_000_000, Body: p.body}
		if p.prev >= 0 {
			s.Prev = ids[p.prev]
		}
		b, err := s.Encode()
		if err != nil {
			return err
		}
		statements[i], ids[i] = s, tx.StatementID(b)
	}
	var signing errgroup.Group
	signing.SetLimit(runtime.GOMAXPROCS(0))
	const chunk = 256
	for from := 0; from < len(txs); from += chunk {
		signing.Go(func() error {
			for i := from; i < min(from+chunk, len(txs)); i++ {
				b, err := statements[i].Encode()
				if err != nil {
					return err
				}
				e, err := tx.Seal(b, g.byName[goodsMembers[g.pending[i].by].key])
				if err != nil {
					return err
				}
				txs[i] = e.AppendWire(nil)
			}
			return nil
		})
	}
	if err := signing.Wait(); err != nil {
		return err
	}
	g.pending = g.pending[:0]
	_, err := g.run(ctx, txs...)
	return err
}

// run runs a block of transactions at g.height, and returns how long it took.
func (g *goods) run(ctx context.Context, txs ...[]byte) (time.Duration, error) {
	began := time.Now()
	res, err := g.app.FinalizeBlock(ctx, &abci.RequestFinalizeBlock{Height: g.height, Hash: make([]byte, 32), Time: goodsTime(g.height), Txs: txs})
	if err != nil {
		return 0, err
	}
	for i, r := range res.TxResults {
		if r.Code != abci.CodeTypeOK {
			return 0, fmt.Errorf("statement %d of block %d was refused: %s", i, g.height, r.Log)
		}
	}
	_, err = g.app.Commit(ctx, &abci.RequestCommit{})
	return time.Since(began), err
}

// unit finds a unit by its code.
func (g *goods) unit(code tx.UnitCode) (row.UnitID, error) {
	u, found, err := state.UnitAt(g.app.Store().View(), code)
	if err == nil && found == nil {
		err = fmt.Errorf("no unit %s", code)
	}
	return u, err
}
