package main

import (
	"context"
	"fmt"

	"zhenglian/app/tx"
)

// crowd is the ledger with statements of four members in turn, so that each of
// four validators has those of a member of its own. The last is the one who floods.
type crowd struct{ *ledgerWorkload }

// crowdMembers are the members and the keys that sign for them.
var crowdMembers = [4]struct {
	member tx.MemberID
	key    string
}{{"xianyang-amr", "city"}, {"changsha-amr", "changsha"}, {"qijiang-amr", "qijiang"}, {"hangzhou-amr", "officer1"}}

func newCrowd(sigs int) (Workload, error) {
	if sigs != 1 {
		return nil, fmt.Errorf("members that state alone have one signature")
	}
	w, err := newLedger(sigs)
	if err != nil {
		return nil, err
	}
	return crowd{w.(*ledgerWorkload)}, nil
}

// Tx implements Workload.
func (c crowd) Tx(i int) ([]byte, error) {
	m := crowdMembers[i%len(crowdMembers)]
	return c.seal(i, m.member, c.byName[m.key])
}

// flooder is the index of the validator whose member floods.
const flooder = len(crowdMembers) - 1

// spamPool is the rate for which the statements of a flood are made beforehand.
const spamPool = 2_000

// spam measures single submissions of one member, through its gateway until the
// receipt is in hand, while another submits through its own validator all that is
// taken; the ceiling is the same with nobody else.
func spam(ctx context.Context, b *bench) (pair, error) {
	if b.subject != "ledger" {
		return pair{}, fmt.Errorf("%s has no members", b.subject)
	}
	n := b.network("spam", len(crowdMembers), 1, spec{Mode: spamming, Samples: b.scale.samples, Gateway: true})
	n.subject = "ledger.crowd"
	const seconds = 0.5 // of a sample, pause and all
	if err := n.open(len(crowdMembers) * max(spamWarm+b.scale.samples, int(spamPool*seconds*float64(b.scale.samples)))); err != nil {
		return pair{}, err
	}
	defer n.close()
	var ps []pair
	for i := range b.scale.pairs {
		var rs [2]result
		for j, flood := range []bool{false, true} {
			n.spec.Flood = flood
			r, err := n.run(ctx, false)
			if err != nil {
				return pair{}, err
			}
			fmt.Fprintf(b.progress, "%s %d/%d flood %-5v %s; %.0f statements/s in blocks\n", n.name, i+1, b.scale.pairs, flood, r, r.Rate)
			rs[j] = r
		}
		if rs[1].Rate < 2*rs[0].Rate {
			return pair{}, fmt.Errorf("that was no flood: %.0f statements/s", rs[1].Rate)
		}
		ps = append(ps, pair{value: at(rs[1].Latencies, 0.99), ceiling: at(rs[0].Latencies, 0.99)})
	}
	return median(ps), nil
}

// spamWarm is how many submissions go before those that are measured: while a
// member is alone its blocks are as large as they can be, and whoever comes then
// waits for one of those.
const spamWarm = 5

// spamming is oneByOne of validator 0, and all that is taken of the one that floods.
func (d *driver) spamming(ctx context.Context) (result, error) {
	switch {
	case d.spec.Index == 0:
		return d.oneByOne(ctx, spamWarm)
	case d.spec.Index == flooder && d.spec.Flood:
		for range submitters {
			go d.submitAll(ctx) // until the process is told to stop
		}
	}
	return result{}, nil
}
