package capture

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// startTimeout bounds starting the browser; a loaded machine needs seconds.
const startTimeout = 60 * time.Second

// browserNames are looked up in PATH when Options.Browser is empty.
var browserNames = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

func findBrowser(name string) (string, error) {
	names := browserNames
	if name != "" {
		names = []string{name}
	}
	for _, n := range names {
		if p, err := exec.LookPath(n); err == nil {
			return filepath.Abs(p)
		}
	}
	return "", fmt.Errorf("%w (looked for %s)", ErrNoBrowser, strings.Join(names, ", "))
}

// browser is a running browser with one tab, and what it says about itself.
type browser struct {
	ctx     context.Context // the tab's; canceling it ends the browser
	tab     *chromedp.Target
	cancels []func() // in the order to call them
	home    string   // HOME and TMPDIR of the browser

	product      string   // "Chrome/156.0…"
	args         []string // command line, as the browser process has it
	profile      string   // from args
	freshProfile bool
	noSandbox    bool
	isolation    isolation
	filterArgs   []string // switches that lead all traffic to the filter
	extensions   int
	sha256       [32]byte // of the executable; set by hash
}

// flags are the switches of every capture. Those of one capture (window size,
// certificate exception, sandbox) are added in startBrowser.
var flags = []chromedp.ExecAllocatorOption{
	chromedp.Headless, // also hides scroll bars and mutes audio
	chromedp.NoFirstRun,
	chromedp.NoDefaultBrowserCheck,
	chromedp.DisableGPU,
	// The browser tells its command line only with this switch. It also tells
	// the page that it is automated: a capture does not disguise itself.
	chromedp.Flag("enable-automation", true),

	// Nothing but the page causes traffic.
	chromedp.Flag("disable-background-networking", true),
	chromedp.Flag("disable-component-update", true),
	chromedp.Flag("disable-default-apps", true),
	chromedp.Flag("disable-domain-reliability", true),
	chromedp.Flag("disable-client-side-phishing-detection", true),
	chromedp.Flag("disable-sync", true),
	chromedp.Flag("no-pings", true),
	chromedp.Flag("metrics-recording-only", true),

	// One kind of connection: TCP, through the filter.
	chromedp.Flag("disable-quic", true),
	chromedp.Flag("force-webrtc-ip-handling-policy", "disable_non_proxied_udp"),
	chromedp.Flag("webrtc-ip-handling-policy", "disable_non_proxied_udp"),

	// The profile is bare.
	chromedp.Flag("disable-extensions", true),
	chromedp.Flag("disable-component-extensions-with-background-pages", true),
	chromedp.Flag("password-store", "basic"),
	chromedp.Flag("use-mock-keychain", true),
	chromedp.Flag("disable-breakpad", true),
	chromedp.Flag("disable-crash-reporter", true),

	// A hidden tab renders like a visible one, in the same colours everywhere.
	chromedp.Flag("disable-background-timer-throttling", true),
	chromedp.Flag("disable-backgrounding-occluded-windows", true),
	chromedp.Flag("disable-renderer-backgrounding", true),
	chromedp.Flag("disable-hang-monitor", true),
	chromedp.Flag("force-color-profile", "srgb"),
	chromedp.Flag("disable-dev-shm-usage", true), // /dev/shm is 64 MB in many containers

	// Frames of other sites stay in the process of the page. Otherwise each
	// would be a target of its own whose requests neither the guard nor the
	// log sees. What isolation protects, one site's secrets from another, does
	// not exist in an empty profile.
	chromedp.Flag("disable-site-isolation-trials", true),
	// The features: asking for https where the URL says http, translation
	// offers, and hints fetched from elsewhere.
	chromedp.Flag("disable-features", "HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,"+
		"Translate,OptimizationHints,MediaRouter,AutofillServerCommunication"),
}

// startBrowser starts a browser with a new profile. listen is told every event
// of its tab. All of its traffic goes to f.
func startBrowser(ctx context.Context, o Options, f *filterProcess, listen func(any)) (_ *browser, err error) {
	b := &browser{isolation: system()}
	defer func() {
		if err != nil {
			b.close()
			err = fmt.Errorf("run browser %s: %w", o.Browser, err)
		}
	}()
	if b.home, err = makeTemp(); err != nil {
		return nil, err
	}
	if i := &b.isolation; i.dropped && !(reachable(b.home) && reachable(filepath.Join(os.TempDir(), "profile"))) {
		i.dropped, i.sandbox = false, false // another user could not get to its own files
	}
	b.noSandbox = !b.isolation.sandbox
	b.filterArgs = []string{
		fmt.Sprintf("--proxy-server=socks5://127.0.0.1:%d", f.port),
		"--proxy-bypass-list=<-loopback>", // loopback, too, goes through it
		// Names are for the filter to resolve: the browser itself finds none.
		"--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
	}
	// The browser gets none of this process's environment: proxies, API keys
	// and switches for its start script stay out, and with a HOME of its own
	// also certificates and settings of the user.
	var lerr error // of the launch
	env := []string{"HOME=" + b.home, "TMPDIR=" + b.home, "PATH=" + os.Getenv("PATH")}
	for _, name := range []string{"LANG", "LC_ALL", "LANGUAGE", "TZ"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	opts := append(flags[:len(flags):len(flags)],
		chromedp.ExecPath(o.Browser),
		chromedp.NoInheritEnv,
		chromedp.Env(env...),
		chromedp.WindowSize(o.ViewportW, o.ViewportH),
		chromedp.Flag("no-sandbox", b.noSandbox),
		chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
			folders := []string{b.home}
			for _, a := range cmd.Args {
				if dir, ok := strings.CutPrefix(a, "--user-data-dir="); ok {
					folders = append(folders, dir)
				}
			}
			if lerr = launchBrowser(cmd, b.isolation, f.pair, folders...); lerr != nil {
				cmd.Path = "" // does not start
			}
		}),
	)
	for _, a := range b.filterArgs {
		name, value, _ := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		opts = append(opts, chromedp.Flag(name, value))
	}
	if len(o.ExtraRootCAs) > 0 {
		opts = append(opts, chromedp.Flag("ignore-certificate-errors-spki-list", spkiList(o.ExtraRootCAs)))
	}
	// chromedp makes the profile directory, and when the browser has ended kills
	// what processes of it are left and removes the directory.
	actx, acancel := chromedp.NewExecAllocator(ctx, opts...)
	quiet := func(string, ...any) {}
	bctx, bcancel := chromedp.NewContext(actx, chromedp.WithListener(listen),
		chromedp.WithLogf(quiet), chromedp.WithErrorf(quiet))
	b.ctx, b.cancels = bctx, []func(){bcancel, acancel}

	// The browser lives as long as the context of the first Do, which therefore
	// cannot carry the deadline of the start.
	late := time.AfterFunc(startTimeout, bcancel)
	oldProfiles := profiles()
	err = chromedp.Do(bctx)
	if lerr != nil {
		return nil, lerr
	}
	if !late.Stop() && err != nil {
		return nil, fmt.Errorf("not ready after %v", startTimeout)
	}
	if err != nil {
		return nil, err
	}
	b.tab = chromedp.FromContext(bctx).Target
	return b, b.inspect(oldProfiles)
}

// maxTempDir is how long the name of the folder for temporary files may be: in it
// the browser makes a socket, whose whole name has less than 108 bytes.
const maxTempDir = 45

// makeTemp makes a folder for the time of a capture.
func makeTemp() (string, error) {
	dir := os.TempDir()
	if _, err := os.Stat("/tmp"); err == nil && len(dir) > maxTempDir {
		dir = "/tmp"
	}
	return os.MkdirTemp(dir, "zheng-capture-")
}

// profiles lists the directories that chromedp makes for profiles and that
// exist now.
func profiles() []string {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), "chromedp-runner*")) // fails only for a bad pattern
	return dirs
}

// inspect asks the browser what it is. oldProfiles existed before its start.
func (b *browser) inspect(oldProfiles []string) error {
	v, err := chromedp.CallBrowser(b.ctx, cdpbrowser.GetVersion, cdp.Empty{})
	if err != nil {
		return fmt.Errorf("ask for its version: %w", err)
	}
	b.product = v.Product
	c, err := chromedp.CallBrowser(b.ctx, cdpbrowser.GetBrowserCommandLine, cdp.Empty{})
	if err != nil {
		return fmt.Errorf("ask for its command line: %w", err)
	}
	b.args = c.Arguments
	for _, a := range b.args {
		if dir, ok := strings.CutPrefix(a, "--user-data-dir="); ok {
			b.profile = dir
		}
	}
	b.freshProfile = b.profile != "" && !slices.Contains(oldProfiles, b.profile)
	t, err := chromedp.CallBrowser(b.ctx, target.GetTargets, target.GetTargetsParams{})
	if err != nil {
		return fmt.Errorf("ask for its targets: %w", err)
	}
	for _, ti := range t.TargetInfos {
		if strings.HasPrefix(ti.URL, "chrome-extension://") {
			b.extensions++
		}
	}
	return nil
}

// hash sets sha256 from the file the process executes. path is often only a
// start script; where the system shows the executable of a process, that is
// hashed instead.
func (b *browser) hash(path string) error {
	var f *os.File
	var err error
	if p := chromedp.FromContext(b.ctx).Browser.Process(); p != nil {
		f, err = os.Open(fmt.Sprintf("/proc/%d/exe", p.Pid))
	}
	if f == nil || err != nil {
		if f, err = os.Open(path); err != nil {
			return fmt.Errorf("hash browser: %w", err)
		}
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("hash browser: %w", err)
	}
	h.Sum(b.sha256[:0])
	return nil
}

// user says who runs the browser.
func (b *browser) user() string {
	switch {
	case b.isolation.dropped:
		return fmt.Sprintf("user id %d, made for captures", browserUser)
	case os.Geteuid() == 0:
		return "root"
	}
	return "the one who captures"
}

// version is the product's version in the form of Result.Tool.
func (b *browser) version() string {
	_, v, _ := strings.Cut(b.product, "/")
	return "chromium/" + v
}

// close ends the browser and removes its directories. It tells what could not
// be removed.
func (b *browser) close() error {
	for _, cancel := range b.cancels {
		cancel()
	}
	if b.home == "" {
		return nil
	}
	err := os.RemoveAll(b.home)
	if _, serr := os.Stat(b.profile); b.profile != "" && serr == nil {
		err = fmt.Errorf("browser profile %s was not removed", b.profile)
	}
	return err
}
