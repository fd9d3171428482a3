package app_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"

	"zhenglian/app"
	"zhenglian/app/apptest"
	"zhenglian/app/row"
	"zhenglian/app/tx"
)

var update = flag.Bool("update", false, "write testdata/apphash.golden anew: read the diff before you commit it")

// story returns the blocks of a chain that uses every kind, on every key type,
// with refused statements among them. It runs on c to learn ids and heights.
func story(c *apptest.Chain, seed uint64, blocks int) (txs [][][]byte) {
	r := rand.New(rand.NewPCG(seed, 1))
	type open struct{ id, head tx.ID }
	var evidence []open
	var waiting, waitingGov []tx.ID
	pick := func() *open { return &evidence[r.IntN(len(evidence))] }
	n := 0
	var g goods
	for range blocks {
		var block [][]byte
		add := func(e *tx.Envelope) tx.ID {
			block = append(block, e.AppendWire(nil))
			return e.ID()
		}
		for range r.IntN(12) {
			n++
			if c.Height == 0 {
				continue
			}
			seal := c.Statement("hangzhou-amr", tx.EvidenceSeal, tx.ID{}, c.Evidence(n))
			switch k := r.IntN(12); {
			case k < 4 || len(evidence) == 0:
				id := add(c.Sign(seal, "officer1", "officer2", []string{"city", "city2", "notary", "court", "platform"}[r.IntN(5)]))
				evidence = append(evidence, open{id, id})
			case k == 4:
				waiting = append(waiting, add(c.Sign(seal, "officer1")))
			case k == 5 && len(waiting) > 0:
				id := waiting[r.IntN(len(waiting))]
				e := &tx.Endorse{Statement: id, Type: tx.Agrees}
				switch r.IntN(3) {
				case 0:
					add(c.Sign(c.Statement("hangzhou-amr", tx.EndorseKind, tx.ID{}, e), "officer2"))
				case 1:
					add(c.Sign(c.Statement("xianyang-amr", tx.EndorseKind, tx.ID{}, e), "city2"))
				case 2:
					e.Type, e.Reason = tx.Objects, "other"
					add(c.Sign(c.Statement("notary-office", tx.EndorseKind, tx.ID{}, e), "notary"))
				}
			case k == 6:
				o := pick()
				o.head = add(c.Sign(c.Statement("platform-a", tx.EvidenceChallenge, o.head, &tx.Challenge{Ground: "not_authentic"}), "platform"))
			case k == 7:
				o := pick()
				o.head = add(c.Sign(c.Statement("internet-court", []tx.Kind{tx.EvidenceUphold, tx.EvidenceReject}[r.IntN(2)], o.head, &tx.Decision{Document: tx.Digest{1}}), "court"))
			case k == 8:
				o := pick()
				signers := []string{"officer1", "officer2"}[:1+r.IntN(2)]
				o.head = add(c.Sign(c.Statement("hangzhou-amr", tx.EvidenceWithdraw, o.head, &tx.Withdraw{Reason: "mistake"}), signers...))
			case k == 9:
				o := pick()
				o.head = add(c.Sign(c.Statement("hangzhou-amr", tx.EvidenceSupersede, o.head, &tx.Supersede{By: pick().id, Reason: "recapture"}), "officer1", "officer2"))
			case k > 9:
				e := govern(c, r, n)
				if add(e); len(e.Signatures) < 4 {
					waitingGov = append(waitingGov, e.ID())
				}
			}
			if len(waitingGov) > 0 && r.IntN(8) == 0 {
				member, key := "xianyang-amr", "city-admin1"
				if r.IntN(2) == 0 {
					member, key = "internet-court", "court-admin1"
				}
				add(c.Sign(c.Statement(tx.MemberID(member), tx.EndorseKind, tx.ID{}, &tx.Endorse{Statement: waitingGov[len(waitingGov)-1], Type: tx.Agrees}), key))
			}
		}
		if c.Height > 0 {
			for range r.IntN(5) {
				add(g.next(c, r))
			}
		}
		if r.IntN(4) == 0 && len(block) > 0 {
			bad := bytes.Clone(block[0])
			bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
			block = append(block, bad, block[0])
		}
		c.Block(block...)
		txs = append(txs, block)
	}
	return txs
}

// govern is a statement of governance: complete, or lacking signatures that may
// come later, or one that the rules refuse.
func govern(c *apptest.Chain, r *rand.Rand, n int) *tx.Envelope {
	var kind tx.Kind
	var body tx.Body
	account := func(name string) tx.AccountID { return c.Keys[name].Public().Account() }
	switch r.IntN(12) {
	case 0:
		kind, body = tx.GovFreeze, &tx.Freeze{Account: account("city2"), Reason: "misuse"}
	case 1:
		kind, body = tx.GovThaw, &tx.Freeze{Account: account("city2"), Reason: "resolved"}
	case 2:
		kind, body = tx.GovMember, &tx.Membership{Action: tx.Suspend, ID: "notary-office"}
	case 3:
		kind, body = tx.GovMember, &tx.Membership{Action: tx.Resume, ID: "notary-office"}
	case 4:
		kind, body = tx.GovMember, &tx.Membership{Action: tx.Admit, ID: tx.MemberID(fmt.Sprintf("lab-%d", n%3)), NameZH: "所", NameEN: "Lab", Roles: []string{"lab"},
			USCC: "91350100M000100Y43", Accounts: []tx.Credential{c.Credential(fmt.Sprint("lab", n), "admin"), c.Credential(fmt.Sprint("lab'", n), "admin")}}
	case 5:
		kind, body = tx.GovMember, &tx.Membership{Action: tx.Leave, ID: tx.MemberID(fmt.Sprintf("lab-%d", n%3))}
	case 6:
		kind, body = tx.GovParams, &tx.Params{AnchorBlocks: 1000 + int64(n), ExpiresBlocks: 100_000, FutureMillis: 120_000, PendingBlocks: 4}
	case 7:
		kind, body = tx.GovPolicy, &tx.PolicyChange{Expr: fmt.Sprintf("OF(%d,officer@issuer)", 1+n%2), From: c.Height + 3, Kind: tx.EvidenceWithdraw}
	case 8:
		kind, body = tx.GovValidator, &tx.ValidatorChange{Key: apptest.ValidatorKey(r.IntN(6)), Member: apptest.Validators[r.IntN(4)], Power: int64(r.IntN(4)) * 10}
	case 9:
		kind, body = tx.GovUpgrade, &tx.Upgrade{Height: c.Height + 10_000, Version: 1 + int64(r.IntN(2))}
	case 10:
		k := c.Credential(fmt.Sprint("officer of story ", n), "officer")
		return c.Own(tx.GovAccount, &tx.AccountChange{Action: tx.Add, New: &k})
	default:
		return c.Sign(c.Statement(apptest.Validators[0], tx.GovReady, tx.ID{}, &tx.Ready{Key: apptest.ValidatorKey(4 + r.IntN(2))}), "admin1")
	}
	if r.IntN(3) == 0 {
		return c.Sign(c.Statement("hangzhou-amr", kind, tx.ID{}, body), "admin1", "admin2", "changsha-admin1")
	}
	return c.Govern(kind, body)
}

// storyFile reads the recorded story. ML-DSA and SM2 signatures are drawn at random, and so
// differ from run to run, so the story is kept on disk and not made anew.
func storyFile(t *testing.T) [][][]byte {
	t.Helper()
	path := filepath.Join("testdata", "story.txs")
	if *update {
		var b bytes.Buffer
		for _, block := range story(apptest.New(t, pendingBlocks(4)), 7, 60) {
			fmt.Fprintf(&b, "block\n")
			for _, tx := range block {
				fmt.Fprintf(&b, "%x\n", tx)
			}
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var blocks [][][]byte
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "block" {
			blocks = append(blocks, nil)
			continue
		}
		var tx []byte
		if _, err := fmt.Sscanf(line, "%x", &tx); err != nil {
			t.Fatal(err)
		}
		blocks[len(blocks)-1] = append(blocks[len(blocks)-1], tx)
	}
	return blocks
}

// The app hash of every block of a recorded chain, and the code of every
// transaction, are what they were when the protocol version was released. Run
// again without cgo, because that is another implementation of secp256k1.
func TestGoldenAppHashes(t *testing.T) {
	c := apptest.New(t, pendingBlocks(4))
	var b strings.Builder
	fmt.Fprintf(&b, "genesis %x\n", c.Hashes[0])
	seen := make(map[tx.Code]int)
	for i, block := range storyFile(t) {
		rs := c.Block(block...)
		fmt.Fprintf(&b, "%d %x", i+1, c.Hashes[i+1])
		for _, r := range rs {
			fmt.Fprintf(&b, " %d", r.Code)
			seen[tx.Code(r.Code)]++
		}
		fmt.Fprintln(&b)
	}
	if seen[tx.CodeOK] < 100 || len(seen) < 12 {
		t.Errorf("the story exercises too little: %v", seen)
	}
	path := filepath.Join("testdata", "apphash.golden")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != string(want) {
		t.Errorf("app hashes differ from the released ones:\ngot\n%s\nwant\n%s", got, want)
	}
}

func TestGoldenWithoutCgo(t *testing.T) {
	if os.Getenv("CGO_ENABLED") == "0" {
		return // this is the run without cgo
	}
	cmd := exec.Command("go", "test", "-count=1", "-run", "^TestGoldenAppHashes$", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("without cgo: %v\n%s", err, out)
	}
}

// Two applications get the same blocks; one of them runs on one core, the other
// on many, and is asked and checked all the time. Their hashes agree after every
// block, and so does one that replays everything from block 1.
func TestSameBlocksSameHashes(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			old := runtime.GOMAXPROCS(8)
			defer runtime.GOMAXPROCS(old)
			busy := apptest.New(t, pendingBlocks(3))
			stop := make(chan struct{})
			var wg sync.WaitGroup
			work := make(chan []byte, 64)
			for range 3 {
				wg.Go(func() {
					for {
						select {
						case <-stop:
							return
						case tx := <-work:
							checkAndQuery(t, busy.App, tx)
						}
					}
				})
			}
			blocks := story(apptest.New(t, pendingBlocks(3)), seed, 25)
			for _, block := range blocks {
				for _, tx := range block {
					select {
					case work <- tx:
					default:
					}
				}
				if _, err := busy.App.PrepareProposal(context.Background(), &abci.RequestPrepareProposal{Txs: block, MaxTxBytes: 1 << 20, Time: apptest.Start}); err != nil {
					t.Fatal(err)
				}
				busy.Block(block...)
			}
			close(stop)
			wg.Wait()

			runtime.GOMAXPROCS(1)
			calm := apptest.New(t, pendingBlocks(3))
			for i, block := range blocks {
				calm.Block(block...)
				if !bytes.Equal(calm.Hashes[i+1], busy.Hashes[i+1]) {
					t.Fatalf("block %d: %x and %x", i+1, calm.Hashes[i+1], busy.Hashes[i+1])
				}
				if i%7 == 3 {
					calm.Reopen()
				}
			}
		})
	}
}

func checkAndQuery(t *testing.T, a *app.App, tx []byte) {
	ctx := context.Background()
	if _, err := a.CheckTx(ctx, &abci.RequestCheckTx{Tx: tx}); err != nil {
		t.Error(err)
	}
	if _, err := a.Query(ctx, &abci.RequestQuery{Path: "/state", Data: row.ParamsKey(), Prove: true}); err != nil {
		t.Error(err)
	}
	if _, err := a.ProcessProposal(ctx, &abci.RequestProcessProposal{Txs: [][]byte{tx}}); err != nil {
		t.Error(err)
	}
}
