package state

import "C" // want build
