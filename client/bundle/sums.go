package bundle

import (
	"context"
	"crypto/sha256"
	"hash"
	"hash/crc32"
	"io"
	"sync"

	"github.com/emmansun/gmsm/sm3"

	"zhenglian/app/tx"
)

// sums are the digests of some bytes.
type sums struct {
	SHA256, SM3 tx.Digest
	CRC         uint32
	Bytes       int64
}

// chunk is how much is read at a time.
const chunk = 1 << 20

// digest reads r, which has about size bytes, once to its end. The two digests are computed side by side, and
// while the next chunk is read.
func digest(ctx context.Context, r io.Reader, size int64) (s sums, err error) {
	a, b, c := sha256.New(), sm3.New(), crc32.NewIEEE()
	var busy sync.WaitGroup
	var buf [2][]byte
	for i := 0; ; i ^= 1 {
		if err := ctx.Err(); err != nil {
			busy.Wait()
			return s, err
		}
		if buf[i] == nil {
			buf[i] = make([]byte, min(chunk, size+1))
		}
		n, err := io.ReadFull(r, buf[i])
		busy.Wait()
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return s, err
		}
		p := buf[i][:n]
		s.Bytes += int64(n)
		if err != nil { // the last chunk
			for _, h := range []hash.Hash{a, b, c} {
				h.Write(p)
			}
			break
		}
		busy.Go(func() { a.Write(p); c.Write(p) })
		busy.Go(func() { b.Write(p) })
	}
	a.Sum(s.SHA256[:0])
	b.Sum(s.SM3[:0])
	s.CRC = c.Sum32()
	return s, nil
}
