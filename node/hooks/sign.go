package hooks

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Prefixes of keys in their text form.
const (
	secretPrefix = "whsec_"
	publicPrefix = "whpk_"
	secretBytes  = 32 // of 24 to 64 that the specification allows
)

func secretText(secret []byte) string {
	return secretPrefix + base64.StdEncoding.EncodeToString(secret)
}

func publicText(seed []byte) string {
	return publicPrefix + base64.StdEncoding.EncodeToString(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
}

// signature is the header webhook-signature: one for each secret, and that of the
// key pair.
func signature(id string, at time.Time, body []byte, secrets [][]byte, seed []byte) string {
	signed := append(fmt.Appendf(nil, "%s.%s.", id, stamp(at)), body...)
	var all []string
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write(signed)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	all = append(all, "v1a,"+base64.StdEncoding.EncodeToString(ed25519.Sign(ed25519.NewKeyFromSeed(seed), signed)))
	return strings.Join(all, " ")
}

// stamp is the header webhook-timestamp.
func stamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
