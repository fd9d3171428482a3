package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"zhenglian/node"
)

func statusCommand() *cobra.Command {
	var home string
	c := &cobra.Command{
		Use: "status --home DIR", Short: "节点状态 · state of a running node", Args: noArgs,
		Long: `status 询问运行中的节点（其指标端口）。就绪时退出码为 0，否则为 1。
status asks a running node on its metrics port. It exits 0 when the node is ready
and 1 when it is not, or does not answer.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := node.Load(home)
			if err != nil {
				return err
			}
			if cfg.Metrics.Listen == "" {
				return fmt.Errorf("the node in %s has no metrics port: set metrics.listen in config.json", home)
			}
			b, err := get(c.Context(), "http://"+cfg.Metrics.Listen+"/status")
			if err != nil {
				return fmt.Errorf("no answer on %s; is the node running? %w", cfg.Metrics.Listen, err)
			}
			var s struct {
				Ready bool `json:"ready"`
			}
			if err := json.Unmarshal(b, &s); err != nil {
				return err
			}
			if _, err := c.OutOrStdout().Write(b); err != nil {
				return err
			}
			if !s.Ready {
				return fmt.Errorf("the node is not ready")
			}
			return nil
		},
	}
	homeFlag(c, &home)
	return c
}

func get(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s", r.Status)
	}
	return io.ReadAll(io.LimitReader(r.Body, 1<<20))
}
