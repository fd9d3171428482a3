package main

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	abci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"
	ics23 "github.com/cosmos/ics23/go"
	"golang.org/x/sync/errgroup"

	"zhenglian/app"
	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/list"
)

// The list that is measured: 140 000 subjects beside 100 000 matters, of which
// the last hundred came with the last block.
const (
	listSubjects = 140_000
	listMatters  = 100_000
	listLast     = 100
	listOf       = tx.SeriousDishonest
)

// listed is a gateway before a ledger with that list.
type listed struct {
	g        *ledgerGateway
	trust    *receipt.Trust
	tagger   *list.Tagger
	snapshot []byte
	delta    []byte // from the block before the last
	set      *list.Set

	bytesAlone            float64 // of the rows, without what proves them
	write, read, hashing  float64 // seconds
	serve, nothing        served
	proof                 *receipt.StateProof
	verify, verifyHashing float64 // seconds
}

// served is how fast a gateway answers.
type served struct {
	rate float64 // requests a second
	cpu  float64 // seconds of processor for one, its client's too
}

// usccOf is the credit code of a number.
func usccOf(n int) []byte {
	const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	b := fmt.Appendf(make([]byte, 0, 18), "91330100%09d", n)
	sum, weight := 0, 1
	for _, c := range b {
		sum += bytes.IndexByte([]byte(alphabet), c) * weight
		weight = weight * 3 % 31
	}
	return append(b, alphabet[(31-sum%31)%31])
}

// makeListed builds the ledger in memory and serves it; stop ends it.
func makeListed(ctx context.Context, subjects, matters int) (_ *listed, stop func() error, err error) {
	workload, err := newLedger(1)
	if err != nil {
		return nil, nil, err
	}
	w := workload.(*ledgerWorkload)
	a, err := app.New(app.Config{Dir: "ledger", Store: store.Options{FS: vfs.NewMem()}})
	if err != nil {
		return nil, nil, err
	}
	doc := &cmttypes.GenesisDoc{ChainID: chainID}
	if err := w.Genesis(doc); err != nil {
		return nil, nil, err
	}
	if _, err := a.InitChain(ctx, &abci.RequestInitChain{ChainId: chainID, AppStateBytes: doc.AppState}); err != nil {
		return nil, nil, err
	}
	if err := fill(a.Store(), uint64(matters), uint64(matters)); err != nil {
		return nil, nil, err
	}
	l := new(listed)
	epoch := list.Epoch{Chain: chainID, List: listOf, Number: 1}
	if l.tagger, err = list.NewTagger(epoch, list.Key{1}, list.USCC); err != nil {
		return nil, nil, err
	}
	const perBlock = 20_000
	put := func(from, to int) error {
		b := a.Store().Begin(a.Store().View().Head().Height + 1)
		b.Stamp(store.Hash{}, time.Now().UnixMilli())
		for i := from; i < to; i++ {
			tag, err := l.tagger.Tag(usccOf(i))
			if err != nil {
				return err
			}
			b.Set(row.SubjectKey(listOf, tag), row.Subject{{Seq: uint64(i), State: row.Published, From: tx.Civil(2026, 4, 1), Until: tx.Civil(2029, 4, 1)}}.Encode())
		}
		_, err := b.Commit()
		return err
	}
	for i := 0; i < subjects-listLast; i += perBlock {
		if err := put(i, min(i+perBlock, subjects-listLast)); err != nil {
			return nil, nil, err
		}
	}
	if err := put(subjects-listLast, subjects); err != nil {
		return nil, nil, err
	}

	head := a.Store().View().Head()
	c := &chain{app: a}
	blocks := map[int64]receipt.SignedBlock{}
	for h := head.Height - 1; h <= head.Height; h++ {
		at, err := a.Store().HeadAt(h)
		if err != nil {
			return nil, nil, err
		}
		if blocks[h+1], c.trust, err = sealed(h+1, at.AppHash[:]); err != nil {
			return nil, nil, err
		}
	}
	c.signed = func(h int64) (receipt.SignedBlock, error) {
		b, ok := blocks[h]
		if !ok {
			return b, fmt.Errorf("no block %d", h)
		}
		return b, nil
	}
	l.trust = c.trust
	if l.g, err = openGateway(c, nil); err != nil {
		return nil, nil, err
	}
	serving, end := context.WithCancel(ctx)
	stopped := make(chan error, 1)
	go func() { stopped <- l.g.Run(serving) }()
	l.g.gateway.Decided(head.Height + 1)
	return l, func() error { end(); return errors.Join(<-stopped, a.Close()) }, nil
}

// makeLists measures everything about lists at once.
func (b *bench) makeLists(ctx context.Context) (_ *listed, err error) {
	if b.lists != nil {
		return b.lists, nil
	}
	fmt.Fprintf(b.progress, "lists making a list of %d subjects\n", listSubjects)
	l, stop, err := makeListed(ctx, listSubjects, listMatters)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := l.copies(ctx); err != nil {
		return nil, err
	}
	if err := l.absence(ctx, b.scale.verifying); err != nil {
		return nil, err
	}
	b.lists = l
	return l, nil
}

// cpu returns the seconds of processor that f takes on one core.
func cpu(f func() error) (float64, error) {
	const thread = 1 // RUSAGE_THREAD
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin, err := spent(thread)
	if err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	end, err := spent(thread)
	return end - begin, err
}

// spent is the processor time of this process, or of this thread, in seconds.
func spent(who int) (float64, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(who, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9, err
}

// copies fetches and reads the list, as a consumer does.
func (l *listed) copies(ctx context.Context) (err error) {
	get := func(path string) ([]byte, error) {
		res, err := http.Get(l.g.URL() + path)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err == nil && res.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", res.Status, b)
		}
		return b, err
	}
	begin := time.Now()
	if l.snapshot, err = get("/v1/lists/" + listOf.String() + "/snapshot"); err != nil {
		return err
	}
	l.write = time.Since(begin).Seconds()
	if l.read, err = cpu(func() (err error) {
		l.set, err = list.ReadSnapshot(bytes.NewReader(l.snapshot), listOf, l.trust)
		return err
	}); err != nil {
		return err
	}
	if l.delta, err = get(fmt.Sprintf("/v1/lists/%s/delta?since=%d", listOf, l.set.Head().Height-1)); err != nil {
		return err
	}
	// The rows alone, packed alike; and the hashes that any proof of them takes.
	var alone bytes.Buffer
	z, err := flate.NewWriter(&alone, flate.BestSpeed)
	if err != nil {
		return err
	}
	var n int
	for tag, s := range l.set.All() {
		n++
		if _, err := z.Write(append(tag[:], s.Encode()...)); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	l.bytesAlone = float64(alone.Len())
	l.hashing, err = cpu(func() error {
		var node [80]byte // near what a leaf and an inner node are
		for range n {
			d := sha256.Sum256(node[:40])
			copy(node[:], d[:])
			d = sha256.Sum256(node[:])
			copy(node[32:], d[:])
			d = sha256.Sum256(node[:])
			copy(node[:], d[:])
		}
		return nil
	})
	return err
}

// absence asks for proofs that subjects are not listed, each for another one.
func (l *listed) absence(ctx context.Context, during time.Duration) error {
	ask := func(i int) (*http.Request, error) {
		tag, err := l.tagger.Tag(usccOf(50_000_000 + i))
		if err != nil {
			return nil, err
		}
		body := fmt.Appendf(nil, `{"key":"%s"}`, hex.EncodeToString(row.SubjectKey(listOf, tag)))
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.g.URL()+api.PathVerify, bytes.NewReader(body))
		if err == nil {
			r.Header.Set("Content-Type", api.MediaJSON)
		}
		return r, err
	}
	var err error
	if l.nothing, err = rate(during, func(int) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, l.g.URL()+api.PathLive, nil)
	}); err != nil {
		return err
	}
	if l.serve, err = rate(during, ask); err != nil {
		return err
	}

	// One of them, verified as a consumer does who has checked the block already.
	tag, err := l.tagger.Tag(usccOf(50_000_000))
	if err != nil {
		return err
	}
	key := row.SubjectKey(listOf, tag)
	v, err := l.g.client.Verify(ctx, api.VerifyRequest{Key: hex.EncodeToString(key)})
	if err != nil {
		return err
	}
	if l.proof, err = receipt.ParseStateProof(v.Proof); err != nil {
		return err
	}
	if err := receipt.VerifyAbsence(l.proof, key, l.trust); err != nil {
		return err
	}
	if l.proof.Row.Value != nil {
		return errors.New("a subject is listed that should not be")
	}
	const times = 20_000
	took, err := cpu(func() error {
		for range times {
			if err := l.proof.Row.Verify(l.proof.StateRoot); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	l.verify = took / times
	var p ics23.CommitmentProof
	if err := p.Unmarshal(l.proof.Row.Proof); err != nil {
		return err
	}
	hashes := len(p.GetNonexist().Left.Path) + len(p.GetNonexist().Right.Path) + 2
	took, err = cpu(func() error {
		node := make([]byte, 80)
		for range times * hashes {
			d := sha256.Sum256(node)
			copy(node, d[:])
		}
		return nil
	})
	l.verifyHashing = took / times
	return err
}

// rate returns the requests a second that a gateway answers to as many clients
// as keep it busy.
func rate(during time.Duration, ask func(i int) (*http.Request, error)) (served, error) {
	clients := 4 * runtime.GOMAXPROCS(0)
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = clients
	c := &http.Client{Transport: t}
	defer t.CloseIdleConnections()
	var next, done atomic.Int64
	var group errgroup.Group
	before, err := spent(syscall.RUSAGE_SELF)
	if err != nil {
		return served{}, err
	}
	begin := time.Now()
	for range clients {
		group.Go(func() error {
			for time.Since(begin) < during {
				r, err := ask(int(next.Add(1)))
				if err != nil {
					return err
				}
				res, err := c.Do(r)
				if err != nil {
					return err
				}
				_, err = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if err == nil && res.StatusCode != http.StatusOK {
					err = errors.New(res.Status)
				}
				if err != nil {
					return err
				}
				done.Add(1)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return served{}, err
	}
	n, took := float64(done.Load()), time.Since(begin).Seconds()
	after, err := spent(syscall.RUSAGE_SELF)
	return served{n / took, (after - before) / n}, err
}

func listsServe(ctx context.Context, b *bench) (pair, error) {
	l, err := b.makeLists(ctx)
	if err != nil {
		return pair{}, err
	}
	return pair{l.serve.rate, l.nothing.rate}, nil
}

func listsServeParts(b *bench) []part {
	return []part{{"cpu", "s", pair{b.lists.serve.cpu, b.lists.nothing.cpu}}}
}

func listsVerify(ctx context.Context, b *bench) (pair, error) {
	l, err := b.makeLists(ctx)
	if err != nil {
		return pair{}, err
	}
	return pair{l.verify, l.verifyHashing}, nil
}

func listsSnapshot(ctx context.Context, b *bench) (pair, error) {
	l, err := b.makeLists(ctx)
	if err != nil {
		return pair{}, err
	}
	return pair{float64(len(l.snapshot)), l.bytesAlone}, nil
}

func listsSnapshotParts(b *bench) []part {
	l := b.lists
	return []part{
		{"verify", "s", pair{l.read, l.hashing}},
		{"serve", "s", pair{l.write, l.read}},
		{"delta", "B", pair{float64(len(l.delta)), float64(len(l.snapshot))}},
	}
}

// listsSweep checks 9 million shops on one core: identifiers as they come, brought
// into normal form, tagged and looked up. The ceiling is the HMAC alone.
func listsSweep(ctx context.Context, b *bench) (pair, error) {
	l, err := b.makeLists(ctx)
	if err != nil {
		return pair{}, err
	}
	const shops = 9_000_000
	w, err := list.NewSweeper(l.set, l.tagger.Clone())
	if err != nil {
		return pair{}, err
	}
	// Every 90th shop is listed. Half a million different ones stand for nine.
	const different = 500_000
	ids := make([]byte, 0, different*18)
	for i := range different {
		ids = append(ids, usccOf(i*90%50_000_000)...)
	}
	times := shops / different
	if b.scale.pairs == 1 {
		times /= 6
	}
	found := 0
	took, err := cpu(func() error {
		for range times {
			for at := 0; at < len(ids); at += 18 {
				h, err := w.Check(list.USCC, ids[at:at+18])
				if err != nil {
					return err
				}
				if h != nil {
					found++
				}
			}
		}
		return nil
	})
	if err != nil {
		return pair{}, err
	}
	if found == 0 {
		return pair{}, errors.New("a sweep found nobody")
	}
	mac := hmac.New(sha256.New, make([]byte, 32))
	var sum [32]byte
	alone, err := cpu(func() error {
		for range times {
			for at := 0; at < len(ids); at += 18 {
				mac.Reset()
				mac.Write(ids[at : at+18])
				mac.Sum(sum[:0])
			}
		}
		return nil
	})
	all := float64(shops) / float64(times*different)
	return pair{took * all, alone * all}, err
}
