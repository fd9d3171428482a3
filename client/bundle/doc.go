// Package bundle makes and verifies the file that goes to a court: one .evb with
// the evidence, the statement on the ledger, its receipt, trusted time and
// everything else that is needed to check it offline.
//
//	seal, err := bundle.NewSeal(ctx, bundle.SealOptions{…})   // before signing
//	seal.Bind(&evidence)                                      // fields_root, tsa, anchor
//	…                                                         // sign, enter, keep seal.Encode()
//	err = bundle.Write(ctx, w, bundle.Contents{Seal: seal, Receipt: receipt, …})
//	report, err := bundle.Verify(ctx, r, size, trust, bundle.Options{})
//
// # What is in it
//
// A ZIP file in one form only (see archive.go), whose entries are stored and sorted:
//
//	evidence/capture/…      evidence files of a web capture, or
//	evidence/files/…        files that somebody handed in
//	evidence/manifest.json  every entry but itself; see [Manifest]
//	evidence/record.json    the envelope of the statement, DSSE in JSON
//	evidence/receipt.json   the receipt, in its canonical form
//	evidence/anchor.json    header of the statement's anchor block, if the gateway gave it
//	evidence/tsa/NN.tsr     RFC 3161 token NN of the statement, as a granted response
//	evidence/tsa/NN.pem     its certificates: signer, intermediates, root
//	evidence/custody.jsonl  custody until the seal; see [Event]
//	evidence/trust.json     the trust root of the office, to compare
//	evidence/README.txt     explanations, the same in every bundle of a version
//
//	archive/data.warc.gz    of a web capture: what went over the network, WARC 1.1
//	indexes/index.cdx       its index, CDXJ
//	pages/pages.jsonl       the page in it
//	datapackage.json        all of the above, and datapackage-digest.json
//
// The same contents make the same bytes. The last five make the bundle a WACZ file
// (1.2.0), which replayweb.page and the like open; see [DataPackage]. They are there
// together or not at all: a bundle that withholds one of the first three is no WACZ
// file. Nothing else may be in the places that WACZ reserves.
//
// # How it hangs together
//
//	trust root ── validators ── receipt ── statement
//	                                          ├─ fields_root ◀─ salted tree ◀─ manifest: fields, evidence files
//	                                          ├─ files         = evidence files, by digest
//	                                          ├─ tsa           = digests of tokens ── imprint = fields_root
//	                                          ├─ anchor        = hash of anchor.json
//	                                          └─ env           = digest of env.json
//
// One salted tree ([zhenglian/client/fields]) holds the fields (addresses, title,
// case number, officers, anchor, head of the custody log) and a line for each
// evidence file. Its root is the statement's fields_root: it is what the ledger
// orders, what the authorities stamp, and what a single field or file is proved
// against ([Disclose], [Manifest.Withhold]). The statement names the files by
// digest as well, so that a receipt and a file prove each other without a bundle.
//
// Nothing in a bundle is free to be changed: what is not under the root follows
// from the manifest (datapackage.json), the statement or the receipt (tokens, certificates, anchor, record, later
// lines of custody), is constant (README.txt), or is compared with what the verifier
// brings along (trust.json).
//
// # Order of events
//
// Files are hashed; the newest block is taken as anchor; the tree is built; the
// authorities stamp its root; the statement is signed and entered. So the root is
// younger than the anchor block, and older than the earliest of the trusted tokens, the
// cosignatures of witnesses and the block that seals it. The header in anchor.json proves the first time: the
// ledger refuses a statement whose anchor is not the hash of that block. When
// the capture itself was made is a claim: an old page can be sealed today.
//
// # Verification
//
// [Verify] hashes every byte once and composes its checks with the report of
// package receipt, which has the last word on the statement:
//
//	archive         one ZIP file in its one form: no traversal, links, repeats, bombs, appended data
//	manifest        canonical; lists all entries and no others
//	contents        SHA-256, SM3, length and CRC of every entry
//	record          the envelope people read is the one in the receipt
//	seal            the root of fields and files is the statement's
//	evidence_files  the statement's files are here, and no others; Warn: some are withheld
//	custody         chained, sealed up to the seal, and what follows from the receipt
//	environment     env.json is the statement's; Warn: an item failed
//	capture         sealed fields are those of capture.json
//	web_archive     records of the WARC, its index, the package; page and server are the sealed ones
//	timestamps      imprint, signature, usage, chain at genTime; Warn: no trusted authority
//	interval        not before, not after; Warn: clocks disagree
//	trust_copy      trust.json is the verifier's
//	readme          README.txt is this version's
//
// Package lab tries to get changes past them. [Disclose] makes of a bundle a file
// that proves one field or file and shows nothing else; [VerifyDisclosure] checks it.
//
// Bounds: 20 GiB, 10 000 entries, 64 evidence files (as many as a statement names),
// 16 MiB of manifest, 4 MiB for each other entry that is read into memory; 2 MiB for
// each of up to eight entries that are hashed at once.
package bundle
