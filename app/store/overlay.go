package store

import (
	"slices"
	"strings"
)

// An overlay holds what a block reads and writes of the state tree, so that only
// its net effect reaches the tree, in key order.
type overlay struct {
	cells map[string]*cell // looked up only, never ranged over

	// Keys of written cells: sorted, and then those written since it was sorted.
	sorted, recent []string
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
		o.recent = append(o.recent, string(key))
	}
}

// keys returns the written keys in [start, end) in order; nil bounds are open.
// The result is not changed by later writes.
func (o *overlay) keys(start, end []byte) []string {
	if len(o.recent) > 0 {
		slices.Sort(o.recent)
		merged := make([]string, 0, len(o.sorted)+len(o.recent))
		a, b := o.sorted, o.recent
		for len(a) > 0 && len(b) > 0 {
			if a[0] < b[0] {
				merged, a = append(merged, a[0]), a[1:]
			} else {
				merged, b = append(merged, b[0]), b[1:]
			}
		}
		o.sorted, o.recent = append(append(merged, a...), b...), nil
	}
	from, to := 0, len(o.sorted)
	if start != nil {
		from, _ = slices.BinarySearchFunc(o.sorted, string(start), strings.Compare)
	}
	if end != nil {
		to, _ = slices.BinarySearchFunc(o.sorted, string(end), strings.Compare)
	}
	if from > to {
		return nil
	}
	return o.sorted[from:to]
}
