// Package fields is the salted Merkle tree by which a statement commits to
// things that it does not show: names, addresses, case numbers, web addresses,
// and the list of evidence files.
//
//	leaf   SHA-256(0x00 ‖ salt ‖ entry)     salt: 32 random bytes, one per leaf
//	node   SHA-256(0x01 ‖ left ‖ right)
//	root   RFC 6962 §2.1, over the leaves in the order of the list
//
// An entry is canonical JSON (RFC 8785 as package tx reads it). A [Field] is
//
//	{"name":"case_no","value":"杭市监案字〔2026〕12号"}
//
// and package bundle adds the entry of a file. The two cannot be confused,
// because their members differ.
//
// # What the salt is for
//
// Without it, whoever guesses a telephone number could confirm the guess by
// hashing it. With it, the root says nothing about an entry until its salt is
// shown, one leaf can be shown without the others ([Disclosure]), and destroying
// the salt of a leaf makes its entry unprovable and unguessable for good while
// every other proof stays valid: only the leaf's hash is kept.
//
// The hash is the one of golang.org/x/mod/sumdb/tlog, and can be repeated by
// hand: (printf '\0'; printf %s SALT | xxd -r -p; printf %s ENTRY) | sha256sum.
package fields
