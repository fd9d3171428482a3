package state

import (
	"crypto/ed25519"
	crand "crypto/rand" // want random
	"hash/maphash"      // want random
	old "math/rand"     // want random
	"math/rand/v2"      // want random
)

func draws() {
	_, _, _ = ed25519.GenerateKey(nil) // want random
	_ = rand.N(10)
	_ = old.Int()
	_ = crand.Text()
	_ = maphash.MakeSeed()
}
