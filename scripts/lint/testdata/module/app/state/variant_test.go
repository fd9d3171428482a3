//go:build sometimes

package state
