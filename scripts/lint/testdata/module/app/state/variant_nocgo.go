//go:build !cgo

package state // want-file build
