//go:build sometimes

package state // want-file build
