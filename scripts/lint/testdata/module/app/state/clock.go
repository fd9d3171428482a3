package state

import (
	"context"
	stdtime "time"
)

func clocks(ctx context.Context) {
	_ = stdtime.Now()                                          // want clock
	_ = stdtime.Since(stdtime.Time{})                          // want clock
	_ = stdtime.Until(stdtime.Time{})                          // want clock
	stdtime.Sleep(1)                                           // want clock
	<-stdtime.After(1)                                         // want clock
	<-stdtime.Tick(1)                                          // want clock
	stdtime.AfterFunc(1, func() {})                            // want clock
	stdtime.NewTimer(1)                                        // want clock
	stdtime.NewTicker(1)                                       // want clock
	now := stdtime.Now                                         // want clock
	_ = now().Local()                                          // want clock
	_ = stdtime.Date(2026, 1, 1, 0, 0, 0, 0, stdtime.Local)    // want clock
	_, _ = stdtime.LoadLocation("Asia/Shanghai")               // want clock
	_ = stdtime.Unix(1, 0)                                     // want clock
	_ = stdtime.UnixMilli(1).Format("2006")                    // want clock
	_, _ = context.WithTimeout(ctx, 1)                         // want clock
	_, _ = context.WithDeadline(ctx, stdtime.Time{})           // want clock
	_, _ = context.WithTimeoutCause(ctx, 1, nil)               // want clock
	_, _ = context.WithDeadlineCause(ctx, stdtime.Time{}, nil) // want clock
}
