// Package capture takes a web page into evidence with a headless Chromium.
//
// # What a capture is
//
// [Page] starts a browser with a profile that did not exist before, loads one
// URL, takes what can be seen of it and of the connection it came over, and
// removes browser and profile. It writes, each file hashed with SHA-256 and SM3
// in this process from the very bytes that go to the file:
//
//	viewport.png   what the window shows (viewport)
//	page.png       the whole page, not only the window (screenshot)
//	page.mhtml     the page with its resources (mhtml)
//	page.pdf       printed on A4 (pdf)
//	text.txt       its visible text, UTF-8 (text)
//	page.html      the document as scripts have left it (html)
//	cookies.json   of the profile, which was empty before (cookies)
//	console.jsonl  what the page and the browser said to the console (console)
//	steps.jsonl    entry steps, if there were any, and what came of each (steps)
//	licence/page.png, page.mhtml, text.txt  the page of the shop's licence, if
//	               asked for (licence_screenshot, licence_mhtml, licence_text)
//	recording.webm what the window showed, from a title with the clock to the end (recording)
//	dns.jsonl      what each resolver said about each host, with the messages (dns)
//	connections.jsonl      every connection, and every one that was refused (connections)
//	net.jsonl      one line per request and redirect: status, address of the
//	               server, timing, whether a cache answered; with the response
//	               headers of main documents (net)
//	tls/00.der …   the server's certificate and its chain (tls_certificate)
//	tls/tls.json   the TLS connection and the verdict on the chain (tls)
//	tls/probe.json, probe-00.der …  the same by a second connection of this program to
//	               the same address (tls_probe, tls_probe_certificate)
//	clock.json     what the time servers said (clock)
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
//	BLOCKED   the server refused this client (401, 403, 407, 429, 451), answered with a
//	          captcha or a page that turns visitors away (block_signs in capture.json
//	          says by what that was seen), or the address policy refused the server
//	FAILED    no page of the site: name, connection, time-out, certificate,
//	          redirects, 5xx (whose page is still captured)
//
// env.json has items {id, result, observed, expected, evidence_file}, with result ok, fail, na
// (recorded, nothing to compare it with) or error. One fail or error makes the
// whole report "fail": the capture is kept, and people decide what it is worth.
//
//	dns                    what each resolver said about the host
//	dns_agreement          whether any contradicts another
//	certificate            how the main document's server was authenticated
//	certificate_exception  public keys that the browser does not check
//	browser_binary         SHA-256 of the executable (not of its start script)
//	browser_version, command_line
//	suspect_switches       switches that would redirect, proxy or disguise
//	profile                did not exist before the capture
//	sandbox                of the browser, on
//	user                   that the browser runs as
//	network                of the browser: its own, with nothing in it but the filter
//	extensions             none
//	proxy                  none but the filter; proxy variables present are named
//	clock_steady           the clock was not set during the capture
//	clock_offset           against time servers: the median, NTP before HTTP's Date;
//	                       fail beyond 2 s
//	tls_probe              whether a second connection finds the same certificate
//	hosts_file             of this machine, says nothing about the host
//	clock_server           offset of the server's Date header
//	cache                  no response came from a cache
//	addresses              remote addresses on the public internet
//	remote_ip              of the main document
//	service_worker         bypassed
//	certificate_transparency  SCTs and what the browser says of them
//	resolvers              who is asked for names; ok with three or more of the options
//	route                  default route of this machine
//	public_ip              as Options.AddressService says
//	root_store             which authorities are trusted
//	policies               of an administrator for the browser: none
//	processes              digest of the names of what runs on this machine
//	disk_free              room for all that a capture may write
//	program, image         SHA-256 of this program; no signed image is compared
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
// # Order of events
//
// Filter and browser start; time servers are asked beside it; the recording begins with a title
// that shows clock, tool and isolation; the URL is loaded; the entry steps are done, of
// which one that fails ends them; window, page and the rest are taken; the certificate is
// fetched a second time; the licence page is taken; the recording ends, and the
// browser itself encodes it (WebCodecs, VP8), because no encoder need then be
// installed. The title of the capture, its address and server are those of the last
// document before the licence page.
//
// # Isolation
//
// Whoever gives the URL decides what this machine loads, and the page decides the
// rest. So the browser
//
//   - has no way to the network but a filter, a process of its own (package
//     filter), which checks every address, pins the first of each name, and refuses what
//     is not on the public internet unless Options.AllowNets or AllowPrivate has it;
//   - runs, on Linux, in a network namespace of its own that holds nothing but the
//     filter's socket, so that this does not rest on its switches: neither
//     WebRTC nor a broken renderer finds another way;
//   - runs as a user of its own when this process is root's, so that it keeps its sandbox;
//   - is bounded in time, bytes, redirects and connections.
//
// A program that captures calls [RunChild] first of all in main, because filter and
// launcher are the same program started again. Only http and https are requested.
// What was refused is in connections.jsonl, and the outcome says so: BLOCKED when it was
// the page itself, PARTIAL when it was part of it.
//
// # Known weaknesses
//
// BUG(capture): On systems other than Linux, and where namespaces are forbidden, the
// browser shares the network of this machine and its switches alone lead it to the
// filter; env.json says so under network.
//
// BUG(capture): A browser in a namespace of its own believes to be offline where a page
// asks (navigator.onLine).
//
// BUG(capture): Chromium itself asks for hosts of its maker when it starts, whatever its
// switches say; connections.jsonl has that too.
//
// BUG(capture): With ExtraRootCAs only the main document's chain is verified by
// this package; sub-resources whose chain holds an extra root's key are accepted
// unchecked.
//
// BUG(capture): The route to the server, this machine's processes and its root
// authorities are recorded, and nobody judges them. Whether a page is a captcha is told
// from what such pages show and say: a new kind is not recognized, and a short page that
// talks of "access denied" is taken for one.
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
// serve something else than to a person. Content that only loads on scrolling needs
// an entry step {"scroll": "end"}. A screenshot ends at 16384 pixels (the outcome is then PARTIAL).
package capture
