// Package hooks sends events to the addresses of those who have asked for them,
// by Standard Webhooks: https://www.standardwebhooks.com, specification of 2023.
//
//	POST URL
//	webhook-id: evt_CHAIN_HEIGHT_INDEX         the same at every attempt
//	webhook-timestamp: seconds since 1970      of the attempt
//	webhook-signature: v1,BASE64 v1a,BASE64    HMAC-SHA256, then Ed25519
//
//	{"type":"matter.changed","timestamp":TIME,"data":EVENT}
//
// Both sign ID.TIMESTAMP.BODY. A hook has a secret (whsec_…) for the first and a
// key pair of its own (whpk_…) for the second. A secret that was replaced goes on
// signing beside the new one for a day.
//
// # Delivery
//
// A hook is a place in the chain's events (package events). The event after it is
// sent; when the receiver answers 2xx the place moves on. So events come in order,
// each at least once, none is skipped, and nothing is queued: what a receiver
// missed is read from the chain when it is back. Attempts are repeated after 1 s,
// 2 s, 4 s … up to ten minutes, give or take a half, or as long as Retry-After
// says. After three days without success, or at 410, the hook is disabled; it
// keeps its place, and goes on from it when it is enabled.
//
// # Where to
//
// Only to addresses of the public internet, checked when the connection is made,
// and those that the operator allows; over https, but to allowed addresses also
// http. No redirects, no proxy, no credentials in the URL.
//
// # What is kept
//
// One SQLite file of mode 0600, for it holds addresses: hooks, a log of attempts
// (the last thousand of each hook), and what is to be sent again. Secrets are kept
// nowhere: they are derived from one key in a file of its own (key.go). Secrets and
// addresses are in no log.
package hooks
