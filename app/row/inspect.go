package row

import (
	"encoding/binary"

	"zhenglian/app/tx"
)

// States of an inspection, besides Pending, Withdrawn, Expired, Overtaken, Closed
// and Revoked.
const (
	Tasked        State = "TASKED"         // a sample is to be taken
	Sampled       State = "SAMPLED"        // the laboratory has it
	Passed        State = "PASSED"         // it passed
	Failed        State = "FAILED"         // it failed; a party may ask for a retest
	RetestAsked   State = "RETEST_ASKED"   // a party has asked
	Retesting     State = "RETESTING"      // another laboratory has the second sample
	RetestRefused State = "RETEST_REFUSED" // there is no retest
	RetestFailed  State = "RETEST_FAILED"  // it failed again
	Overturned    State = "OVERTURNED"     // the retest passed: so does the sample
	Confirmed     State = "CONFIRMED"      // the failure is final
	Notified      State = "NOTIFIED"       // and made known
)

// States of an order to a platform, besides Pending, Withdrawn, Expired and Overtaken.
const (
	Issued   State = "ISSUED"   // the platform has not answered, or was sent back
	Acked    State = "ACKED"    // it has the order
	Delisted State = "DELISTED" // it says that the goods are off
	Verified State = "VERIFIED" // the regulator has looked
)

// FailedForGood reports whether an inspection in the state has found a failure
// that is final.
func FailedForGood(s State) bool { return s == Confirmed || s == Notified || s == Closed }

// An Inspection is what follows from the sample of an inspection.
type Inspection struct {
	Holder    tx.MemberID   // who had the unit when it was sampled; "": nobody of the ledger
	Maker     tx.MemberID   // of the unit
	Parties   []tx.MemberID // ascending: who may ask for a retest
	Recall    uint64        // entry of the first recall that names it; 0: none
	Report    uint64        // entry of the report that counts; 0: none
	RetestBy  tx.Date       // last day for asking; 0: nothing failed
	RetestLab tx.MemberID   // "": none
	Taken     tx.Date       // when the sample was
	Unit      UnitID
}

// An Order says which order to a platform is open.
type Order struct{ Order uint64 } // entry of the delist.order

// InspectionKey is the key of the inspection that entry seq opened.
func InspectionKey(seq uint64) []byte { return seqKey(prefixInspection, seq) }

// SampledKey is the key that says that an inspection is of a unit.
func SampledKey(u UnitID, inspection uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte{prefixSampled}, u[:]...), inspection)
}

// SampledRange spans the inspections of a unit, oldest first.
func SampledRange(u UnitID) (start, end []byte) { return span(append([]byte{prefixSampled}, u[:]...)) }

// SampledSeq returns the inspection of a key.
func SampledSeq(key []byte) uint64 { return binary.BigEndian.Uint64(key[11:19]) }

// OrderKey is the key of the open order to a platform that follows an inspection.
func OrderKey(inspection uint64, platform tx.MemberID) []byte {
	return append(seqKey(prefixOrder, inspection), platform...)
}

// OrderRange spans the open orders of an inspection, ascending by platform.
func OrderRange(inspection uint64) (start, end []byte) { return span(seqKey(prefixOrder, inspection)) }

// OrderPlatform returns the platform of a key.
func OrderPlatform(key []byte) tx.MemberID { return tx.MemberID(key[9:]) }

// Encode returns the row's value.
func (n Inspection) Encode() []byte {
	return encode(func(w *tx.Writer) {
		if n.Holder != "" {
			w.String("holder", string(n.Holder))
		}
		w.String("maker", string(n.Maker))
		w.Array("parties", len(n.Parties), func(i int) { w.B = tx.AppendString(w.B, string(n.Parties[i])) })
		positive(w, "recall", int64(n.Recall))
		positive(w, "report", int64(n.Report))
		writeDate(w, "retest_by", n.RetestBy)
		if n.RetestLab != "" {
			w.String("retest_lab", string(n.RetestLab))
		}
		w.String("taken", n.Taken.String())
		w.Hex("unit", n.Unit[:])
	})
}

// DecodeInspection reads a value that Encode wrote.
func DecodeInspection(b []byte) (n Inspection, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		n.Holder = tx.MemberID(optional(r, o, "holder", 32))
		o.Need("maker")
		n.Maker = tx.MemberID(r.String(32))
		o.Need("parties")
		r.Array(2, func(int) { n.Parties = append(n.Parties, tx.MemberID(r.String(32))) })
		n.Recall = uint64(readPositive(r, o, "recall"))
		n.Report = uint64(readPositive(r, o, "report"))
		n.RetestBy = readDate(r, o, "retest_by")
		n.RetestLab = tx.MemberID(optional(r, o, "retest_lab", 32))
		o.Need("taken")
		n.Taken = r.Date()
		o.Need("unit")
		n.Unit = readUnitID(r)
	})
	return n, err
}

// Encode returns the row's value.
func (d Order) Encode() []byte {
	return encode(func(w *tx.Writer) { w.Int("order", int64(d.Order)) })
}

// DecodeOrder reads a value that Encode wrote.
func DecodeOrder(b []byte) (d Order, err error) {
	err = decode(b, func(r *tx.Reader, o *tx.Object) {
		o.Need("order")
		d.Order = uint64(r.Int(0, maxHeight))
	})
	return d, err
}
