package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"

	"zhenglian/app/receipt"
	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/client/api"
)

// Clocks implements [api.Ledger].
func (c *Client) Clocks(ctx context.Context, q api.ClockQuery) (*api.Page[api.Clock], error) {
	v := pageQuery(q.Limit, q.Cursor)
	if q.Member != "" {
		v.Set("member", string(q.Member))
	}
	if q.State != "" {
		v.Set("state", q.State)
	}
	if !q.Matter.IsZero() {
		v.Set("matter", q.Matter.String())
	}
	return named(get[api.Page[api.Clock]](ctx, c, api.PathClocks, v))("clocks")
}

// AllClocks goes through every page of a list of clocks. It ends after the first
// error, which comes with a zero Clock.
func (c *Client) AllClocks(ctx context.Context, q api.ClockQuery) iter.Seq2[api.Clock, error] {
	return pages(func(cursor string) (*api.Page[api.Clock], error) {
		q.Cursor = cursor
		return c.Clocks(ctx, q)
	})
}

// Clock implements [api.Ledger].
func (c *Client) Clock(ctx context.Context, seq uint64, m tx.MemberID, code tx.ClockCode) (*api.Clock, error) {
	return named(get[api.Clock](ctx, c, api.ClockURL(seq, m, code), nil))("clock " + string(code))
}

// ClockProof implements [api.Ledger].
func (c *Client) ClockProof(ctx context.Context, seq uint64, m tx.MemberID, code tx.ClockCode) ([]byte, error) {
	var b []byte
	if err := c.do(ctx, request{method: http.MethodGet, path: api.ClockURL(seq, m, code) + "/proof"}, whole(&b)); err != nil {
		return nil, fmt.Errorf("proof of clock %s: %w", code, err)
	}
	return b, nil
}

// RuleSets implements [api.Ledger].
func (c *Client) RuleSets(ctx context.Context) (*api.Page[api.RuleSet], error) {
	return named(get[api.Page[api.RuleSet]](ctx, c, api.PathRuleSets, nil))("rule sets")
}

// Calendars implements [api.Ledger].
func (c *Client) Calendars(ctx context.Context) (*api.Page[api.Calendar], error) {
	return named(get[api.Page[api.Calendar]](ctx, c, api.PathCalendars, nil))("calendars")
}

// ListAckProof fetches the proof of how far a consumer has acknowledged a list,
// and until when it should have acknowledged a notice.
func (c *Client) ListAckProof(ctx context.Context, l tx.List, number uint64, m tx.MemberID) ([]byte, error) {
	var b []byte
	if err := c.do(ctx, request{method: http.MethodGet, path: api.ListAckProofURL(l, number, m)}, whole(&b)); err != nil {
		return nil, fmt.Errorf("proof of the acknowledgement of notice %d of %s: %w", number, l, err)
	}
	return b, nil
}

// VerifyListAck checks offline what such a proof says: api.ClockOverdue when no
// block before the end of the last day has the acknowledgement, api.ClockStopped
// when it is there, else api.ClockRunning. Seq is the entry's.
func VerifyListAck(proof []byte, l tx.List, number uint64, m tx.MemberID, t *receipt.Trust) (*ProvenClock, error) {
	var parts api.ListAckProof
	if err := json.Unmarshal(proof, &parts); err != nil {
		return nil, fmt.Errorf("proof of an acknowledgement: %w", err)
	}
	var values [2][]byte
	out := &ProvenClock{}
	for i, part := range []struct {
		raw json.RawMessage
		key []byte
	}{{parts.Consumer, row.ConsumerKey(l, m)}, {parts.Notice, row.NoticeKey(l, number)}} {
		p, err := receipt.ParseStateProof(part.raw)
		if err != nil {
			return nil, err
		}
		if values[i], err = receipt.VerifyRow(p, part.key, t); err != nil {
			return nil, err
		}
		if values[i] == nil {
			return nil, fmt.Errorf("the proof shows that there is no row %x", part.key)
		}
		if i == 1 && p.Height != out.Height {
			return nil, fmt.Errorf("the two parts are of blocks %d and %d", out.Height, p.Height)
		}
		out.Height, out.SealedAt = p.Height, p.Block.Header.Time.Tx()
	}
	c, err := row.DecodeConsumer(values[0])
	if err != nil {
		return nil, fmt.Errorf("consumer: %w", err)
	}
	n, err := row.DecodeNotice(values[1])
	if err != nil {
		return nil, fmt.Errorf("notice: %w", err)
	}
	out.ClockID = row.ClockID{Code: "LIST_ACK", Matter: n.Entry, Member: m}
	if n.Action == row.Lift {
		out.Code = "LIST_WITHDRAW"
	}
	// What a later block has comes after the time of the header that signs this state.
	switch out.Due = c.Due(number, &n); {
	case c.Released || c.Through >= number:
		out.State = api.ClockStopped
	case out.Due != 0 && tx.DateOf(out.SealedAt) > out.Due:
		out.State = api.ClockOverdue
	default:
		out.State = api.ClockRunning
	}
	return out, nil
}

// A ProvenClock is what a proof says of one clock, and when.
type ProvenClock struct {
	row.ClockID
	State    string  // api.ClockRunning, …
	Due      tx.Date // its last day
	Late     int64   // height at which it was found overdue in this round, 0 if it was not
	Height   int64   // the state after this block says so
	SealedAt tx.Time // time of the next header, which proves it
}

// VerifyClock checks offline what a proof of a clock says: that the row it shows
// is in the state of a block that the validators of t signed. The proof shows
// either the clock's own row, or the breach that names it, which makes it
// overdue. want is the clock that was asked for; its zero value takes the one
// that the proof is of, when it is of one clock alone.
func VerifyClock(proof []byte, want row.ClockID, t *receipt.Trust) (*ProvenClock, error) {
	p, err := receipt.ParseStateProof(proof)
	if err != nil {
		return nil, err
	}
	value, err := receipt.VerifyRow(p, p.Row.Key, t)
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, fmt.Errorf("the proof shows that there is no row %x", p.Row.Key)
	}
	out := &ProvenClock{Height: p.Height, SealedAt: p.Block.Header.Time.Tx()}
	if slot, err := row.BreachSlot(p.Row.Key); err == nil {
		b, err := row.DecodeBreach(value)
		if err != nil {
			return nil, fmt.Errorf("breach: %w", err)
		}
		out.State, out.Due, out.Late = api.ClockOverdue, slot.When.Date(), b.Late
		for _, k := range b.Clocks {
			id := row.ClockID{Code: k.Code, Matter: k.Matter, Member: slot.Member}
			if id == want || want == (row.ClockID{}) && len(b.Clocks) == 1 {
				out.ClockID = id
				return out, nil
			}
		}
		return nil, fmt.Errorf("the proof is of %d overdue clocks of %s, and not of that one", len(b.Clocks), slot.Member)
	}
	id, stopped, err := row.ClockOf(p.Row.Key)
	if err != nil {
		return nil, fmt.Errorf("the proof is of something else than a clock: %w", err)
	}
	if want != (row.ClockID{}) && id != want {
		return nil, fmt.Errorf("the proof is of clock %s of %s in matter %d", id.Code, id.Member, id.Matter)
	}
	k, err := row.DecodeClock(value)
	if err != nil {
		return nil, fmt.Errorf("clock: %w", err)
	}
	out.ClockID, out.Due, out.Late = id, k.Due, k.Late
	switch {
	case stopped:
		out.State = api.ClockStopped
	case k.State == row.Paused:
		out.State = api.ClockPaused
	default:
		out.State = api.ClockRunning
	}
	return out, nil
}
