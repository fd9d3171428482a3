package state

import "time"

type rate float64 // want float

type share struct {
	part  float32    // want float
	phase complex128 // want float
}

const third = 1.0 / 3 // want float

func mean(sum int, d time.Duration) int {
	x := d.Seconds()               // want float
	_ = x                          // want float
	return int(2.5 * float64(sum)) // want float
}
