package capture

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/network"
)

// addressTime bounds asking for this machine's public address.
const addressTime = 5 * time.Second

// policyFolders are where an administrator makes rules for browsers: proxies, roots,
// extensions, that a fresh profile does not show.
var policyFolders = []string{"/etc/chromium/policies/managed", "/etc/chromium-browser/policies/managed", "/etc/opt/chrome/policies/managed"}

// rootFiles are where systems keep the root authorities that the second connection
// trusts; the browser has its own.
var rootFiles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"}

// machine records what this machine is like. out is where the artefacts go.
func (r *report) machine(o Options, out string) {
	r.resolvers(o.Resolvers, "/etc/resolv.conf")
	r.route("/proc/net/route")
	r.processes("/proc")
	r.policies(policyFolders)
	r.roots(rootFiles)
	if free, err := diskFree(out); err != nil {
		r.add("disk_free", envNA, err.Error(), "room for all that a capture may write")
	} else {
		r.check("disk_free", free >= uint64(o.MaxBytes), fmt.Sprintf("%d bytes", free), fmt.Sprintf("at least %d bytes, what a capture may write", o.MaxBytes))
	}
	self := "unknown"
	if path, err := os.Executable(); err == nil {
		if sum, err := fileSum(path); err == nil {
			self = "sha256 " + sum
		}
	}
	r.add("program", envNA, self, "")
	r.add("image", envNA, "no signed image of this machine was given to compare with", "the digest of a signed image")
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// resolvers records who is asked for names: those of the options, else of the system.
func (r *report) resolvers(configured []string, path string) {
	const expected = "three or more, so that one that lies stands out"
	if len(configured) > 0 {
		r.add("resolvers", map[bool]string{true: envOK, false: envNA}[len(configured) >= 3], configured, expected)
		return
	}
	found := []string{}
	b, err := os.ReadFile(path)
	if err != nil {
		r.add("resolvers", envNA, "those of the system, which are not known: "+err.Error(), expected)
		return
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "nameserver" {
			found = append(found, f[1])
		}
	}
	r.add("resolvers", envNA, map[string]any{"system": found}, expected)
}

// route records the way out of this machine, as Linux tells it.
func (r *report) route(path string) {
	b, err := os.ReadFile(path)
	if err != nil {
		r.add("route", envNA, "not known on this system", "")
		return
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" {
			continue
		}
		via := f[2]
		if raw, err := hex.DecodeString(f[2]); err == nil && len(raw) == 4 {
			// The digits are those of a number that has the address in memory.
			var a [4]byte
			binary.NativeEndian.PutUint32(a[:], binary.BigEndian.Uint32(raw))
			via = netip.AddrFrom4(a).String()
		}
		r.add("route", envNA, fmt.Sprintf("default by %s over %s", via, f[0]), "")
		return
	}
	r.add("route", envNA, "no default route", "")
}

// processes records a digest of the names of what runs, one a line in ascending order:
// names themselves tell too much of a machine.
func (r *report) processes(proc string) {
	files, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "comm"))
	if err != nil || len(files) == 0 {
		r.add("processes", envNA, "not known on this system", "")
		return
	}
	var names []string
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil { // it may have ended meanwhile
			names = append(names, string(bytes.TrimSpace(b)))
		}
	}
	slices.Sort(names)
	n := len(names)
	names = slices.Compact(names)
	r.add("processes", envNA, fmt.Sprintf("%d, of %d names, whose list has sha256 %x", n, len(names), sha256.Sum256([]byte(strings.Join(names, "\n")+"\n"))), "")
}

// policies looks for an administrator's rules for the browser.
func (r *report) policies(folders []string) {
	found := []string{}
	for _, d := range folders {
		entries, err := os.ReadDir(d)
		if err != nil {
			if !errors.Is(err, os.ErrNotExist) {
				r.add("policies", envError, err.Error(), "none that adds roots, proxies or extensions")
				return
			}
			continue
		}
		for _, e := range entries {
			found = append(found, filepath.Join(d, e.Name()))
		}
	}
	r.check("policies", len(found) == 0, found, "none that adds roots, proxies or extensions")
}

// roots records which authorities are trusted.
func (r *report) roots(files []string) {
	const expected = "the browser's own store, with nothing added"
	for _, f := range files {
		if sum, err := fileSum(f); err == nil {
			r.add("root_store", envNA, fmt.Sprintf("the browser's, which is in its binary, and a new home without any; of the second connection: %s, sha256 %s", f, sum), expected)
			return
		}
	}
	r.add("root_store", envNA, "the browser's, which is in its binary, and a new home without any; of the second connection: the system's", expected)
}

// publicAddress asks a service, which is named, what address this machine is seen at.
func (r *report) publicAddress(ctx context.Context, service string) {
	if service == "" {
		r.add("public_ip", envNA, "no service is configured that tells it", "")
		return
	}
	ip, err := askAddress(ctx, service)
	if err != nil {
		r.add("public_ip", envError, service+": "+err.Error(), "")
		return
	}
	r.add("public_ip", envNA, fmt.Sprintf("%s, as %s says", ip, service), "")
}

func askAddress(ctx context.Context, service string) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, addressTime)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, service, nil)
	if err != nil {
		return netip.Addr{}, err
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return netip.Addr{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 128))
	if err != nil {
		return netip.Addr{}, err
	}
	if res.StatusCode != http.StatusOK {
		return netip.Addr{}, errors.New(res.Status)
	}
	return netip.ParseAddr(strings.TrimSpace(string(b)))
}

// transparency records the proofs that the certificate was logged publicly (RFC 6962).
func (r *report) transparency(v *network.Response) {
	const expected = "logged as the browser's policy asks"
	if v == nil || v.SecurityDetails == nil {
		r.add("certificate_transparency", envNA, "no TLS connection", expected)
		return
	}
	d := v.SecurityDetails
	result := envNA // private authorities do not log, and the browser judges the others itself
	if d.CertificateTransparencyCompliance == network.CertificateTransparencyComplianceCompliant {
		result = envOK
	}
	r.add("certificate_transparency", result, fmt.Sprintf("%d SCTs; the browser says %s", len(d.SignedCertificateTimestampList), d.CertificateTransparencyCompliance), expected)
}

// shows names for each item the artefact that shows it, if there is one.
var shows = map[string]string{
	"dns": "dns.jsonl", "dns_agreement": "dns.jsonl", "resolvers": "dns.jsonl",
	"certificate": "tls/tls.json", "certificate_transparency": "tls/tls.json", "tls_probe": "tls/probe.json",
	"clock_offset": "clock.json", "cache": "net.jsonl", "remote_ip": "net.jsonl", "final_url": "net.jsonl",
	"clock_server": "net.jsonl", "addresses": "connections.jsonl", "network": "connections.jsonl", "proxy": "connections.jsonl",
}

// point gives each item its artefact, of those that were written.
func (r *report) point(files []File) {
	for i := range r.Items {
		if name, ok := shows[r.Items[i].ID]; ok && slices.ContainsFunc(files, func(f File) bool { return f.Name == name }) {
			r.Items[i].File = name
		}
	}
}
