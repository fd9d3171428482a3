package gateway

import "sync"

// A cache keeps what was used lately, between max and 2·max values: when the
// young generation is full it becomes the old one, and what was old and not
// asked for again is forgotten.
type cache[K comparable, V any] struct {
	mu         sync.Mutex
	max        int
	young, old map[K]V
}

func newCache[K comparable, V any](max int) *cache[K, V] {
	return &cache[K, V]{max: max, young: make(map[K]V)}
}

func (c *cache[K, V]) get(k K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.young[k]; ok {
		return v, true
	}
	v, ok := c.old[k]
	if ok {
		c.add(k, v)
	}
	return v, ok
}

// put keeps v, or returns the value that somebody else has put there before.
func (c *cache[K, V]) put(k K, v V) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w, ok := c.young[k]; ok {
		return w
	}
	if w, ok := c.old[k]; ok {
		v = w
	}
	c.add(k, v)
	return v
}

func (c *cache[K, V]) add(k K, v V) {
	if len(c.young) >= c.max {
		c.old, c.young = c.young, make(map[K]V, c.max)
	}
	c.young[k] = v
}
