package filter

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
)

// Run is the filter's process: it reads its Config from in, serves the listeners,
// and writes events to out until in ends. To any further line of in it answers
// with an event of kind Synced.
func Run(in io.Reader, out io.Writer, listeners ...net.Listener) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	lines := bufio.NewScanner(in)
	if !lines.Scan() {
		return fmt.Errorf("filter: no configuration: %w", io.ErrUnexpectedEOF)
	}
	var c Config
	if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
		return fmt.Errorf("filter: configuration: %w", err)
	}
	enc := json.NewEncoder(out)
	p := New(c, func(e Event) {
		if enc.Encode(e) != nil {
			cancel() // nobody listens: nothing may pass unseen
		}
	})
	for _, l := range listeners {
		context.AfterFunc(ctx, func() { l.Close() })
		go p.Serve(ctx, l)
	}
	p.log(Event{Kind: Ready})
	go func() {
		defer cancel()
		for lines.Scan() {
			p.log(Event{Kind: Synced})
		}
	}()
	<-ctx.Done()
	return nil
}
