package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"zhenglian/app/receipt"
	"zhenglian/node/access"
	"zhenglian/node/witness"
)

// witnessFile holds the settings of a witness, witnessKey its key.
const (
	witnessFile = "witness.json"
	witnessKey  = "witness.key"
)

// witnessSettings is witness.json.
type witnessSettings struct {
	Name   string        `json:"name"`           // of the key, such as court.example/witness
	Listen string        `json:"listen"`         // host:port; on anything but loopback set tls, or put a proxy with TLS before it
	Cert   string        `json:"cert,omitempty"` // PEM, relative to the home folder
	Key    string        `json:"key,omitempty"`
	Logs   []witness.Log `json:"logs"`
}

func witnessCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "witness", Short: "运行外部见证人 · be a witness outside the ledger", Args: noArgs,
		Long: `见证人不是验证节点：它只记住所见的最新检查点，且仅当日志由其增长而来时才联署（C2SP tlog-witness）。
法院、公证处据此可发现账本被分叉。
A witness is no validator: it remembers the last checkpoint that it saw, and cosigns
another one only when that log grew from it (C2SP tlog-witness). So a court or a notary
finds out when the ledger is forked.

  zhengd witness init --home w --name court.example/witness
  zhengd witness log --home w VKEY     # log_key of each gateway's /v1/witnesses
  zhengd witness run --home w`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := c.Help(); err != nil {
				return err
			}
			return fmt.Errorf("%w: name a command", errUsage)
		},
	}
	c.AddCommand(witnessInitCommand(), witnessLogCommand(), witnessKeyCommand(), witnessRunCommand())
	return c
}

func witnessInitCommand() *cobra.Command {
	var home, name, listen string
	c := &cobra.Command{
		Use: "init --home DIR --name NAME", Short: "建立见证人目录并生成密钥 · make the home folder of a witness, with its key", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if name == "" {
				return fmt.Errorf("%w: --name is missing, such as court.example/witness", errUsage)
			}
			if _, _, err := net.SplitHostPort(listen); err != nil {
				return fmt.Errorf("%w: --listen: %w", errUsage, err)
			}
			if err := os.MkdirAll(home, 0o700); err != nil {
				return err
			}
			if _, err := os.Stat(filepath.Join(home, witnessFile)); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s is the home of a witness already", home)
			}
			secret, err := witness.LoadKey(filepath.Join(home, witnessKey), true)
			if err != nil {
				return err
			}
			s, err := witness.NewSigner(name, receipt.AlgWitness, secret)
			if err != nil {
				return fmt.Errorf("%w: --name: %w", errUsage, err)
			}
			if err := saveWitness(home, &witnessSettings{Name: name, Listen: listen, Logs: []witness.Log{}}); err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), s.Key())
			return err
		},
	}
	homeFlag(c, &home)
	c.Flags().StringVar(&name, "name", "", "见证人名称（必填），如 court.example/witness · name of the key (required)")
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8090", "监听地址 · address to listen on")
	return c
}

func witnessLogCommand() *cobra.Command {
	var home string
	c := &cobra.Command{
		Use: "log --home DIR VKEY...", Short: "添加所见证的日志密钥 · add keys of the log that is witnessed",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%w: want a key, as a gateway's /v1/witnesses shows it", errUsage)
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			s, _, err := loadWitness(home)
			if err != nil {
				return err
			}
			for _, vkey := range args {
				k, err := receipt.ParseNoteKey(vkey)
				if err == nil && k.Witness() {
					err = errors.New("it is the key of a witness, not of a log")
				}
				if err != nil {
					return fmt.Errorf("%w: %w", errUsage, err)
				}
				s.add(k)
			}
			return saveWitness(home, s)
		},
	}
	homeFlag(c, &home)
	return c
}

// add makes k a key of its origin, once.
func (s *witnessSettings) add(k receipt.NoteKey) {
	for i := range s.Logs {
		l := &s.Logs[i]
		if l.Origin != k.Name() {
			continue
		}
		for _, had := range l.Keys {
			if had == k.String() {
				return
			}
		}
		l.Keys = append(l.Keys, k.String())
		return
	}
	s.Logs = append(s.Logs, witness.Log{Origin: k.Name(), Keys: []string{k.String()}})
}

func witnessKeyCommand() *cobra.Command {
	var home string
	c := &cobra.Command{
		Use: "key --home DIR", Short: "显示见证人公钥 · print the key of the witness, for policies and gateways", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, signer, err := loadWitness(home)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), signer.Key())
			return err
		},
	}
	homeFlag(c, &home)
	return c
}

func witnessRunCommand() *cobra.Command {
	var home, listen string
	c := &cobra.Command{
		Use: "run --home DIR", Short: "运行见证人 · answer until SIGINT or SIGTERM", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, signer, err := loadWitness(home)
			if err != nil {
				return err
			}
			if listen != "" {
				s.Listen = listen
			}
			srv, err := witness.OpenServer(witness.ServerConfig{Dir: home, Signer: signer, Logs: s.Logs})
			if err != nil {
				return err
			}
			defer srv.Close()
			return serveWitness(c.Context(), c, home, s, srv)
		},
	}
	homeFlag(c, &home)
	c.Flags().StringVar(&listen, "listen", "", "监听地址，覆盖 witness.json · address to listen on, instead of that in witness.json")
	return c
}

func serveWitness(ctx context.Context, c *cobra.Command, home string, s *witnessSettings, handler http.Handler) error {
	l, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return err
	}
	scheme := "http"
	if s.Cert != "" {
		conf, err := access.TLS(at(home, s.Cert), at(home, s.Key), "")
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", witnessFile, err), l.Close())
		}
		l, scheme = tls.NewListener(l, conf), "https"
	}
	fmt.Fprintf(c.ErrOrStderr(), "witness: %s://%s\n", scheme, l.Addr())
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return srv.Shutdown(wait)
}

func at(home, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(home, path)
}

func loadWitness(home string) (*witnessSettings, *witness.Signer, error) {
	path := filepath.Join(home, witnessFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	s := new(witnessSettings)
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(s); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if (s.Cert == "") != (s.Key == "") || strings.TrimSpace(s.Name) == "" {
		return nil, nil, fmt.Errorf("%s: name is missing, or one of cert and key", path)
	}
	secret, err := witness.LoadKey(filepath.Join(home, witnessKey), false)
	if err != nil {
		return nil, nil, err
	}
	signer, err := witness.NewSigner(s.Name, receipt.AlgWitness, secret)
	return s, signer, err
}

func saveWitness(home string, s *witnessSettings) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(home, witnessFile), append(b, '\n'), 0o600)
}
