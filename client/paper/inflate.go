package paper

import "errors"

// inflate decompresses DEFLATE (RFC 1951), at most limit bytes, and returns what is
// left of b. compress/flate does the same and is what tests compare it with; that
// one costs 13 KB of a verifier in WebAssembly that is to stay below 1 MB.
func inflate(b []byte, limit int) (out, rest []byte, err error) {
	d := inflater{in: b, limit: limit}
	for last := false; !last && d.err == nil; {
		last = d.bits(1) == 1
		switch d.bits(2) {
		case 0:
			d.stored()
		case 1:
			d.block(&fixedLiterals, &fixedDistances)
		case 2:
			if lit, dist := d.tables(); d.err == nil {
				d.block(lit, dist)
			}
		default:
			d.fail()
		}
	}
	return d.out, d.in, d.err
}

var errInflate = errors.New("paper: what was read cannot be decompressed")

type inflater struct {
	in, out []byte
	limit   int
	hold    uint32 // bits that were taken from in, lowest first
	have    uint   // how many
	err     error
}

func (d *inflater) fail() { d.err = errInflate }

// bits takes n ≤ 16 bits.
func (d *inflater) bits(n uint) int {
	for d.have < n {
		if len(d.in) == 0 {
			d.fail()
			return 0
		}
		d.hold |= uint32(d.in[0]) << d.have
		d.in = d.in[1:]
		d.have += 8
	}
	v := d.hold & (1<<n - 1)
	d.hold >>= n
	d.have -= n
	return int(v)
}

func (d *inflater) put(b ...byte) {
	if len(d.out)+len(b) > d.limit {
		d.fail()
		return
	}
	d.out = append(d.out, b...)
}

// stored copies a block that is not compressed (§3.2.4).
func (d *inflater) stored() {
	d.hold, d.have = 0, 0 // to the next byte
	n := d.bits(16)
	if d.bits(16) != n^0xffff || n > len(d.in) {
		d.fail()
		return
	}
	d.put(d.in[:n]...)
	d.in = d.in[n:]
}

// A huffman is a code: how many codes there are of each length, and their symbols
// in order (§3.2.2).
type huffman struct {
	count   [16]int
	symbols []int
}

// newHuffman makes a code of the lengths of its symbols; ok says that it is neither
// over-subscribed nor, unless it has one code alone, incomplete.
func newHuffman(lengths []int) (h huffman, ok bool) {
	for _, n := range lengths {
		h.count[n]++
	}
	left := 1
	for n := 1; n < 16; n++ {
		left = left<<1 - h.count[n]
		if left < 0 {
			return h, false
		}
	}
	for n := 1; n < 16; n++ {
		for s, m := range lengths {
			if m == n {
				h.symbols = append(h.symbols, s)
			}
		}
	}
	return h, left == 0 || len(h.symbols) == 1 && h.count[1] == 1 || len(h.symbols) == 0
}

// symbol reads one code.
func (d *inflater) symbol(h *huffman) int {
	code, first, index := 0, 0, 0
	for n := 1; n < 16 && d.err == nil; n++ {
		code |= d.bits(1)
		count := h.count[n]
		if code-count < first {
			return h.symbols[index+code-first]
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	d.fail()
	return 0
}

// Lengths and distances (§3.2.5): the least of each code, and how many bits follow.
var (
	lengthBase   = [...]int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthBits   = [...]uint{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distanceBase = [...]int{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distanceBits = [...]uint{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

// The codes of blocks that bring none (§3.2.6).
var fixedLiterals, fixedDistances = fixed()

func fixed() (lit, dist huffman) {
	var l [288]int
	for i := range l {
		switch {
		case i < 144:
			l[i] = 8
		case i < 256:
			l[i] = 9
		case i < 280:
			l[i] = 7
		default:
			l[i] = 8
		}
	}
	lit, _ = newHuffman(l[:])
	var d [32]int // 30 and 31 never occur in data
	for i := range d {
		d[i] = 5
	}
	dist, _ = newHuffman(d[:])
	return lit, dist
}

// block reads literals and copies until its end.
func (d *inflater) block(lit, dist *huffman) {
	const end = 256
	for d.err == nil {
		s := d.symbol(lit)
		switch {
		case d.err != nil || s == end:
			return
		case s < end:
			d.put(byte(s))
			continue
		case s-end-1 >= len(lengthBase):
			d.fail()
			return
		}
		n := lengthBase[s-end-1] + d.bits(lengthBits[s-end-1])
		k := d.symbol(dist)
		if d.err != nil || k >= len(distanceBase) {
			d.fail()
			return
		}
		from := len(d.out) - distanceBase[k] - d.bits(distanceBits[k])
		if d.err != nil || from < 0 || len(d.out)+n > d.limit {
			d.fail()
			return
		}
		for ; n > 0; n-- { // what is copied may be copied again
			d.out = append(d.out, d.out[from])
			from++
		}
	}
}

// codeOrder is the order in which lengths of the code of lengths come.
var codeOrder = [19]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// tables reads the codes of a block (§3.2.7).
func (d *inflater) tables() (lit, dist *huffman) {
	nlit, ndist, ncode := d.bits(5)+257, d.bits(5)+1, d.bits(4)+4
	var l [320]int
	for _, i := range codeOrder[:ncode] {
		l[i] = d.bits(3)
	}
	code, ok := newHuffman(l[:19])
	if !ok || d.err != nil || nlit > 286 {
		d.fail()
		return nil, nil
	}
	clear(l[:19])
	for i := 0; i < nlit+ndist; {
		s := d.symbol(&code)
		if d.err != nil {
			return nil, nil
		}
		if s < 16 {
			l[i] = s
			i++
			continue
		}
		again, n := 0, 0
		switch s {
		case 16:
			if i == 0 {
				d.fail()
				return nil, nil
			}
			again, n = l[i-1], 3+d.bits(2)
		case 17:
			n = 3 + d.bits(3)
		default:
			n = 11 + d.bits(7)
		}
		if i+n > nlit+ndist {
			d.fail()
			return nil, nil
		}
		for ; n > 0; n-- {
			l[i] = again
			i++
		}
	}
	a, ok := newHuffman(l[:nlit])
	b, okToo := newHuffman(l[nlit : nlit+ndist])
	if !ok || !okToo || l[256] == 0 {
		d.fail()
	}
	return &a, &b
}
