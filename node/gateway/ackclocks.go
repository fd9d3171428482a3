package gateway

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zhenglian/app/row"
	"zhenglian/app/state"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// What consumers of lists owe — an acknowledgement of each notice by a day — is
// no clock of the state: ten thousand consumers and entries would be as many
// rows. It is shown among the clocks all the same, after them, and the rows of
// the consumer and of the notice prove it.

func ackRoutes(h huma.API, l *ledger) {
	register(h, huma.Operation{
		OperationID: "proveListAck", Method: http.MethodGet, Path: api.PathListAckProof, Tags: []string{"verify"},
		Summary: "Proof that a consumer has not, or has, acknowledged a notice, to be verified offline · 使用方确认情况的证明",
		Description: "Two state proofs (application protocol, §7) of one block: of the consumer's row, which says up to which notice it has acknowledged, and of the notice, which says until when it should have.\n\n" +
			"同一区块的两份状态证明：使用方行载明已确认至何号通知，通知行载明确认期限；可离线核验。",
	}, func(_ context.Context, in *struct {
		ListPath
		Number uint64 `path:"number" minimum:"1" doc:"of the notice"`
		Member string `path:"member" pattern:"^[a-z][a-z0-9-]{1,31}$" doc:"the consumer"`
	}) (*proofBody, error) {
		b, err := l.ListAckProof(in.list(), in.Number, tx.MemberID(in.Member))
		if err != nil {
			return nil, err
		}
		return &proofBody{Body: b}, nil
	})
}

// ListAckProof proves how far a consumer has acknowledged a list, and until when
// it should have acknowledged a notice.
func (l *ledger) ListAckProof(list tx.List, number uint64, m tx.MemberID) ([]byte, error) {
	v, block, err := l.receipts.newest()
	if errors.Is(err, errNoProof) {
		return nil, retryLater(api.CodeNotReady, 1)
	}
	if err != nil {
		return nil, err
	}
	var out api.ListAckProof
	for _, part := range []struct {
		key []byte
		to  *json.RawMessage
	}{{row.ConsumerKey(list, m), &out.Consumer}, {row.NoticeKey(list, number), &out.Notice}} {
		p, err := l.receipts.proof(v, block, part.key)
		if err != nil {
			return nil, err
		}
		if p.Row.Value == nil {
			return nil, api.NewProblem(api.CodeNotFound, fmt.Sprintf("%s is no consumer of %s, or there is no notice %d", m, list, number))
		}
		if *part.to, err = p.EncodeJSON(); err != nil {
			return nil, err
		}
	}
	return json.Marshal(out)
}

// acks puts what consumers owe on the page. Its cursor is the consumer's key, the
// number of the notice that was looked at last, in eight bytes, and a zero.
func (s *clockScan) acks(ctx context.Context, matter uint64, ofMatter bool) error {
	from, number := []byte(nil), uint64(0)
	if n := len(s.after) - 9; n > 0 && s.after[0] == row.ConsumerKey(1, "")[0] {
		from, number = s.after[:n], binary.BigEndian.Uint64(s.after[n:])
	}
	today := tx.DateOf(tx.Time(s.view.Head().Time))
	for _, l := range tx.Lists() {
		members, rows, err := consumers(s.view, l)
		if err != nil {
			return err
		}
		for i := range rows {
			key := row.ConsumerKey(l, members[i])
			at := bytes.Compare(key, from)
			if rows[i].Released || s.query.Member != "" && members[i] != s.query.Member || at < 0 {
				continue
			}
			after := rows[i].Through
			if at == 0 {
				after = max(after, number)
			}
			if err := s.owed(ctx, l, members[i], &rows[i], after, today, matter, ofMatter); err != nil || s.page.HasMore {
				return err
			}
		}
	}
	return nil
}

// owed puts what one consumer owes of the notices after a number on the page.
func (s *clockScan) owed(ctx context.Context, l tx.List, m tx.MemberID, c *row.Consumer, after uint64, today tx.Date, matter uint64, ofMatter bool) error {
	start, end := row.NoticeKey(l, after+1), []byte(nil)
	_, end = row.NoticeRange(l)
	var bad error
	err := s.view.Iterate(start, end, func(key, value []byte) bool {
		if !ofMatter && s.full() {
			return false
		}
		number := row.NoticeNumber(key)
		s.look(binary.BigEndian.AppendUint64(row.ConsumerKey(l, m), number), 0)
		var n row.Notice
		if n, bad = row.DecodeNotice(value); bad == nil {
			bad = ctx.Err()
		}
		due := c.Due(number, &n)
		if bad != nil || due == 0 || ofMatter && n.Entry != matter {
			return bad == nil
		}
		k := api.Clock{Code: state.ListAck, Member: m, Seq: n.Entry, State: api.ClockRunning, Due: due, List: l.String(), Notice: number, Began: n.Height, Since: n.Height, AsOf: s.view.Head().Height}
		if n.Action == row.Lift {
			k.Code = state.ListWithdraw
		}
		if today > due {
			k.State = api.ClockOverdue
		}
		if want := s.query.State; want != "" && want != api.ClockOpen && want != k.State {
			return true
		}
		if k.Matter, _, bad = proposalAt(s.view, n.Entry); bad != nil {
			return false
		}
		head, err := s.store.HeadAt(n.Height)
		if bad = err; bad == nil {
			k.From = tx.DateOf(tx.Time(head.Time))
			s.page.Data = append(s.page.Data, k)
		}
		return bad == nil
	})
	return errors.Join(err, bad)
}
