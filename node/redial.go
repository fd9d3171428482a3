package node

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/cometbft/cometbft/p2p"
)

// keepDialing keeps a connection to a peer (nodeid@host:port) until ctx ends.
//
// CometBFT's own persistent peers would not do. Without peer exchange it tries
// every 5 to 8 s for two minutes, then ever more seldom, gives up after a day, and
// looks a host name up only once; its persistent_peers_max_dial_period is read by
// peer exchange alone. A member that was away for a week must come back by itself.
func (n *Node) keepDialing(ctx context.Context, peer string) {
	id, _, _ := strings.Cut(peer, "@")
	sw := n.comet.Switch()
	pause := time.Duration(n.cfg.P2P.Redial)

	// Of two members that dial each other at the same moment, each may keep the
	// connection that the other drops. The smaller id goes first.
	wait := time.Duration(0)
	if id < string(n.comet.NodeInfo().ID()) {
		wait = pause
	}
	reported := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		wait = pause/2 + rand.N(pause)
		if sw.Peers().Has(p2p.ID(id)) {
			reported = false
			continue
		}
		addr, err := p2p.NewNetAddressString(peer)
		if err == nil {
			err = sw.DialPeerWithAddress(addr)
		}
		var busy p2p.ErrCurrentlyDialingOrExistingAddress
		switch {
		case err == nil:
			n.log.Info("peer connected", "peer", peer)
			reported = false
		case !errors.As(err, &busy) && !reported && ctx.Err() == nil:
			n.log.Warn("peer is unreachable, will keep trying", "peer", peer, "err", err)
			reported = true
		}
	}
}
