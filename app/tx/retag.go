package tx

import (
	"bytes"
	"strconv"
)

// ListRetag gives entries of a list the tags of its active epoch.
const ListRetag Kind = "list.retag"

// MaxRetags bounds the entries of one list.retag.
const MaxRetags = 100

// A Retag is one entry of a Retagging: the old tag and the new one of the same
// subject stand beside each other, over the signatures of who proposed it. Who
// holds both keys can check them.
type Retag struct {
	Entry ID     // of the list.propose
	Tag   Digest // under the key of the new epoch
	Was   Digest // the tag that the entry has
}

// A Retagging is the body of list.retag.
//
//	entries  array   1 to 100 of {entry id, tag hex, was hex}, ascending by entry
//	epoch    int     the list's active one, whose key made the tags
//	list     string  serious_dishonest | abnormal_operation | industry_notice | negative_index
type Retagging struct {
	Entries []Retag
	Epoch   int64
	List    List
}

func (b *Retagging) read(r *Reader) {
	o := r.Object()
	o.Need("entries")
	r.Array(MaxRetags, func(i int) {
		var e Retag
		eo := r.Object()
		eo.Need("entry")
		r.HexSome(e.Entry[:])
		eo.Need("tag")
		r.HexSome(e.Tag[:])
		eo.Need("was")
		r.HexSome(e.Was[:])
		eo.End()
		if i > 0 && r.err == nil && bytes.Compare(b.Entries[i-1].Entry[:], e.Entry[:]) >= 0 {
			r.Fail(CodeBody, "entries ascend, each once")
		}
		b.Entries = append(b.Entries, e)
	})
	r.some(len(b.Entries))
	o.Need("epoch")
	b.Epoch = r.Int(1, MaxEpoch)
	o.Need("list")
	b.List = r.List()
	o.End()
}

func (b *Retagging) write(w *Writer) {
	w.Array("entries", len(b.Entries), func(i int) {
		w.Open()
		w.Hex("entry", b.Entries[i].Entry[:])
		w.Hex("tag", b.Entries[i].Tag[:])
		w.Hex("was", b.Entries[i].Was[:])
		w.Close()
	})
	w.Int("epoch", b.Epoch)
	w.String("list", b.List.String())
}

// Validate implements Body.
func (b *Retagging) Validate() error {
	for i, e := range b.Entries {
		if e.Tag == e.Was {
			return &Error{Code: CodeBody, Path: "body.entries[" + strconv.Itoa(i) + "].tag", Detail: "is the tag that the entry has"}
		}
	}
	return nil
}
