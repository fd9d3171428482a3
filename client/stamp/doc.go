// Package stamp gets time-stamp tokens (RFC 3161) and checks them.
//
//	tokens, err := stamp.All(ctx, root, authorities...)   // before the statement is signed
//	token, err := stamp.Parse(der)                        // later, anywhere
//	chain, err := token.Chain(imprint, roots)
//
// A token is what an authority signs: "I saw this digest at this time". The
// digest here is the root of the salted tree of an item of evidence
// ([zhenglian/client/fields]); SHA-256 of the token goes into the statement.
//
// # What is checked
//
//   - form: DER of at most MaxToken bytes, definite lengths, bounded nesting.
//     Tokens in BER are refused, when stamping already;
//   - one signer, whose certificate is in the token and is named by the signed
//     attribute signingCertificate or signingCertificateV2 (RFC 2634 §5.4, RFC 5816);
//   - the signed attribute contentType is id-ct-TSTInfo, and the signature holds;
//   - the signer's only extended key usage is timeStamping, and critical (RFC 3161 §2.3);
//   - the imprint is of SHA-256 and equal to what was asked for;
//   - the chain leads to a given root at genTime, not now: a certificate that
//     expired later does no harm to what it signed earlier.
//
// CMS and the messages are read by github.com/digitorus/pkcs7 and timestamp; as
// their parser is lenient, the bytes have gone through the form check before.
//
// Tokens are kept as granted responses (.tsr), which openssl reads:
//
//	openssl ts -verify -in 00.tsr -digest ROOT -CAfile 00.pem
//
// # The test authority
//
// [NewTestAuthority] is for demonstrations and tests. It signs with a key that it
// makes up, under a policy of the example arc (2.999) and a name that begins with
// UNTRUSTED, and [Token.Test] tells its tokens from others by either. A verifier
// reports them as worth nothing, even when told to trust their root.
//
// # Not here
//
// Revocation of the authority's certificate is not examined: no CRL or OCSP
// answer is asked for or kept. Tokens signed with SM2 are not supported, because
// crypto/x509 does not know the curve.
package stamp
