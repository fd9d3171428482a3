package node

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	cmtlog "github.com/cometbft/cometbft/libs/log"
)

func TestCometLogger(t *testing.T) {
	var out bytes.Buffer
	formatted := 0
	lazy := cmtlog.NewLazySprintf("%v", stringer(func() string {
		formatted++
		return "costly"
	}))
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	l := cometLogger{log: log, level: slog.LevelInfo, watchdog: newWatchdog(), stopping: new(atomic.Bool)}

	l.Debug("hidden", "v", lazy)
	if out.Len() != 0 || formatted != 0 {
		t.Errorf("below the level: wrote %q, formatted %d times", &out, formatted)
	}
	l.With("module", "p2p").Warn("shown", "v", lazy, "err", errors.New("broken"), "odd")
	for _, want := range []string{`"level":"WARN"`, `"module":"p2p"`, `"v":"costly"`, `"err":"broken"`, `"!BADKEY":"odd"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is not in %s", want, &out)
		}
	}
	if l.watchdog.cause() != nil {
		t.Error("a warning halted the node")
	}

	out.Reset()
	l.stopping.Store(true)
	l.Error("connection closed")
	if out.Len() != 0 {
		t.Errorf("an error that is part of the stop was shown: %s", &out)
	}
	l.Error(consensusFailure, "err", "why", "stack", "where")
	if err := l.watchdog.cause(); !errors.Is(err, ErrHalted) || !strings.Contains(fmt.Sprint(err), "why") {
		t.Errorf("after a consensus failure: %v", err)
	}
}

type stringer func() string

func (s stringer) String() string { return s() }
