// Package policy is under no root, but store imports it.
package policy

import "time"

func Now() time.Time { return time.Now() } // want clock
