// Package store draws at random, for which the test makes an exception.
package store

import (
	"crypto/rand"

	"zhenglian/app/policy"
)

func salt() string { return policy.Now().String() + rand.Text() }
