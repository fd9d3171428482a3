// Package member is one member's process: the ledger application on a node,
// and, where the home folder has a gateway.json, the gateway with its index and
// its place for files.
//
// A home folder is that of package node and besides:
//
//	gateway.json      Gateway, strict JSON; absent: this member serves no gateway
//	config/apikeys.json  API keys of the gateway, hashed
//	data/ledger       the application's database: log and state
//	data/hooks.db     webhooks, their secrets and their log
//	data/consumer.db  how often the pages of codes were opened, and what consumers report
//	data/answers.db   answers to requests with an Idempotency-Key, for a day
//	data/index.db     the gateway's index, which may be deleted at any time
//	data/captures     captures of web pages that are not stated yet
//	blobs/            files of evidence, by SHA-256
//
// A large member runs validators without a gateway and a full node (a home whose
// key is in no validator set) with one, so that what faces the internet never
// shares a process with a validator's key.
package member
