// Package web holds the pages that a gateway serves: a start page and the
// documentation of its API. They are a few files without a build step, load
// nothing from elsewhere and use the same REST paths as everybody.
package web

import "embed"

// Files are the pages and what they load.
//
//go:embed start.html docs.html docs.js style.css
var Files embed.FS

// Policy is the Content-Security-Policy of the pages: their own files and the
// gateway itself, no inline script, no frame around them.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
