package node

import (
	"errors"
	"fmt"
	"sync"
)

// ErrHalted is the reason Run ended by itself: this node takes no further part in
// the consensus. The wrapped error says why.
var ErrHalted = errors.New("node halted")

// watchdog keeps the first reason to end the process. Reasons come from the
// application (guard), from CometBFT's log and from its consensus goroutine.
type watchdog struct {
	once   sync.Once
	failed chan struct{} // closed by the first halt
	err    error         // why; read only after failed is closed
}

func newWatchdog() *watchdog { return &watchdog{failed: make(chan struct{})} }

// halt records the first reason and ignores those that follow from it.
func (w *watchdog) halt(reason error) {
	w.once.Do(func() {
		w.err = fmt.Errorf("%w: %w", ErrHalted, reason)
		close(w.failed)
	})
}

// cause returns the reason, or nil while all is well.
func (w *watchdog) cause() error {
	select {
	case <-w.failed:
		return w.err
	default:
		return nil
	}
}
