// Package policy is the language of co-signing rules: which members'
// signatures make a statement take effect.
//
// A policy is an expression, kept on the ledger as text:
//
//	expr  = leaf
//	      | "ALL(" expr {"," expr} ")"              every one
//	      | "ANY(" expr {"," expr} ")"              at least one
//	      | "OF(" n "," expr {"," expr} ")"         at least n
//	      | "MAJ(" role ")"                         more than half of the members in the role
//	      | "FRAC(" n "/" m "," role ")"            at least n/m of the members in the role
//	leaf  = role "@" scope
//	scope = "any" | "other"                         any member; any member but the stating one
//	      | "issuer" | "origin" | "target" | "custodian"
//	      | "superior(issuer)" | "platform(subject)" bound by the statement
//	      | "=" member id                           this very member
//
// There is no white space. A role is a role of the member (regulator,
// platform, court, …) or of the account (officer, admin, system).
//
// # Counting
//
// A leaf counts who signed. Where its scope can mean many members ("any",
// "other") it counts members: one organisation counts once, however many of
// its accounts sign. Where its scope means one member it counts that member's
// accounts, so that OF(2,officer@issuer) asks for two officers.
//
// OF over leaves counts what the leaves count, together and each once:
// OF(2,platform@other,court@other) is two members who are platform or court.
// OF over other expressions counts how many of them hold. A leaf alone means
// OF(1,leaf).
//
// # Monotony
//
// No operator takes anything away, so more valid signatures never turn accept
// into reject. A property test holds the package to it.
package policy
