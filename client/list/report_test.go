package list

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/tx"
)

func sweeper(t testing.TB) (*chain, *Sweeper) {
	c := newChain(t)
	g, shops := testTagger(t, L, 1, USCC), testTagger(t, L, 1, Shop)
	c.block(func(put func(k, v []byte)) {
		put(row.ParamsKey(), []byte("{}"))
		put(row.SubjectKey(L, g.tag([]byte(uscc(1)))), append(subjectOf(1), subjectOf(4)...).Encode())
		put(row.SubjectKey(L, shops.tag([]byte("platform-a/7"))), subjectOf(2).Encode())
	})
	w, err := NewSweeper(c.read(1, L), g, shops)
	if err != nil {
		t.Fatal(err)
	}
	return c, w
}

func TestSweep(t *testing.T) {
	c, w := sweeper(t)
	for format, file := range map[string]string{
		CSV: "\ufeffid,name,uscc,shop\n" +
			"a,\"A, B\"," + uscc(0) + ",platform-a/6\n" +
			"b,x," + uscc(1) + ",platform-a/7\n" +
			"c,x,,platform-a/7\n" +
			"d,x,913301,platform-a/8\n" +
			"e,x,,\n",
		NDJSON: fmt.Sprintf(`{"id":"a","uscc":%q,"shop":"platform-a/6","phone":"13800000000"}
{"id":"b","uscc":%q,"shop":"platform-a/7","name":"x"}
{"id":"c","shop":"platform-a/7"}

{"id":"d","uscc":"913301","shop":"platform-a/8"}
{"id":"e"}
`, uscc(0), uscc(1)),
	} {
		var matches []Match
		var skipped []Skipped
		rep, err := w.Sweep(strings.NewReader(file), format, Sink{
			func(m Match) error { matches = append(matches, m); return nil },
			func(s Skipped) error { skipped = append(skipped, s); return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		if rep.Lines != 4 || rep.Checked != 6 || rep.Matched != 2 || rep.Skipped != 1 || rep.Subjects != 2 || rep.Height != 1 || !rep.Statutory {
			t.Errorf("%s: %+v", format, rep)
		}
		if rep.Input != sha256.Sum256([]byte(file)) {
			t.Errorf("%s: digest of the input", format)
		}
		if len(matches) != 2 || matches[0].ID != "b" || matches[0].Type != USCC || len(matches[0].Entries) != 2 || matches[0].Entries[1].Seq != 4 ||
			matches[0].Entries[0].Until != "2029-04-01" || matches[1].ID != "c" || matches[1].Type != Shop {
			t.Errorf("%s: %+v", format, matches)
		}
		if len(skipped) != 1 || skipped[0].ID != "d" || strings.Contains(skipped[0].Reason, "913301") {
			t.Errorf("%s: %+v", format, skipped)
		}
		// The report proves the state by itself.
		b, err := json.Marshal(rep)
		if err != nil {
			t.Fatal(err)
		}
		var again struct {
			Head    receipt.StateHead `json:"head"`
			AppHash tx.Digest         `json:"app_hash"`
		}
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatal(err)
		}
		if err := again.Head.Verify(c.trust); err != nil || !bytes.Equal(again.AppHash[:], again.Head.Block.Header.AppHash) {
			t.Errorf("%s: %v", format, err)
		}
	}
	stop := errors.New("stop")
	for name, x := range map[string]struct{ format, file string }{
		"format": {"xml", "<a/>"}, "empty": {CSV, ""}, "no column": {CSV, "id,name\n1,2\n"}, "column without key": {CSV, "phone\n13800000000\n"},
		"ragged": {CSV, "id,uscc\n1\n"}, "no JSON": {NDJSON, "{\n"}, "stopped": {CSV, "uscc\n" + uscc(1) + "\n"}, "stopped by what is skipped": {CSV, "uscc\n1\n"},
	} {
		if rep, err := w.Sweep(strings.NewReader(x.file), x.format, Sink{func(Match) error { return stop }, func(Skipped) error { return stop }}); err == nil {
			t.Errorf("%s: %+v", name, rep)
		}
	}
}
