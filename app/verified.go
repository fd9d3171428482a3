package app

import (
	"crypto/sha256"
	"sync"

	"zhenglian/app/state"
)

// verified remembers envelopes whose form and signatures have been checked, so
// that a node checks each signature once: CheckTx fills it, ProcessProposal and
// FinalizeBlock draw on it. Only good results are kept, by the SHA-256 of the
// whole envelope. It forgets the oldest when it is full; what it has forgotten
// is checked again, so its size changes speed and never a verdict.
type verified struct {
	mu   sync.Mutex
	byID map[[32]byte]*state.Opened
	ring [][32]byte
	next int
}

func newVerified(size int) *verified {
	return &verified{byID: make(map[[32]byte]*state.Opened, size), ring: make([][32]byte, size)}
}

func (v *verified) get(sum [32]byte) *state.Opened {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.byID[sum]
}

func (v *verified) put(sum [32]byte, o *state.Opened) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.byID[sum] != nil {
		return
	}
	delete(v.byID, v.ring[v.next])
	v.ring[v.next] = sum
	v.next = (v.next + 1) % len(v.ring)
	v.byID[sum] = o
}

// drop forgets the envelopes of a committed block, which are not asked for again.
func (v *verified) drop(sums [][32]byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range sums {
		delete(v.byID, s)
	}
}

// openSum returns the checked envelope of a transaction, checking it if need be.
// sum is its SHA-256.
func (a *App) openSum(dir *state.Directory, tx []byte, sum [32]byte) (*state.Opened, error) {
	if o := a.verified.get(sum); o != nil {
		return o, nil
	}
	o, err := dir.Open(tx)
	if err == nil {
		a.verified.put(sum, o)
	}
	return o, err
}

// openAll opens the transactions of a block on all cores, and returns what they
// are remembered by. The order of the results is that of txs, whatever the order
// of the work.
func (a *App) openAll(dir *state.Directory, txs [][]byte) (opened []*state.Opened, errs []error, sums [][32]byte) {
	opened, errs, sums = make([]*state.Opened, len(txs)), make([]error, len(txs)), make([][32]byte, len(txs))
	work := max(1, min(a.cores, (len(txs)+7)/8))
	share := func(w int) {
		for i := w; i < len(txs); i += work {
			sums[i] = sha256.Sum256(txs[i])
			opened[i], errs[i] = a.openSum(dir, txs[i], sums[i])
		}
	}
	var wg sync.WaitGroup
	for w := 1; w < work; w++ {
		wg.Go(func() { share(w) })
	}
	share(0)
	wg.Wait()
	return opened, errs, sums
}
