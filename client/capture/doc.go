// Package capture takes a web page into evidence with a headless Chromium.
//
// # What a capture is
//
// [Page] starts a browser with a profile that did not exist before, loads one
// URL, takes what can be seen of it and of the connection it came over, and
// removes browser and profile. It writes, each file hashed with SHA-256 and SM3
// in this process from the very bytes that go to the file:
//
//	page.png       the whole page, not only the window (role screenshot)
//	page.mhtml     the page with its resources (mhtml)
//	page.pdf       printed on A4 (pdf)
//	text.txt       its visible text, UTF-8 (text)
//	net.jsonl      one line per request and redirect: status, address of the
//	               server, timing, whether a cache answered; with the response
//	               headers of main documents (net)
//	tls/00.der …   the server's certificate and its chain (tls_certificate)
//	tls/tls.json   the TLS connection and the verdict on the chain (tls)
//	archive/data.warc.gz   what went over the network, as WARC 1.1: see package
//	               warc (warc); with indexes/index.cdx (warc_index) and
//	               pages/pages.jsonl (warc_pages), as WACZ has them
//	error.png      instead of the page files, when no page came: the browser's
//	               own error page. It is not content of the site (error_page)
//	env.json       the environment: see below (env)
//	capture.json   the summary, with the hashes of all others (summary)
//
// The page artefacts are taken one after the other, within about a second; a
// page that changes by itself may differ between them.
//
// # What happened is data
//
// A page that does not load is a finding, not an error. Page returns an error
// only when there is nothing to hand over: no browser, nothing written, ctx
// ended, wrong options. Otherwise Result.Outcome is
//
//	COMPLETE  what the server served was captured, also when that is a 404
//	PARTIAL   the page was seen, but Result.Reason says what is missing
//	BLOCKED   the server refused this client (401, 403, 407, 429, 451), or the
//	          address policy refused the server
//	FAILED    no page of the site: name, connection, time-out, certificate,
//	          redirects, 5xx (whose page is still captured)
//
// env.json has items {id, result, observed, expected}, with result ok, fail, na
// (recorded, nothing to compare it with) or error. One fail or error makes the
// whole report "fail": the capture is kept, and people decide what it is worth.
//
//	dns                    addresses of the host by this machine's resolver
//	certificate            how the main document's server was authenticated
//	certificate_exception  public keys that the browser does not check
//	browser_binary         SHA-256 of the executable (not of its start script)
//	browser_version, command_line
//	suspect_switches       switches that would redirect, proxy or disguise
//	profile                did not exist before the capture
//	sandbox                on, unless running as root
//	extensions             none
//	proxy                  none used; proxy variables present are named
//	clock_steady           the clock was not set during the capture
//	clock_server           offset of the server's Date header
//	cache                  no response came from a cache
//	addresses              remote addresses on the public internet
//	remote_ip              of the main document, against dns
//	final_url, dialogs
//
// # Certificates
//
// The browser verifies with its own roots, and Result.Certificate is
// [CertTrusted] only then. A certificate that fails ends the capture as FAILED;
// with Options.InsecureOK it goes on, but the result says [CertBad] and the
// environment "fail". There is no way to make it silent.
//
// Options.ExtraRootCAs is for servers with a private authority, as in tests and
// demonstrations. Chromium cannot be given a root for one profile, so the public
// keys of the extra roots go into --ignore-certificate-errors-spki-list. With a
// chain that holds such a key the browser checks nothing at all, neither dates
// nor names; this package then verifies the main document's chain itself, with
// the extra roots, the host name and the time of the capture. The result is
// [CertExtraRoot] or [CertBad], never [CertTrusted], and env.json names the keys.
//
// # Cookies
//
// Values of cookies and credentials in headers give access to somebody's account. By
// default they are replaced by [redacted] in every file of this package's making;
// Options.Cookies keeps them. What the page itself shows or stores is not
// touched, nor are bodies of requests and responses.
//
// # Addresses
//
// Without Options.AllowPrivate a page cannot make this machine ask its own
// network. The host is resolved and checked before the browser navigates; every
// request of the page, redirects included, is held until its host was resolved
// and checked; and the address each response really came from is checked
// afterwards, which ends the capture as BLOCKED. Only http and https leave the
// browser.
//
// # Known weaknesses
//
// BUG(capture): The address checks are not a firewall. The browser resolves
// names again by itself, so a name that changes between the two look-ups (DNS
// rebinding) reaches a private address once before the response is noticed.
// WebSockets, WebRTC and requests of workers are not held. Run captures where
// the network itself forbids private addresses; a filtering proxy through which
// all of the browser's traffic must go is planned.
//
// BUG(capture): With ExtraRootCAs only the main document's chain is verified by
// this package; sub-resources whose chain holds an extra root's key are accepted
// unchecked.
//
// BUG(capture): The clock is compared with itself and with the server, not with
// a time source of its own; the route, the resolver's answers and the root store
// are not examined.
//
// BUG(capture): Requests of workers are missing from net.jsonl and the web
// archive. Their headers are those the browser reports, and its bodies are
// decoded: not the bytes of the wire. Bodies over 64 MiB, and those the browser no
// longer had, are marked WARC-Truncated.
//
// BUG(capture): Pictures use the fonts of this machine. Without a Chinese font,
// Chinese text is boxes in page.png and page.pdf; page.mhtml and text.txt have it.
//
// BUG(capture): The page can tell that it is visited by an automated browser and
// serve something else than to a person. Content that only loads on scrolling is
// not waited for. A screenshot ends at 16384 pixels (the outcome is then PARTIAL).
package capture
