package node

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"

	cmtlog "github.com/cometbft/cometbft/libs/log"
)

// NewLogger returns the logger c asks for, writing to w.
func (c LogConfig) NewLogger(w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: min(c.Level, c.CometLevel)}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// consensusFailure begins the line CometBFT logs when it has recovered a panic of
// the consensus and given up. There is no other sign than this line and the end
// of the goroutine.
const consensusFailure = "CONSENSUS FAILURE!!!"

// cometLogger is a CometBFT logger on top of slog. It halts the node when CometBFT
// reports a consensus failure.
type cometLogger struct {
	log      *slog.Logger
	level    slog.Level
	watchdog *watchdog

	// stopping says that the node is being stopped in order. What CometBFT then
	// calls errors (every closed connection and listener) is the stop itself.
	stopping *atomic.Bool
}

var _ cmtlog.Logger = cometLogger{}

func (l cometLogger) Debug(msg string, kv ...any) { l.write(slog.LevelDebug, msg, kv) }
func (l cometLogger) Info(msg string, kv ...any)  { l.write(slog.LevelInfo, msg, kv) }
func (l cometLogger) Warn(msg string, kv ...any)  { l.write(slog.LevelWarn, msg, kv) }

func (l cometLogger) Error(msg string, kv ...any) {
	level := slog.LevelError
	if l.stopping.Load() {
		level = slog.LevelDebug
	}
	l.write(level, msg, kv)
	if strings.HasPrefix(msg, consensusFailure) {
		reason := any("no reason given")
		for i := 0; i+1 < len(kv); i += 2 {
			if kv[i] == "err" {
				reason = kv[i+1]
			}
		}
		l.watchdog.halt(fmt.Errorf("consensus failure: %v", reason))
	}
}

// With implements cmtlog.Logger.
func (l cometLogger) With(kv ...any) cmtlog.Logger {
	l.log = l.log.With(attrs(kv)...)
	return l
}

func (l cometLogger) write(level slog.Level, msg string, kv []any) {
	if level < l.level || !l.log.Enabled(context.Background(), level) {
		return // before formatting: CometBFT's values are lazy for this reason
	}
	l.log.Log(context.Background(), level, msg, attrs(kv)...)
}

// attrs turns CometBFT's alternating keys and values into slog attributes. A value
// with a text form is logged in it: as JSON most of them would be empty objects.
func attrs(kv []any) []any {
	as := make([]any, 0, (len(kv)+1)/2)
	for i := 0; i < len(kv); i += 2 {
		if i+1 == len(kv) {
			as = append(as, slog.Any("!BADKEY", kv[i]))
			break
		}
		v := kv[i+1]
		switch t := v.(type) {
		case error, fmt.Stringer:
			v = text{t}
		}
		as = append(as, slog.Any(fmt.Sprint(kv[i]), v))
	}
	return as
}

// text formats a value when, and only when, it is written.
type text struct{ v any }

func (t text) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(t.v)) }
