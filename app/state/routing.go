package state

import (
	"fmt"

	"zhenglian/app/row"
	"zhenglian/app/tx"
)

// routing is the family of the hints about people who complain.
const routing = "routing"

// routingOn checks that the consortium has switched hints on.
func (c *Ctx) routingOn() error {
	_, on, err := listRow(c, row.RoutingKey(), row.DecodeRouting)
	if err == nil && !on {
		err = refuse(tx.CodeRoutingOff, "", "")
	}
	return err
}

// hint judges routing.tag.
func (c *Ctx) hint(b *tx.RoutingHint) (func(seq uint64) []write, error) {
	if err := c.routingOn(); err != nil {
		return nil, err
	}
	if today := c.today(); b.Until <= today || b.Until > today.AddMonths(tx.MaxRoutingMonths) {
		return nil, refuse(tx.CodeRoutingTerm, "body.until", fmt.Sprintf("after %s, to %s", today, today.AddMonths(tx.MaxRoutingMonths)))
	}
	if err := c.noHint(b.Tag); err != nil {
		return nil, err
	}
	return func(seq uint64) []write {
		return append(hintRow(seq, b), write{row.ListEndKey(b.Until, seq), []byte("{}")})
	}, nil
}

func (c *Ctx) noHint(tag tx.Digest) error {
	is, ok, err := listRow(c, row.RoutingTagKey(tag), row.DecodeRoutingTag)
	if err == nil && ok {
		err = refuse(tx.CodeRoutingExists, "body.tag", fmt.Sprintf("entry %d", is.Seq))
	}
	return err
}

func hintRow(seq uint64, b *tx.RoutingHint) []write {
	return []write{{row.RoutingTagKey(b.Tag), row.RoutingTag{Bucket: b.Bucket, Seq: seq, Until: b.Until}.Encode()}}
}

// stepRouting judges a statement that continues a hint.
func (c *Ctx) stepRouting(s *tx.Statement, p *place) ([]write, error) {
	b, ok := p.body.(*tx.RoutingHint)
	if !ok || p.matter.State == row.Pending {
		return nil, nil // nothing of it is in force
	}
	switch s.Kind {
	case tx.RoutingContest:
		return []write{{row.RoutingTagKey(b.Tag), nil}}, nil
	case tx.RoutingRemove:
		writes := []write{{row.ListEndKey(b.Until, p.seq), nil}}
		if p.matter.State == row.Active {
			writes = append(writes, write{row.RoutingTagKey(b.Tag), nil})
		}
		return writes, nil
	case tx.RoutingKeep:
		if err := c.routingOn(); err != nil {
			return nil, err
		}
		if err := c.noHint(b.Tag); err != nil { // another was made meanwhile
			return nil, err
		}
		return hintRow(p.seq, b), nil
	}
	return nil, nil
}

// switchRouting enacts gov.routing.
func (c *Ctx) switchRouting(b *tx.RoutingSwitch) ([]write, error) {
	_, on, err := listRow(c, row.RoutingKey(), row.DecodeRouting)
	if err != nil {
		return nil, err
	}
	w := write{key: row.RoutingKey()}
	switch {
	case on == (b.Action == tx.SwitchOn):
		return nil, refuse(tx.CodeNothing, "body.action", "")
	case !on:
		w.value = row.Routing{Assessment: b.Assessment, Since: c.Height}.Encode()
	}
	return []write{w}, nil
}
