// Package list is the consumer's side of the lists: who must check millions of
// shops against a list does it at home, with a copy of the list that is proven
// whole, and ends with a report that says against which state it was done.
//
// # Tags
//
// Subjects are on the ledger as tags only, because a proof of absence shows the
// neighbouring keys, and because anybody can hash all credit codes there are.
//
//	type key = HKDF-SHA256(epoch key, no salt, "zhenglian tag v1" ‖ 00 ‖ chain ‖ 00 ‖ list ‖ 00 ‖ epoch (4, BE) ‖ type)
//	tag      = HMAC-SHA256(type key, normal form of the identifier)
//
// The key of an epoch is 32 random bytes. A key of its own for each chain, list,
// epoch and type of identifier means that tags of two lists cannot be compared,
// that a phone number never meets a shop's number, and that the input of the
// HMAC is one block: half the price of putting the names in front of it.
//
// Normal forms ([Normal]): what people type differently is one identifier.
//
//	uscc    18 characters of GB 32100-2015, upper case, check character right
//	person  18 characters of GB 11643-1999, X in upper case, check character right
//	phone   11 digits of a mobile number in China, without +86
//	shop    PLATFORM/NUMBER: the platform's member id, and its own number of the shop as it writes it
//
// Full-width characters are read as ASCII; spaces, and hyphens in the first
// three, are left out.
//
// # Epoch keys
//
// Whoever holds the key of a list can try out identifiers, so it is handed to
// members that must check against the list and to nobody else, sealed to one of
// their accounts ([Seal]):
//
//	sealed = ECIES(secp256k1 key, plain)   04 ‖ X ‖ Y ‖ iv (16) ‖ AES-128-CTR ‖ HMAC-SHA-256 over iv and ciphertext;
//	                                       z: x of the shared point (32); k = SHA-256(00000001 ‖ z); AES key: its first half;
//	                                       MAC key: SHA-256 of its second (SEC 1 §5.1 as go-ethereum/crypto/ecies has it)
//	       = SM2(sm2 key, plain)           GB/T 32918.4 in the ASN.1 form of GB/T 35276
//	plain  = SHA-256("zhenglian sealed key v1" ‖ 00 ‖ chain ‖ 00 ‖ list ‖ 00 ‖ epoch (4, BE) ‖ account (20)) ‖ epoch key (32)
//
// The ledger holds a commitment to the key and the digest of each sealed copy,
// never a copy: what is encrypted today may be read in thirty years. Whoever
// opens a copy compares the key with the commitment, so nobody can be given
// another key than the others. Keys of type mldsa65 only sign; a member needs
// an account of one of the other types to receive copies.
//
//	commitment = SHA-256("zhenglian epoch key v1" ‖ 00 ‖ chain ‖ 00 ‖ list ‖ 00 ‖ epoch (4, BE) ‖ epoch key (32))
//
// # Copies of a list
//
// A snapshot is everything in force on one list after a block, a delta what
// changed since an earlier one:
//
//	snapshot  "zlsnap1\n" ‖ length (4, BE) ‖ head ‖ list (1) ‖ DEFLATE(span)
//	delta     "zldelt1\n" ‖ length (4, BE) ‖ head ‖ list (1) ‖ height (8, BE) ‖ state root (32) of the base ‖ DEFLATE(span)
//
// head is a receipt.StateHead in CBOR; span is that of the list's subject rows
// (package span, app/README.md §7); nothing follows. [ReadSnapshot] and
// [Set.Apply] check the block against a trust root, the rows against the state
// root, that every row is one of the list, and that none is missing. What they
// return is whole or nothing.
//
// # Sweep
//
// [Sweeper] tags identifiers and looks the tags up: about half a microsecond
// each, so nine million shops take seconds on one core.
package list
