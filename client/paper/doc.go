// Package paper carries receipts on paper and in printed files: as QR codes that
// hold the whole of a compact receipt, and attached to a PDF. It has no opinion on
// what it carries; package receipt verifies it.
//
// # QR codes
//
//	codes, err := paper.Codes(receipt)      // text of one code, or of several
//	var s paper.Sheet                       // a reader, who scans in any order
//	done, err := s.Add(text)
//	receipt, err := s.Receipt()
//
// A code is text in the alphanumeric mode of QR (ISO/IEC 18004), which every reader
// gives out unharmed, unlike bytes:
//
//	ZL1:I/N:XXXXXXXX:DATA
//
// I of N, from 1, N at most 9; XXXXXXXX is the beginning of SHA-256 of the packed
// receipt in upper-case hex, by which the codes of one receipt find together; DATA is
// its I-th part in base45 (RFC 9285). Packed means: the CBOR form of the receipt,
// compressed by DEFLATE (RFC 1951) without a header. A statement is largely hex
// digits, which DEFLATE halves.
//
// [MaxCode] characters are what a code of version 40 holds at the lowest level of
// error correction. More than that, as with signatures of ML-DSA, is cut into equal
// parts.
//
// # PDF
//
// [Attached] takes the receipt out of a certificate: the one embedded file (ISO
// 32000-1 §7.11.4) that begins as a receipt does. It finds stream dictionaries by
// their words and reads no page, no cross-reference and no other object; what it
// takes out stands or falls by itself. So a PDF is not judged here: neither what is
// printed on its pages nor its signature.
//
// Readers are bounded: 64 KiB of receipt in codes, receipt.MaxBytes in a PDF of at
// most MaxPDF bytes.
package paper
