// Package store has one exception that lets something through and one that does not.
package store

import "crypto/rand"

func salt() string { return rand.Text() }
