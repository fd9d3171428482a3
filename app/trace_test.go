package app_test

import (
	"fmt"
	"math/rand/v2"

	"zhenglian/app/apptest"
	"zhenglian/app/tx"
)

// goods are what a story knows of traceability: codes and statements, of which
// some were refused.
type goods struct {
	n               int
	plums, jam      []tx.UnitCode
	offers, recalls []tx.ID
}

// next is a statement of traceability: mostly one that the rules accept.
func (g *goods) next(c *apptest.Chain, r *rand.Rand) *tx.Envelope {
	const raw, made tx.ProductCode = "zg/50011000010017", "01/09506000134352"
	g.n++
	code := func(p tx.ProductCode) tx.UnitCode { return tx.UnitCode(fmt.Sprintf("%s/10/L%d", p, g.n)) }
	some := func(us []tx.UnitCode) []tx.UnitCode {
		i := r.IntN(len(us))
		return us[i:min(i+1+r.IntN(2), len(us))]
	}
	by := func(key string, member tx.MemberID, kind tx.Kind, prev tx.ID, b tx.Body) *tx.Envelope {
		return c.Sign(c.Statement(member, kind, prev, b), key)
	}
	village := func(kind tx.Kind, b tx.Body) *tx.Envelope { return by("qijiang", "qijiang-amr", kind, tx.ID{}, b) }
	platform := func(kind tx.Kind, b tx.Body) *tx.Envelope { return by("platform", "platform-a", kind, tx.ID{}, b) }
	box := tx.UnitCode("zs/500110000100000017")
	switch g.n {
	case 1:
		return village(tx.TraceProduct, &tx.Product{Mode: tx.Flag, NameEN: "Plums", NameZH: "李子", Code: raw, UOM: "g"})
	case 2:
		return platform(tx.TraceProduct, &tx.Product{Makers: []tx.MemberID{"qijiang-amr"}, Mode: tx.Reject, NameEN: "Jam", NameZH: "李子酱", Code: made, UOM: "g",
			Yield: &tx.Yield{From: []tx.ProductCode{raw}, Gives: 4, Per: 5}})
	case 3:
		return village(tx.TraceHarvest, &tx.Harvest{Origin: "500110101200", Product: raw, Quantity: 900, Season: "s2026"})
	case 4:
		return platform(tx.TraceRegister, &tx.Register{Units: []tx.Amount{{Code: box}}})
	case 5:
		return platform(tx.TraceHarvest, &tx.Harvest{Origin: "500110101200", Product: made, Quantity: 900, Season: "s2026"}) // waits for a regulator
	}
	switch k := r.IntN(14); {
	case k < 3 || len(g.plums) == 0:
		g.plums = append(g.plums, code(raw))
		return village(tx.TraceRegister, &tx.Register{Harvest: &tx.HarvestRef{Origin: "500110101200", Season: "s2026"}, Units: []tx.Amount{{Code: code(raw), Quantity: 100}}})
	case k == 3:
		e := village(tx.TraceShip, &tx.Ship{To: "platform-a", Units: some(g.plums)})
		g.offers = append(g.offers, e.ID())
		return e
	case k < 6 && len(g.offers) > 0:
		offer := g.offers[r.IntN(len(g.offers))]
		switch r.IntN(4) {
		case 0:
			return by("qijiang", "qijiang-amr", tx.TraceCancel, offer, &tx.Withdraw{Reason: "mistake"})
		case 1:
			return by("platform", "platform-a", tx.TraceDispute, offer, &tx.Dispute{Reason: "short"})
		}
		return by("platform", "platform-a", tx.TraceReceive, offer, &tx.Receive{})
	case k < 9:
		g.jam = append(g.jam, code(made))
		b := &tx.Transform{Outputs: []tx.Amount{{Code: code(made), Quantity: int64(1 + r.IntN(20))}}}
		for _, u := range some(g.plums) {
			b.Inputs = append(b.Inputs, tx.Amount{Code: u, Quantity: int64(1 + r.IntN(40))})
		}
		return []func(tx.Kind, tx.Body) *tx.Envelope{village, platform}[r.IntN(2)](tx.TraceTransform, b)
	case k == 9 && len(g.jam) > 0:
		return platform([]tx.Kind{tx.TraceAggregate, tx.TraceDisaggregate}[r.IntN(2)], &tx.Aggregate{Children: some(g.jam), Parent: box})
	case k == 10 && len(g.jam) > 0:
		return []*tx.Envelope{platform(tx.TraceSell, &tx.Sell{Reason: "sold", Units: some(g.jam)}), platform(tx.TraceTake, &tx.Take{Units: some(g.jam)}),
			platform(tx.TraceDestroy, &tx.Destroy{Reason: "expired", Units: some(g.jam)})}[r.IntN(3)]
	case k == 11 && r.IntN(3) == 0:
		e := village(tx.TraceRecall, &tx.Recall{Level: 2, Reason: "unsafe", Units: some(g.plums)})
		g.recalls = append(g.recalls, e.ID())
		return e
	case k > 11 && len(g.recalls) > 0:
		recall := g.recalls[r.IntN(len(g.recalls))]
		switch r.IntN(5) {
		case 0:
			return platform(tx.TraceAck, &tx.Ack{Recall: recall})
		case 1:
			return village(tx.TraceRelease, &tx.Release{Document: tx.Digest{1}, Recall: recall, Units: some(g.plums)})
		case 2:
			return by("changsha", "changsha-amr", tx.TraceClose, recall, &tx.Decision{Document: tx.Digest{1}})
		}
		return village(tx.TraceDispose, &tx.Dispose{Method: "harmless", Recall: recall, Units: some(g.plums)})
	}
	return village(tx.TraceEvents, &tx.Events{Count: int64(g.n), Root: tx.Digest{byte(g.n)}})
}
