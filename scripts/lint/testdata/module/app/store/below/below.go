// Package below is below a root, so it is held to the same.
package below

import "time"

func now() time.Time { return time.Now() } // want clock
