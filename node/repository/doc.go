// Package repository keeps EPCIS 2.0 events and answers questions about them:
// what stands behind the capture and query interfaces of a gateway.
//
// # Where truth is
//
// Events are off the ledger. What is on it is a statement of trace.events, signed
// by a member's own account: the root over the leaves of its events. A capture is
// therefore either
//
//   - of a statement: whoever captures names it, and the documents must have its
//     root (`zheng trace event capture`); or
//   - stated here, in the name of an account that the operator gave the gateway for
//     this, for programs that speak EPCIS and nothing else.
//
// So every event here has a statement, a place in it and a receipt of its own.
//
// # Who may read
//
// Readers are the member whose statement anchors the event ("own"), and either
// nobody else, or members that are named, or everybody ("public"). They are chosen
// when the event is captured first.
//
// # Tables
//
// One SQLite file. It is no index that can be made again: whoever loses it must
// capture the documents again.
//
//	events    n is their order of capture; body without recordTime and eventID
//	terms     field, value, n: what is looked for most, in canonical form
//	anchors   statements, with the list of their leaves
//	contexts  JSON-LD contexts of the documents
//	jobs      captures, with the document as long as they are not done
//	queries, subscriptions
//
// A query is answered in two steps: SQL finds the candidates by type, action, times
// and terms; what else is asked for is looked up in each event (match.go). A page
// that has looked at many events and found few ends early, with a token to go on.
package repository
