// Package epcis identifies EPCIS 2.0 events by what is in them: the event hash
// id of GS1's Core Business Vocabulary (CBV 2.0 §8.9), which a trading partner
// can compute from its own copy of the event.
//
//	ni:///sha-256;6ae9…39d7?ver=CBV2.0
//
// The SHA-256 is over the pre-hash string: the event's fields as name=value in
// a fixed order, one after another, values in one canonical form. What is signed
// on the ledger, as event of the statements of traceability and as leaf of
// trace.events, is that SHA-256.
//
//	Events       the events of a document, or of an answer to a query
//	ReadCapture  those of a document that is to be captured, checked against the schema
//	Event.PreHash, Event.Hash, Event.ID
//
// # Where implementations differ
//
// The two published implementations of the generator have differed in two things. Here
// epcList comes before parentID, as the table of the standard has it; and
// certificationInfo, which is not in the table, is left out. recordTime,
// eventID and errorDeclaration are not hashed: an event that is sent again with
// an errorDeclaration has the same hash, so corrections are kept apart by their
// declarationTime. A redacted event has another hash.
package epcis
