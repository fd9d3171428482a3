package capture

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Results of one item of env.json.
const (
	envOK    = "ok"    // observed as expected
	envFail  = "fail"  // observed otherwise
	envNA    = "na"    // recorded; there is nothing to compare it with
	envError = "error" // could not be observed
)

// item is one observation about the environment of a capture.
type item struct {
	ID       string `json:"id"`
	Result   string `json:"result"`
	Observed any    `json:"observed"`
	Expected string `json:"expected,omitempty"`
	File     string `json:"evidence_file,omitempty"` // the artefact that shows it
}

// report is env.json.
type report struct {
	Version int    `json:"v"`
	Result  string `json:"result"` // "fail" when an item is fail or error
	Items   []item `json:"items"`
}

func (r *report) add(id, result string, observed any, expected string) {
	r.Items = append(r.Items, item{ID: id, Result: result, Observed: observed, Expected: expected})
}

// check adds an item that is ok or fail.
func (r *report) check(id string, ok bool, observed any, expected string) {
	result := envFail
	if ok {
		result = envOK
	}
	r.add(id, result, observed, expected)
}

// close decides: one bad item makes the whole "fail".
func (r *report) close() {
	r.Version, r.Result = 1, envOK
	for _, it := range r.Items {
		if it.Result == envFail || it.Result == envError {
			r.Result = envFail
		}
	}
}

// suspectSwitches make a browser show something other than what the network
// sent. suspectValues do so when they have a value; start scripts of
// distributions pass --load-extension without one.
var (
	suspectSwitches = []string{"--allow-running-insecure-content", "--disable-web-security", "--ignore-certificate-errors", "--proxy-auto-detect"}
	suspectValues   = []string{"--host-resolver-rules", "--host-rules", "--ignore-certificate-errors-spki-list", "--load-extension",
		"--proxy-pac-url", "--proxy-server", "--user-agent"}
)

// suspectFlags returns the arguments that use a suspect switch. The certificate
// exception that this package itself asked for, if any, is not one: it is
// judged under "certificate".
func suspectFlags(args []string, exception string, own []string) []string {
	found := []string{} // "none" is [] in JSON, not null
	for _, a := range args {
		name, value, _ := strings.Cut(a, "=")
		switch {
		case name == "--ignore-certificate-errors-spki-list" && value == exception, slices.Contains(own, a):
		case slices.Contains(suspectSwitches, name), slices.Contains(suspectValues, name) && value != "":
			found = append(found, a)
		}
	}
	return found
}

// proxyVariables returns the names of the proxy settings in environ (their
// values may hold passwords).
func proxyVariables(environ []string) []string {
	var names []string
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		switch strings.ToLower(name) {
		case "http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "auto_proxy", "socks_server":
			if value != "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// addBrowser records what the running browser says about itself.
func (r *report) addBrowser(b *browser, exception string) {
	r.add("browser_binary", envNA, fmt.Sprintf("sha256 %x", b.sha256), "")
	r.add("browser_version", envNA, b.product, "")
	r.add("command_line", envNA, b.args, "")
	suspect := suspectFlags(b.args, exception, b.filterArgs)
	r.check("suspect_switches", len(suspect) == 0, suspect, "none that redirects, proxies or disguises traffic or stops checking it")
	if exception != "" {
		r.add("certificate_exception", envNA, "chains with a public key in "+exception+" are not checked by the browser but by this program", "")
	}
	r.check("profile", b.freshProfile, "new directory, HOME and TMPDIR of the browser also new", "made for this capture")
	r.check("sandbox", !b.noSandbox, map[bool]string{false: "on", true: "off: this system does not let the browser have it"}[b.noSandbox], "on")
	r.add("user", envNA, b.user(), "")
	if b.isolation.isolated {
		r.check("network", true, "a network namespace of its own, with nothing in it but the filter", "no way past the filter")
	} else {
		r.add("network", envNA, "shared with this machine; the browser's switches lead to the filter: "+b.isolation.why, "no way past the filter")
	}
	r.check("extensions", b.extensions == 0, b.extensions, "0")
	observed := "no proxy in the environment; the browser's only way is the filter of this capture"
	if proxies := proxyVariables(os.Environ()); len(proxies) > 0 {
		observed = strings.Join(proxies, ", ") + " set, passed on neither to the browser nor to the filter"
	}
	direct := true
	for _, a := range b.filterArgs {
		direct = direct && slices.Contains(b.args, a)
	}
	r.check("proxy", direct, observed, "the filter connects directly")
}

// clockStep is by how much the wall clock was set between two readings, seen
// against the monotonic clock that both carry.
func clockStep(started, ended time.Time) time.Duration {
	wall := ended.Round(0).Sub(started.Round(0)) // Round(0) strips the monotonic reading
	return (wall - ended.Sub(started)).Round(time.Millisecond)
}

// addClock records such a step. Slewing by a time daemon stays far below the
// bound.
func (r *report) addClock(step time.Duration) {
	r.check("clock_steady", step.Abs() < time.Second, fmt.Sprintf("stepped by %v", step), "not set during the capture")
}
