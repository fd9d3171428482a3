// Package access says who asks a gateway for something, and what they may.
//
//	Authorization: Bearer zlk_…      an API key (keys.go): services, scripts
//	Authorization: Bearer JWT        a token of an OpenID provider (oidc.go): people
//	a client certificate             of a CA that the gateway knows (Certificates): machines
//	nothing                          anonymous
//
// The answer is a Principal with scopes. It is about the gateway and nothing else:
// statements are signed with their members' own keys, and the rules never ask who
// brought an envelope.
//
// # Scopes
//
//	read     everything that is on the ledger, searching, verifying, events
//	submit   hand in envelopes
//	blobs    store files of evidence
//	hooks    one's own webhooks
//	admin    everybody's webhooks, and what has no scope of its own
//
// # What is kept
//
// Of an API key its SHA-256, in a file of mode 0600: the secret has 256 random
// bits, so there is nothing that a slow hash would protect. Of a token and of a
// certificate nothing. People appear in logs under a digest of issuer and subject.
package access
