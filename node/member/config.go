package member

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"

	"zhenglian/app/receipt"
	"zhenglian/client/certificate"
	"zhenglian/client/keys"
	"zhenglian/node"
	"zhenglian/node/access"
	"zhenglian/node/blob"
	"zhenglian/node/blob/vault"
	"zhenglian/node/gateway"
	"zhenglian/node/hooks"
	"zhenglian/node/witness"
)

const gatewayFile = "gateway.json"

// Gateway are the settings of a member's gateway, kept as gateway.json in the
// home folder.
type Gateway struct {
	// Listen is the host:port for clients. On anything but loopback set tls, or put
	// a proxy with TLS before it.
	Listen string `json:"listen"`

	// MaxBlob is the largest file of evidence, in bytes.
	MaxBlob int64 `json:"max_blob"`

	// Rate is the number of requests a second that one address may make over
	// time, Burst how many at once. Zero: the gateway's defaults.
	Rate  float64 `json:"rate"`
	Burst int     `json:"burst"`

	// Auth says who may do what: see Who may do what.
	Auth AuthConfig `json:"auth"`

	// TLS, with a certificate, has the gateway speak TLS itself.
	TLS TLSConfig `json:"tls"`

	// Store are the settings of the store of files: see Files of evidence.
	Store StoreConfig `json:"store"`

	// Hooks are the settings of webhooks.
	Hooks HooksConfig `json:"hooks"`

	// EPCISKey is the key file, without a passphrase, of an account of the member
	// with the role system: with it the gateway states the EPCIS events that the
	// member's own programs capture. Empty: whoever captures signs. A relative path
	// starts at the home folder.
	EPCISKey string `json:"epcis_key,omitempty"`
	// Witness says who outside the ledger is asked to cosign its log.
	Witness WitnessConfig `json:"witness"`

	// InFlight is how many submissions may wait for a block at once; more are
	// answered 429. Zero: the gateway's default.
	InFlight int `json:"in_flight"`

	// Captures are the settings of captures of web pages, for those with the scope
	// capture.
	Captures CapturesConfig `json:"captures"`

	// Font is the TrueType font with Chinese characters of certificates; empty:
	// WenQuanYi Micro Hei of the system. RareFont is a second one, for rare characters.
	Font     string `json:"font,omitempty"`
	RareFont string `json:"rare_font,omitempty"`

	// SealCertificates is a PEM file of the member's certificate and those above
	// it, SealKey its key in PKCS #8: they seal certificates. Empty: no seal.
	// Relative paths start at the home folder.
	SealCertificates string `json:"seal_certificates,omitempty"`
	SealKey          string `json:"seal_key,omitempty"`
}

// AuthConfig are the settings of who may do what.
type AuthConfig struct {
	// Anonymous are the scopes of those who show no credentials: some of read,
	// submit, blobs and capture. Empty: credentials are needed for everything.
	Anonymous []access.Scope `json:"anonymous"`

	// OIDC are the OpenID providers whose tokens are accepted: issuer, audience,
	// claim, grants (which words of the claim give which scopes), and, where they are
	// needed, ca (a PEM file) and member.
	OIDC []access.Provider `json:"oidc"`

	// Certificates are the client certificates that are accepted, each with name (a
	// URI, a DNS name or the common name in it), scopes and, if it acts for one, member.
	Certificates []access.Certificate `json:"certificates"`
}

// StoreConfig are the settings of the store of files.
type StoreConfig struct {
	// Key is the file of the key that wraps the keys of files, made when it is
	// missing. Without it nothing that is stored can be read: see Backup.
	Key string `json:"key"`

	// Bucket is the S3 bucket of encrypted files, as
	// s3://BUCKET?region=R&endpoint=https://HOST&use_path_style=true; empty: they are in
	// blobs/. Credentials are those of the AWS SDK, such as AWS_ACCESS_KEY_ID and
	// AWS_SECRET_ACCESS_KEY.
	Bucket string `json:"bucket"`

	// Prefix is put before the names of objects in the bucket.
	Prefix string `json:"prefix"`

	// LockDays is for how many days nobody can delete an object from the bucket, in
	// compliance mode; 0: no lock. The bucket must have been made with object lock.
	LockDays int `json:"lock_days"`

	// Classes are the retention classes: name, and days that a file is kept at least,
	// 0 for ever. The first is that of files of which nobody said anything.
	Classes vault.Classes `json:"classes"`
}

// HooksConfig are the settings of webhooks.
type HooksConfig struct {
	// Allow are address blocks, such as 10.1.0.0/16, to which events may be sent
	// besides the public internet, there also over http.
	Allow []string `json:"allow"`

	// GiveUp is how long a receiver may fail before its hook is disabled.
	GiveUp node.Duration `json:"give_up"`
}

// CapturesConfig are the settings of captures. A browser runs on this machine for each:
// not on one that holds a validator's key, if there is another.
type CapturesConfig struct {
	// Running is how many captures run at once; zero: the gateway captures nothing. Each
	// takes a browser, some hundred MB of memory and a processor.
	Running int `json:"running"`

	// Waiting is how many may wait for their turn, Kept how many are kept that nobody
	// has confirmed. Zero: 64 and 256.
	Waiting int `json:"waiting"`
	Kept    int `json:"kept"`

	// Keep is how long a capture is kept that nobody confirms, Limit how long one may
	// take. Zero: 24 hours and 5 minutes.
	Keep  node.Duration `json:"keep"`
	Limit node.Duration `json:"limit"`

	// Browser is the program; empty: the Chromium or Chrome of this machine.
	Browser string `json:"browser"`

	// Allow are address blocks, such as 10.1.0.0/16, from which pages may be captured
	// besides the public internet.
	Allow []string `json:"allow"`

	// Resolvers are DNS servers, as address and port, that are all asked; name three or
	// more.
	Resolvers []string `json:"resolvers"`

	// AddressService is a URL that answers with the address that it is asked from.
	AddressService string `json:"address_service"`

	// TimeServers are asked for the time: host, or https URL.
	TimeServers []string `json:"time_servers"`

	// TSA are the time-stamp authorities that stamp what is sealed, each with url and
	// roots (a PEM file).
	TSA []TSAConfig `json:"tsa"`
}

// TSAConfig is a time-stamp authority.
type TSAConfig struct {
	URL   string `json:"url"`
	Roots string `json:"roots"`
}

// WitnessConfig are the settings of witnesses.
type WitnessConfig struct {
	// Targets are the witnesses, each with name, key (its vkey, as zhengd witness key
	// prints it) and url.
	Targets []witness.Target `json:"targets"`

	// Peers are the URLs of other members' gateways, whose logs are compared with
	// this one's.
	Peers []string `json:"peers"`

	// Every is the pause between two checkpoints.
	Every node.Duration `json:"every"`
}

// TLSConfig are the files of TLS, in PEM; relative paths start at the home folder.
type TLSConfig struct {
	// Cert is the certificate of the gateway with those between it and its
	// authority, "" for no TLS. It is read anew when the file changes.
	Cert string `json:"cert"`

	// Key is its key.
	Key string `json:"key"`

	// ClientCA holds the authorities of client certificates, "" for none. A client
	// need not have one; who has none may show other credentials.
	ClientCA string `json:"client_ca"`
}

// DefaultGateway listens on loopback.
func DefaultGateway() Gateway {
	return Gateway{
		Listen: "127.0.0.1:8080", MaxBlob: blob.DefaultMaxBytes,
		Store:    DefaultStore(),
		Hooks:    HooksConfig{Allow: []string{}, GiveUp: node.Duration(72 * time.Hour)},
		Captures: CapturesConfig{Allow: []string{}, Resolvers: []string{}, TimeServers: []string{}, TSA: []TSAConfig{}},
		Auth:     AuthConfig{Anonymous: access.Open, OIDC: []access.Provider{}, Certificates: []access.Certificate{}},
		Witness:  WitnessConfig{Targets: []witness.Target{}, Peers: []string{}, Every: node.Duration(10 * time.Second)},
	}
}

// printer loads what certificates are printed with; nil when the system has no font
// for them.
func (g Gateway) printer(home string) (*gateway.Printer, error) {
	at := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(home, path)
	}
	font, err := certificate.LoadFont(at(g.Font), at(g.RareFont))
	if errors.Is(err, certificate.ErrNoFont) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("gateway.json: %w", err)
	}
	p := &gateway.Printer{Font: font}
	if g.SealKey != "" {
		if p.Sealer, err = certificate.LoadSealer(at(g.SealCertificates), at(g.SealKey), ""); err != nil {
			return nil, fmt.Errorf("gateway.json: seal: %w", err)
		}
	}
	return p, nil
}

// stater loads the account that states EPCIS events; nil when there is none.
func (g Gateway) stater(home string) (*gateway.Stater, error) {
	if g.EPCISKey == "" {
		return nil, nil
	}
	path := g.EPCISKey
	if !filepath.IsAbs(path) {
		path = filepath.Join(home, path)
	}
	f, err := keys.Read(path)
	if err != nil {
		return nil, fmt.Errorf("gateway.json: epcis_key: %w", err)
	}
	k, err := f.Open(nil)
	if err != nil {
		return nil, fmt.Errorf("gateway.json: epcis_key: %w", err)
	}
	return &gateway.Stater{Member: k.Member, Signer: k}, nil
}

// Save writes the settings into a home folder.
func (g Gateway) Save(home string) error {
	if err := g.validate(); err != nil {
		return err
	}
	b, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(filepath.Join(home, gatewayFile), append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing gateway settings: %w", err)
	}
	return nil
}

func (g Gateway) validate() error {
	if _, _, err := net.SplitHostPort(g.Listen); err != nil {
		return fmt.Errorf("gateway.json: listen: %w", err)
	}
	if g.MaxBlob < 0 || g.Burst < 0 || g.InFlight < 0 {
		return errors.New("gateway.json: a bound is negative")
	}
	if slices.ContainsFunc(g.Auth.Anonymous, func(s access.Scope) bool { return s == access.Hooks || s == access.Store || s == access.Admin }) {
		return errors.New("gateway.json: auth.anonymous: hooks, store and admin need credentials")
	}
	if (g.TLS.Cert == "") != (g.TLS.Key == "") || g.TLS.Cert == "" && g.TLS.ClientCA != "" {
		return errors.New("gateway.json: tls: cert and key go together, and client_ca needs both")
	}
	if g.Witness.Every < 0 {
		return errors.New("gateway.json: witness.every is negative")
	}
	if err := g.Store.validate(); err != nil {
		return fmt.Errorf("gateway.json: store: %w", err)
	}
	if (g.SealCertificates == "") != (g.SealKey == "") {
		return errors.New("gateway.json: seal_certificates and seal_key go together")
	}
	return nil
}

// hooks is what the settings say of webhooks.
func (g *Gateway) hooks() (c hooks.Config, err error) {
	for _, a := range g.Hooks.Allow {
		p, err := netip.ParsePrefix(a)
		if err != nil {
			return c, fmt.Errorf("gateway.json: hooks.allow: %w", err)
		}
		c.Allow = append(c.Allow, p)
	}
	c.GiveUp = time.Duration(g.Hooks.GiveUp)
	return c, nil
}

// HooksKeyFile is where a home folder keeps the key from which the secrets of its
// gateway's webhooks are made. It is made when it is not there.
func HooksKeyFile(home string) string { return filepath.Join(home, "config", "hooks.key") }

// LogKeyFile is where a home folder keeps the key with which its gateway signs
// checkpoints of the log. It is made when it is not there.
func LogKeyFile(home string) string { return filepath.Join(home, "config", "log.key") }

// collector is what the settings say of witnesses.
func (g *Gateway) collector(home string, l witness.Ledger) (c witness.Config, err error) {
	secret, err := witness.LoadKey(LogKeyFile(home), true)
	if err != nil {
		return c, err
	}
	c = witness.Config{Ledger: l, Dir: filepath.Join(home, "data", "witness"), Targets: g.Witness.Targets, Peers: g.Witness.Peers, Every: time.Duration(g.Witness.Every)}
	c.Signer, err = witness.NewSigner(l.ChainID(), receipt.AlgLog, secret)
	return c, err
}

// KeysFile is where a home folder keeps the API keys of its gateway.
func KeysFile(home string) string { return filepath.Join(home, "config", "apikeys.json") }

// guard is what the settings say of who may do what.
func (g *Gateway) guard(home string) (*access.Guard, error) {
	keys, err := access.OpenKeys(KeysFile(home))
	if err != nil {
		return nil, err
	}
	anonymous := g.Auth.Anonymous
	if anonymous == nil {
		anonymous = access.Open // settings from before there was a choice
	}
	guard, err := access.New(access.Config{Anonymous: anonymous, Keys: keys, Providers: g.Auth.OIDC, Certificates: g.Auth.Certificates})
	if err != nil {
		return nil, fmt.Errorf("gateway.json: auth: %w", err)
	}
	return guard, nil
}

// listen opens the gateway's address, with TLS if the settings say so.
func (g *Gateway) listen(home string) (net.Listener, error) {
	l, err := net.Listen("tcp", g.Listen)
	if err != nil || g.TLS.Cert == "" {
		return l, err
	}
	path := func(p string) string {
		if filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(home, p)
	}
	clientCA := ""
	if g.TLS.ClientCA != "" {
		clientCA = path(g.TLS.ClientCA)
	}
	c, err := access.TLS(path(g.TLS.Cert), path(g.TLS.Key), clientCA)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("gateway.json: tls: %w", err), l.Close())
	}
	return tls.NewListener(l, c), nil
}

// loadGateway reads the settings of a home folder; nil when it has none.
func loadGateway(home string) (*Gateway, error) {
	path := filepath.Join(home, gatewayFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading gateway settings: %w", err)
	}
	var g Gateway
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&g); err != nil {
		return nil, fmt.Errorf("parsing %s: %w", path, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("parsing %s: data after the settings", path)
	}
	return &g, g.validate()
}
