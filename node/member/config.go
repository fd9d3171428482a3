package member

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"zhenglian/node/blob"
)

const gatewayFile = "gateway.json"

// Gateway are the settings of a member's gateway, kept as gateway.json in the
// home folder.
type Gateway struct {
	// Listen is the host:port for clients. There is no TLS here: on anything
	// but loopback put a proxy with TLS before it.
	Listen string `json:"listen"`

	// MaxBlob is the largest file of evidence, in bytes.
	MaxBlob int64 `json:"max_blob"`

	// Rate is the number of requests a second that one address may make over
	// time, Burst how many at once. Zero: the gateway's defaults.
	Rate  float64 `json:"rate"`
	Burst int     `json:"burst"`

	// InFlight is how many submissions may wait for a block at once; more are
	// answered 429. Zero: the gateway's default.
	InFlight int `json:"in_flight"`
}

// DefaultGateway listens on loopback.
func DefaultGateway() Gateway {
	return Gateway{Listen: "127.0.0.1:8080", MaxBlob: blob.DefaultMaxBytes}
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
	return nil
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
