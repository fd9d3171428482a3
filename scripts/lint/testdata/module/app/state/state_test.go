package state

import (
	"testing"
	"time"
)

func TestMayUseClock(t *testing.T) { _ = time.Now() }
