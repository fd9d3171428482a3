// Package client is the Go client of the ledger's REST contract
// ([zhenglian/client/api]) and of the work around it: hashing files, drafting
// statements, gathering signatures, checking receipts.
//
// A [Client] implements [api.Ledger] over HTTP. Above it stand the acts that
// an officer knows:
//
//	c, err := client.New(client.Config{Gateway: "http://127.0.0.1:8080"})
//	file, err := client.HashFile(ctx, "page.png", "original", nil)
//	entry, err := c.Notarize(ctx, client.NotarizeOptions{
//		Member:   "hangzhou-amr",
//		Evidence: tx.Evidence{Class: "file", Captured: …},
//		Files:    []client.LocalFile{file},
//		Upload:   true,
//		Signers:  []tx.Signer{officer1, officer2, city},
//		Trust:    trust,
//	})
//
// Notarize is [Client.Draft], [tx.Seal] and [Client.Enter] in one. Where the
// signers sit in different places, the draft goes round as a file instead.
//
// # Trying again
//
// Every request of the contract may be sent twice: reading changes nothing,
// and a statement or a blob that the ledger holds already is answered as the
// first time. So a request is tried again when the network failed and when the
// gateway asked for it (429 or 503), up to [Config.Attempts] times. A blob from
// a source that cannot be read again is sent once.
//
// # Errors
//
//   - the gateway could not be asked: errors.Is(err, [ErrUnreachable]);
//   - it answered with a problem: an [*api.Problem], and for a refusal by the
//     rules errors.Is(err, tx.CodeStalePrev.Err()), as everywhere else;
//   - there is no such thing: [IsNotFound];
//   - the statement is on its way but not proved yet: an [*api.InFlight];
//   - the receipt does not prove what it should: an [*Unverified].
package client
