package bundle_test

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"zhenglian/app/receipt"
	"zhenglian/client/bundle"
	"zhenglian/client/bundle/bundletest"
)

// A witness that cosigned the log narrows the interval: the statement was in it by
// then, whatever the validators say.
func TestWitnessNarrowsInterval(t *testing.T) {
	k := bundletest.New(t, 10)
	r, err := receipt.Parse(k.Contents.Receipt)
	if err != nil {
		t.Fatal(err)
	}
	secret := ed25519.NewKeyFromSeed(make([]byte, 32))
	key, err := receipt.NewNoteKey("court.example/w1", receipt.AlgWitness, secret.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	policy, err := receipt.ParseWitnessPolicy(fmt.Appendf(nil, "witness court %s\nquorum court\n", key))
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]struct {
		after    string
		interval receipt.Result
	}{
		"2026-11-23T08:00:12Z": {"2026-11-23T08:00:12.000Z", receipt.Pass},
		"2026-11-23T09:00:00Z": {"2026-11-23T08:00:13.000Z", receipt.Pass}, // the block is earlier
		"2026-11-23T07:00:00Z": {"2026-11-23T07:00:00.000Z", receipt.Warn}, // before the anchor: a clock is wrong
	} {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		w := &receipt.Witnessed{LogSize: r.LogSize, LogRoot: r.LogRoot}
		text := w.Checkpoint(r.Chain).Text()
		sig := binary.BigEndian.AppendUint32(nil, key.KeyHash())
		sig = binary.BigEndian.AppendUint64(sig, uint64(moment.Unix()))
		sig = append(sig, ed25519.Sign(secret, receipt.CosignedText(moment.Unix(), text))...)
		w.Cosignatures = []receipt.Cosignature{{Name: key.Name(), Sig: sig}}
		with := *r
		with.Witnessed = w
		if k.Contents.Receipt, err = with.EncodeJSON(); err != nil {
			t.Fatal(err)
		}
		rep := verify(t, k.Bytes(t), k, bundle.Options{TSARoots: k.TSARoots, Witnesses: policy})
		if c := rep.Check("witnesses"); c.Result != receipt.Pass {
			t.Errorf("%s: %s", at, c.Sentence.EN)
		}
		if got := rep.Bundle.NotAfter; got == nil || got.At != want.after || rep.Check("interval").Result != want.interval {
			t.Errorf("%s: not after %+v, %s", at, got, rep.Check("interval").Sentence.EN)
		}
	}
}
