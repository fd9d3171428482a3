// Package certificate prints what the ledger proves: the certificate of a statement
// (存证证书) and the record of an extraction (电子数据提取笔录), as PDF.
//
//	font, err := certificate.LoadFont("", "")
//	pdf, err := certificate.Certificate(receipt, trust, font)
//	pdf, err := certificate.Record(ctx, bundle, size, trust, font)
//	pdf, err = certificate.Seal(pdf, certificate.Sealer{…}, now)
//
// Everything printed comes from the receipt, or from the bundle, after it was
// verified; there is no place to write anything else in, and what does not verify is
// not printed. The same record, trust root and font make the same bytes. The date of
// the document is the time at which the statement was sealed.
//
// # What is on it
//
// The facts of the statement with both digests of each file; who signed; the answers
// to the fifteen questions of package receipt as they were when it was made; what it
// proves and what it does not; how to verify it; and on a page of its own the compact
// receipt as a QR code (package paper), by which the sheet of paper verifies without
// anything else but the trust root. The whole receipt is attached to the file.
//
// What is printed in words is for reading. A verifier reads the code, or the
// attachment, and shows what they say: if the words differ, the words are false.
//
// # Seal
//
// [Seal] adds a signature in CMS (ISO 32000-1 §12.8.3.3, adbe.pkcs7.detached)
// with the certificate of the member, as a certification that allows no later change.
// It covers the bytes that were there, which stay as they are. It is made by
// github.com/digitorus/pdfsign. It makes no claim to be one of the levels of PAdES:
// there is no time-stamp of an authority in it and no data of revocation, because
// the receipt proves both the time and the keys better.
//
// # Fonts
//
// The characters of GB 2312 all have a glyph that is not empty in WenQuanYi Micro Hei,
// but for ten, which are written with others (see instead). Characters that the font
// has not, such as those beyond the Basic Multilingual Plane, are drawn by their outline
// from a second font, if one is given, and else written as their code, [U+20BB7].
//
// No claim is made that the forms are those of any standard or rule: the texts of
// SF/T 0076 and of the rules of market regulation on forms of records have not been
// compared.
package certificate
