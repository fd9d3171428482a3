// Package tx is the vocabulary of the ledger: statements, envelopes, keys, ids
// and numbered refusals. It imports nothing of ours, so that a court tool, a
// browser and a validator read the same bytes with the same code.
//
// # From words to a transaction
//
//	Statement ── Encode ──▶ canonical JSON ── Seal(…, signers) ──▶ Envelope ── AppendWire ──▶ transaction
//	                             │                                                              │
//	                         StatementID                                                 ParseEnvelope
//	                             ▼                                                              ▼
//	                            ID                           Verifier.Verify ◀── PAEDigest ── payload ── ParseStatement
//
//	s := &tx.Statement{Chain: chain, Kind: tx.EvidenceSeal, Member: "hangzhou-amr", At: now, Expires: height + 1000, Body: body}
//	b, err := s.Encode()
//	e, err := tx.Seal(b, officer1, officer2)
//	transaction := e.AppendWire(nil)
//
// The bytes that were signed travel as they are. Nothing is ever encoded again
// in order to check a signature, and an ID is the hash of those bytes.
//
// # Reading
//
// Everything is read once, strictly, into typed values: unknown, repeated,
// missing or misplaced members, other spellings of the same JSON, white space,
// text that is not in NFC, values out of bounds are refused with a number.
// [Reader] does it in one pass over the bytes: canonical form fixes the order of
// members, so a schema is a sequence of [Object.Need] and [Object.Has] calls.
// [Writer] is its counterpart; rows of the state and receipts use both.
//
// Body.Validate checks what spans several members of one body. Whatever needs the
// ledger — accounts, heights, policies — is in app/state.
//
// # Refusals
//
// An [*Error] carries a [Code]. Numbers are append-only and the same in the
// chain, the gateway and the client: errors.Is(err, CodeStalePrev.Err()).
//
// # Files
//
//	statement.go   header, table of kinds, ParseStatement, Encode
//	evidence.go    bodies of the evidence family
//	endorse.go     body of endorse
//	envelope.go    DSSE: wire form, JSON form, PAE
//	key.go         key types, account ids, verification
//	sign.go        secret keys, Seal
//	ids.go         ID, Digest, AccountID, MemberID, Time and their text forms
//	json.go        Reader and Writer
//	errors.go      the table of codes
//
// The bytes are specified in app/README.md; testdata/vectors holds examples of
// them, good and bad, for every implementation.
package tx
