package state

import (
	"maps"
	"reflect"
	"slices"
	"sync"
)

type set map[string]bool

func order[M ~map[string]int](m map[string]int, s set, generic M, shared *sync.Map) {
	for range m { // want map-order
	}
	for k := range s { // want map-order
		_ = k
	}
	for k, v := range generic { // want map-order
		_, _ = k, v
	}
	for k := range maps.Keys(m) { // want map-order
		_ = k
	}
	_ = slices.Collect(maps.Values(m)) // want map-order
	for k := range maps.All(m) {       // want map-order
		_ = k
	}
	shared.Range(func(any, any) bool { return true }) // want map-order
	_ = reflect.ValueOf(m).MapKeys()                  // want map-order
	_ = reflect.ValueOf(m).MapRange()                 // want map-order
	_ = reflect.ValueOf(m).Seq()                      // want map-order
	_ = reflect.ValueOf(m).Seq2()                     // want map-order
}
