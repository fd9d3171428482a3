package node_test

import (
	"fmt"
	"testing"
	"time"

	"zhenglian/node"
)

func TestFourNodes(t *testing.T) {
	t.Parallel()
	cfgs := testnet(t, 4, genesis)
	ms := make([]*member, len(cfgs))
	for i, c := range cfgs {
		ms[i] = start(t, c, nil)
	}
	for i, m := range ms {
		m.send(fmt.Sprint("all four, by ", i))
	}
	eventually(t, "all connected", func() bool {
		s, err := ms[0].Status()
		return err == nil && len(s.Peers) == 3 && s.Validators.Size() == 4 && !s.CatchingUp
	})

	// One of four stopped: goes on.
	ms[3].stop()
	ms[0].send("three of four")

	// Two of four stopped: halts, without forking or failing.
	ms[2].stop()
	if err := ms[0].Submit([]byte("two of four")); err != nil {
		t.Fatal(err)
	}
	height := ms[0].height()
	time.Sleep(1500 * time.Millisecond) // several propose timeouts
	// One block may have been decided by the votes of the third before it left.
	if h := ms[0].height(); h > height+1 {
		t.Errorf("two of four went on from %d to %d", height, h)
	}

	// Both come back: the chain recovers by itself.
	ms[2] = start(t, cfgs[2], nil)
	ms[3] = start(t, cfgs[3], nil)
	ms[1].send("four again")
	ms[3].send("by the one longest away")
	for i, m := range ms {
		eventually(t, fmt.Sprint("recovery of ", i), func() bool { return m.Ready() == nil })
		m.checkHeaders()
	}
	checkSame(t, ms)
	for i, m := range ms {
		m.stop()
		if m.err != nil {
			t.Errorf("node %d: %v", i, m.err)
		}
	}
}

// checkSame verifies that all nodes have the same blocks.
func checkSame(t *testing.T, ms []*member) {
	t.Helper()
	top := ms[0].height()
	for _, m := range ms {
		eventually(t, "same height", func() bool { return m.height() >= top })
	}
	for h := int64(1); h <= top; h++ {
		want, _, err := ms[0].SignedHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range ms[1:] {
			got, _, err := m.SignedHeader(h)
			if err != nil {
				t.Fatal(err)
			}
			if got.Hash().String() != want.Hash().String() {
				t.Errorf("node %d has another block %d", i+1, h)
			}
		}
	}
}

func TestLateJoiner(t *testing.T) {
	t.Parallel()
	cfgs := testnet(t, 4, genesis)
	var ms []*member
	for _, c := range cfgs[:3] {
		ms = append(ms, start(t, c, nil))
	}
	for i := range 8 {
		ms[i%3].send(fmt.Sprint("before ", i))
	}
	top := ms[0].height()

	late := start(t, cfgs[3], nil)
	var early error
	eventually(t, "late joiner running", func() bool {
		early = late.Submit([]byte("too early"))
		return early != node.ErrStopped
	})
	eventually(t, "late joiner ready", func() bool { return late.Ready() == nil && late.height() >= top })
	if early != node.ErrCatchingUp {
		t.Errorf("submitting to the late joiner in block sync: %v", early)
	}
	late.send("from the late joiner")
	late.checkHeaders()
	checkSame(t, append(ms, late))
	late.stop()
	late.checkObserved()
	if late.decided[0] != 1 {
		t.Errorf("block sync was observed from height %d", late.decided[0])
	}
}
