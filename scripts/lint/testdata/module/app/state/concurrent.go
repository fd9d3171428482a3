package state

import (
	"context"
	"sync"
)

func concurrent(ctx context.Context, c chan int) {
	go concurrent(ctx, c) // want goroutine
	var wg sync.WaitGroup
	wg.Go(func() {})                  // want goroutine
	context.AfterFunc(ctx, func() {}) // want goroutine
	select {                          // want select
	case <-c:
	default:
	}
}
