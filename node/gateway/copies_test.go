package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cmttypes "github.com/cometbft/cometbft/types"

	"zhenglian/app/apptest"
	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/store"
	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
	clientlist "zhenglian/client/list"
)

// A rowChain is a store whose rows a test writes, signed by one validator.
type rowChain struct {
	*testChain
	store *store.Store
	key   ed25519.PrivKey
	root  *receipt.Trust
}

func (c *rowChain) Store() *store.Store   { return c.store }
func (c *rowChain) Trust() *receipt.Trust { return c.root }

func (c *rowChain) SignedBlock(height int64) (receipt.SignedBlock, error) {
	head, err := c.store.HeadAt(height - 1)
	if err != nil {
		return receipt.SignedBlock{}, err
	}
	some := func(what string) []byte { d := sha256.Sum256([]byte(what)); return d[:] }
	set := c.root.ValidatorsHash()
	at := apptest.Start.Add(time.Duration(height) * time.Second)
	h := receipt.Header{
		BlockVersion: 11, AppVersion: 1, ChainID: apptest.ChainID, Height: height, Time: receipt.TimeOf(at),
		LastBlockID:    receipt.BlockID{Hash: some("block"), PartsTotal: 1, PartsHash: some("parts")},
		LastCommitHash: some("commit"), DataHash: some("data"), ValidatorsHash: set[:], NextValidatorsHash: set[:],
		ConsensusHash: some("consensus"), AppHash: head.AppHash[:], LastResultsHash: some("results"), EvidenceHash: some("evidence"),
		ProposerAddress: c.key.PubKey().Address(),
	}
	hash := h.Hash()
	v := cmttypes.Vote{Type: 2, Height: height, Timestamp: at,
		BlockID: cmttypes.BlockID{Hash: hash[:], PartSetHeader: cmttypes.PartSetHeader{Total: 1, Hash: some("these")}}}
	sig, err := c.key.Sign(cmttypes.VoteSignBytes(apptest.ChainID, v.ToProto()))
	return receipt.SignedBlock{Header: h, Commit: receipt.Commit{PartsTotal: 1, PartsHash: some("these"),
		Signatures: []receipt.Signature{{Time: receipt.TimeOf(at), Sig: sig}}}}, err
}

// newRowChain is a gateway over heights, each with so many more subjects on the
// list of serious dishonesty.
func newRowChain(t testing.TB, perHeight ...int) (*rowChain, *Gateway, *httptest.Server) {
	t.Helper()
	s, err := store.Open("/s", store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	c := &rowChain{testChain: newTestChain(t), store: s, key: ed25519.GenPrivKeyFromSecret([]byte("one"))}
	if c.root, err = receipt.NewTrust(apptest.ChainID, 1, []receipt.Validator{{PubKey: [32]byte(c.key.PubKey().Bytes()), Power: 1}}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, more := range perHeight {
		b := s.Begin(int64(i + 1))
		b.Set(row.ParamsKey(), []byte("{}"))
		for range more {
			b.Set(row.SubjectKey(tx.SeriousDishonest, testTag(n)), row.Subject{{Seq: uint64(n), State: row.Published, From: tx.Civil(2026, 4, 1), Until: tx.Civil(2029, 4, 1)}}.Encode())
			n++
		}
		if _, err := b.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	g, err := New(Config{}, Options{Chain: c})
	if err != nil {
		t.Fatal(err)
	}
	g.Decided(int64(len(perHeight)) + 1)
	srv := httptest.NewServer(g.Handler())
	t.Cleanup(func() { srv.Close(); s.Close() })
	return c, g, srv
}

func testTag(n int) tx.Digest { return sha256.Sum256(fmt.Append(nil, n)) }

func TestCopies(t *testing.T) {
	c, g, srv := newRowChain(t, 300, 5, 0)
	cl, err := client.New(client.Config{Gateway: srv.URL, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	one, err := cl.Snapshot(ctx, tx.SeriousDishonest, 1, c.root)
	if err != nil || one.Len() != 300 || one.Head().Height != 1 {
		t.Fatalf("snapshot of height 1: %v", err)
	}
	newest, err := cl.Snapshot(ctx, tx.SeriousDishonest, 0, c.root)
	if err != nil || newest.Len() != 305 || newest.Head().Height != 3 || !newest.Has(testTag(304)) || newest.Has(testTag(305)) {
		t.Fatalf("newest snapshot: %v", err)
	}
	updated, err := cl.Update(ctx, one, c.root)
	if err != nil || updated.Base() != newest.Base() {
		t.Fatalf("update: %v", err)
	}
	a, _ := newest.Encode()
	b, _ := updated.Encode()
	if !bytes.Equal(a, b) {
		t.Error("the delta leads to another snapshot")
	}
	if s, err := cl.Snapshot(ctx, tx.NegativeIndex, 0, c.root); err != nil || s.Len() != 0 {
		t.Errorf("an empty list: %v", err)
	}
	other, err := receipt.NewTrust(apptest.ChainID, 1, []receipt.Validator{{PubKey: [32]byte{1}, Power: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cl.Snapshot(ctx, tx.SeriousDishonest, 0, other); !errors.Is(err, clientlist.ErrProof) {
		t.Errorf("with another trust root: %v", err)
	}

	get := func(path string, header ...string) *http.Response {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	const list = "/v1/lists/serious_dishonest/"
	res := get(list + "snapshot")
	body, _ := io.ReadAll(res.Body)
	if !bytes.Equal(body, a) || res.Header.Get("Cache-Control") != "no-cache" || res.Header.Get("Content-Type") != api.MediaListSnapshot ||
		res.Header.Get("Content-Location") != list+"snapshot?height=3" {
		t.Errorf("newest: %v", res.Header)
	}
	etag := res.Header.Get("ETag")
	for path, cache := range map[string]string{"snapshot": "no-cache", "snapshot?height=3": immutable} {
		res := get(list+path, "If-None-Match", etag)
		if res.StatusCode != http.StatusNotModified || res.Header.Get("Cache-Control") != cache || res.Header.Get("ETag") != etag {
			t.Errorf("%s again: %s %v", path, res.Status, res.Header)
		}
	}
	if res := get(list+"snapshot?height=2", "If-None-Match", etag); res.StatusCode != http.StatusOK || res.Header.Get("ETag") == etag {
		t.Errorf("another height: %s", res.Status)
	}
	if res := get(list+"delta?since=1", "If-None-Match", etag); res.StatusCode != http.StatusOK || res.Header.Get("ETag") == etag {
		t.Errorf("a delta: %s", res.Status)
	}
	for path, status := range map[string]int{
		"/v1/lists/blacklist/snapshot": 404, list + "snapshot?height=0": 400, list + "snapshot?height=x": 400, list + "snapshot?height=99": 400,
		list + "snapshot?height=1&height=2": 400, list + "snapshot?since=1": 400, list + "snapshot?height=4": 503,
		list + "delta": 400, list + "delta?since=0": 400, list + "delta?since=3&height=2": 400, list + "delta?since=99": 400,
		list + "delta?since=1&more=1": 400,
	} {
		res := get(path)
		if res.StatusCode != status || res.Header.Get("Content-Type") != api.MediaProblem {
			t.Errorf("%s: %s %s, want %d", path, res.Status, res.Header.Get("Content-Type"), status)
		}
	}
	g.Decided(5) // a header that is ahead of the state proves nothing yet
	if res := get(list + "snapshot?height=4"); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("ahead of the state: %s", res.Status)
	}
}

// A copy is made once; who comes while too many are being made comes again.
func TestCopiesAreKept(t *testing.T) {
	_, g, _ := newRowChain(t, 2000)
	c := &copies{l: g.ledger, making: make(chan struct{}, 1), kept: newCache[copyKey, []byte](copiesKept)}
	view, block, err := c.at(1)
	if err != nil {
		t.Fatal(err)
	}
	k := copyKey{tx.SeriousDishonest, 1, 0}
	keep := &keeper{max: copyKept}
	if err := c.write(keep, k, view, nil, block); err != nil || keep.over {
		t.Fatal(err)
	}
	small := &keeper{max: len(keep.b) - 1}
	if err := c.write(small, k, view, nil, block); err != nil || !small.over || small.b != nil {
		t.Errorf("over its bound: %t, %d bytes, %v", small.over, len(small.b), err)
	}
}

func TestCopiesShed(t *testing.T) {
	_, _, srv := newRowChain(t, 3000)
	var wg sync.WaitGroup
	codes := make(chan int, 16)
	for i := range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			res, err := http.Get(srv.URL + "/v1/lists/" + tx.Lists()[i%4].String() + "/snapshot")
			if err != nil {
				t.Error(err)
				return
			}
			b, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode == http.StatusTooManyRequests && (res.Header.Get("Retry-After") == "" || !strings.Contains(string(b), api.CodeOverloaded)) {
				t.Errorf("refused without saying when to come again: %s", b)
			}
			codes <- res.StatusCode
		}()
	}
	wg.Wait()
	close(codes)
	ok := 0
	for code := range codes {
		switch code {
		case http.StatusOK:
			ok++
		case http.StatusTooManyRequests:
		default:
			t.Errorf("status %d", code)
		}
	}
	if ok == 0 {
		t.Error("nobody was served")
	}
}
