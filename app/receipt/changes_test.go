package receipt

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cometbft/cometbft/crypto/tmhash"
	"github.com/cometbft/cometbft/types"

	"zhenglian/app/apptest"
)

// A lineage is a chain of validator sets, each of one more validator.
type lineage struct {
	*ledger
	sets    []*types.ValidatorSet
	signers [][]types.PrivValidator
	trust   *Trust // the first set alone
}

func newLineage(t testing.TB, n int) *lineage {
	l := &lineage{ledger: &ledger{}}
	l.ledger.Chain = apptest.New(t)
	for i := range n {
		powers := make([]int64, 4+i)
		for j := range powers {
			powers[j] = 10
		}
		set, signers := fixedSet(powers...)
		l.sets, l.signers = append(l.sets, set), append(l.signers, signers)
	}
	l.trust = fromSet(t, apptest.ChainID, l.sets[0])
	return l
}

// block is the block of a height of set i, signed by those whom keep says, which
// names set next as the one that follows.
func (l *lineage) block(height int64, i, next int, keep func(k int) bool) SignedBlock {
	l.T.Helper()
	l.Hashes = make([][]byte, height+1)
	l.Hashes[height-1] = tmhash.Sum([]byte("app"))
	l.ledger.set = l.sets[i]
	h := l.header(height)
	h.NextValidatorsHash = l.sets[next].Hash()
	c := signHeader(l.T, h, l.sets[i], l.signers[i], 0, types.PartSetHeader{Total: 1, Hash: tmhash.Sum([]byte("parts"))}, func(k int) types.BlockIDFlag {
		if keep(k) {
			return types.BlockIDFlagCommit
		}
		return types.BlockIDFlagAbsent
	})
	return SignedBlock{Header: fromHeader(h), Commit: fromCommit(c)}
}

func (l *lineage) vals(i int) []Validator { return fromSet(l.T, apptest.ChainID, l.sets[i]).Validators }

func everybody(int) bool { return true }

// full is the trust root after changes at heights 10, 20, 30, …
func (l *lineage) full() *Trust {
	l.T.Helper()
	t := l.trust
	for i := range len(l.sets) - 1 {
		var err error
		if t, err = t.NewChange(l.block(int64(10*(i+1)), i, i+1, func(k int) bool { return k > 0 }), l.vals(i+1)); err != nil {
			l.T.Fatal(err)
		}
	}
	return t
}

// A trust root follows the validators from set to set, and a block is good only
// when those sign it who were in office at its height.
func TestChanges(t *testing.T) {
	l := newLineage(t, 4)
	full := l.full()
	read, err := ParseTrust(full.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read.Encode(), full.Encode()) {
		t.Error("another trust root after a round trip")
	}
	if h, n := read.Latest(); h != 31 || n != 3 {
		t.Errorf("latest set from %d after %d changes", h, n)
	}
	for height, set := range map[int64]int{2: 0, 9: 0, 10: 0, 11: 1, 20: 1, 21: 2, 30: 2, 31: 3, 1000: 3} {
		for i := range l.sets {
			b := l.block(height, i, i, everybody)
			if _, err := b.verify(read, height); (err == nil) != (i == set) {
				t.Errorf("block %d signed by set %d: %v", height, i, err)
			}
		}
	}
	// The old root believes the first set alone, and of the new one what it proves.
	b := l.block(40, 3, 3, everybody)
	if _, err := b.verify(l.trust, 40); err != errOtherValidators {
		t.Errorf("with the old trust root: %v", err)
	}
	got, err := l.trust.Extend(read)
	if err != nil || !bytes.Equal(got.Encode(), full.Encode()) {
		t.Errorf("extended: %v", err)
	}
	if again, err := got.Extend(read); err != nil || again != got {
		t.Errorf("extended by nothing new: %v", err)
	}
	// A root that begins later takes what comes after it.
	mid, err := NewTrust(apptest.ChainID, 15, l.vals(1))
	if err != nil {
		t.Fatal(err)
	}
	if got, err = mid.Extend(read); err != nil || len(got.Changes) != 2 {
		t.Errorf("a root of height 15 extended: %v", err)
	}
}

// What somebody who brings a trust root up to date could try.
func TestChangesRefused(t *testing.T) {
	l := newLineage(t, 4)
	full := l.full()
	other, err := NewTrust("another-chain", 1, l.vals(0))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Extend(full); err == nil {
		t.Error("a root of another chain was extended")
	}
	for name, c := range map[string]Change{
		"two of four signed":          {l.block(10, 0, 1, func(k int) bool { return k < 2 }), l.vals(1)},
		"signed by the new set":       {l.block(10, 1, 1, everybody), l.vals(1)},
		"another set than announced":  {l.block(10, 0, 1, everybody), l.vals(2)},
		"a set that nobody announced": {l.block(10, 0, 0, everybody), l.vals(1)},
		"nobody follows":              {l.block(10, 0, 1, everybody), nil},
	} {
		bad := *l.trust
		bad.Changes = []Change{c}
		if _, err := l.trust.Extend(&bad); err == nil {
			t.Errorf("%s: extended", name)
		}
		if _, err := ParseTrust(bad.Encode()); err == nil {
			t.Errorf("%s: read", name)
		}
	}
	skip := *l.trust
	skip.Changes = full.Changes[1:]
	if _, err := l.trust.Extend(&skip); err == nil {
		t.Error("extended over a change that is left out")
	}
	twice := *l.trust
	twice.Changes = []Change{full.Changes[0], full.Changes[0]}
	if _, err := ParseTrust(twice.Encode()); err == nil {
		t.Error("a change twice")
	}
	if _, err := full.NewChange(l.block(25, 3, 0, everybody), l.vals(0)); err == nil {
		t.Error("a change before the last one")
	}
	// No byte of a change can be another.
	b := full.Encode()
	end := strings.Index(string(b), `"v": 1`)
	for i := 40; i < end; i += 11 {
		c := bytes.Clone(b)
		c[i] ^= 1
		if x, err := ParseTrust(c); err == nil && bytes.Equal(x.Encode(), b) {
			continue // white space
		} else if err == nil && !bytes.Contains(c[:i], []byte(`"changes"`)) {
			continue // the chain id
		} else if err == nil {
			t.Fatalf("byte %d (%q) changed, and it was read", i, c[max(0, i-20):i+20])
		}
	}
}
