// Package filter is the only way from the browser of a capture to the network: a
// SOCKS5 proxy (RFC 1928) in a process of its own that knows every connection, and
// refuses those that a page from the internet has no business with.
//
//	browser ── SOCKS5, names ──▶ filter ── asks every resolver, checks, pins ──▶ server
//
// For each host it asks all resolvers of the operator once, checks every address
// of the answer it goes by, and stays with the first address that could be
// connected to, for as long as the capture lasts. A name that changes its address in between (DNS
// rebinding) changes nothing. Refused are addresses that are not on the public
// internet, see [Public], unless the operator allows their network; names that are spellings of
// addresses, which a resolver might read as such; and what is over a limit: bytes, connections,
// connections at once. It reads nothing of what it passes on: what the server
// sent is what the browser gets, and a refusal never looks like a page.
//
// The parent tells it by [Config] on standard input, one line of JSON. It answers
// in lines of JSON on standard output, see [Event]; it ends when its input does.
package filter
