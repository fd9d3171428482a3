package store

import "github.com/google/btree"

// An overlay holds what a block reads and writes of the state tree, so that only
// its net effect reaches the tree, in key order.
type overlay struct {
	cells map[string]*cell // looked up only, never ranged over

	written *btree.BTreeG[string] // keys of written cells; nil: none
}

// A cell is one key of the overlay. Values are nil when the key is absent.
type cell struct {
	base      []byte // committed value, when baseKnown
	value     []byte // the block's value, when written
	baseKnown bool
	written   bool
}

// cell returns the cell of key, which may be new.
func (o *overlay) cell(key []byte) *cell {
	if c := o.cells[string(key)]; c != nil {
		return c
	}
	if o.cells == nil {
		o.cells = make(map[string]*cell)
	}
	c := new(cell)
	o.cells[string(key)] = c
	return c
}

func (o *overlay) write(key, value []byte) {
	c := o.cell(key)
	c.value = value
	if !c.written {
		c.written = true
		if o.written == nil {
			o.written = btree.NewOrderedG[string](32)
		}
		o.written.ReplaceOrInsert(string(key))
	}
}

// keys returns the written keys in [start, end) in order; nil bounds are open.
// The result is not changed by later writes.
func (o *overlay) keys(start, end []byte) (keys []string) {
	if o.written == nil {
		return nil
	}
	o.written.AscendGreaterOrEqual(string(start), func(k string) bool {
		if end != nil && k >= string(end) {
			return false
		}
		keys = append(keys, k)
		return true
	})
	return keys
}
