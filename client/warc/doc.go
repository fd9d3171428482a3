// Package warc writes and reads the file in which a capture keeps what went over
// the network: WARC 1.1 (ISO 28500:2017, iipc.github.io/warc-specifications), each
// record a gzip member of its own, and the CDXJ index that goes with it.
//
// The format is wide; this package knows the part that captures use, writes it
// in one form, and reads nothing else. A reader of courts should not guess.
//
//	record   WARC/1.1 CRLF, {name: value CRLF}…, CRLF, block, CRLF CRLF
//	types    warcinfo (first, once), response, request, metadata, resource
//	fields   those of [Fields], each at most once, in that order
//	digests  sha256: and 64 hex digits, of the block, and of the payload of responses and requests
//
// A response's block is the HTTP message as the browser reports it: status line,
// headers, and the body after Content-Encoding and Transfer-Encoding were
// undone. Headers that no longer describe that body are kept with x-orig- before
// their name, and Content-Length is that of the body here.
//
// No library writes this for us: the only kept one for Go brings the client
// library of a monitoring system with it. The tests read our files with
// the npm packages of the Webrecorder project instead.
package warc
