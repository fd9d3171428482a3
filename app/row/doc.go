// Package row is the key table of the state tree and the values in it.
//
// State code writes these rows, receipts prove them, verifiers read them, so
// they are vocabulary and not rules. Every value is canonical JSON in the same
// strict form as statements: what a proof shows can be read aloud.
package row
