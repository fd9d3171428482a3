package captures

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"

	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/client/capture"
)

// A job is a capture, and job.json. Service.mu guards it.
type job struct {
	ID      string             `json:"id"`
	Request api.CaptureRequest `json:"request"`
	By      string             `json:"by"`               // id of the principal
	Member  tx.MemberID        `json:"member,omitempty"` // for which it acts
	State   string             `json:"state"`
	Created tx.Time            `json:"created"`
	Ended   tx.Time            `json:"ended,omitzero"`
	Expires tx.Time            `json:"expires,omitzero"`
	Error   string             `json:"error,omitempty"`

	Outcome     string               `json:"outcome,omitempty"`
	Reason      string               `json:"reason,omitempty"`
	Signs       []string             `json:"block_signs,omitempty"`
	FinalURL    string               `json:"final_url,omitempty"`
	Title       string               `json:"title,omitempty"`
	HTTPStatus  int                  `json:"http_status,omitempty"`
	RemoteIP    string               `json:"remote_ip,omitempty"`
	Certificate string               `json:"certificate,omitempty"`
	EnvResult   string               `json:"env_result,omitempty"`
	Env         []api.CaptureEnvItem `json:"env,omitempty"`
	Warnings    []string             `json:"warnings,omitempty"`
	Files       []api.CaptureFile    `json:"files,omitempty"`
	Previews    bool                 `json:"previews"` // the files are here
	Statement   tx.ID                `json:"statement,omitzero"`

	Step  string `json:"-"`
	Done  int    `json:"-"`
	Total int    `json:"-"`

	dir    string
	moved  chan struct{} // closed at the next change
	cancel context.CancelFunc
	busy   int // confirmations under way
}

const jobFile = "job.json"

func (j *job) files() string { return filepath.Join(j.dir, "files") }

// readJob reads a job's folder.
func readJob(dir string) (*job, error) {
	b, err := os.ReadFile(filepath.Join(dir, jobFile))
	if err != nil {
		return nil, err
	}
	j := &job{dir: dir, moved: make(chan struct{})}
	if err := json.Unmarshal(b, j); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, jobFile), err)
	}
	return j, nil
}

func (j *job) write() error {
	b, err := json.MarshalIndent(j, "", " ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(j.dir, jobFile), append(b, '\n'), 0o600)
}

// changed wakes those who wait for a change.
func (j *job) changed() {
	close(j.moved)
	j.moved = make(chan struct{})
}

func (j *job) remove(log *slog.Logger) {
	if err := os.RemoveAll(j.dir); err != nil {
		log.Warn("capture is not deleted whole", "capture", j.ID, "err", err)
	}
}

// check refuses what package capture would refuse, before it waits for its turn.
func (j *job) check(c Config) error {
	u, err := url.Parse(j.Request.URL)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return fmt.Errorf("%w: url: want http://… or https://… with a host", ErrRequest)
	case u.User != nil:
		return fmt.Errorf("%w: url: it holds a user name or password, which would become part of the evidence", ErrRequest)
	}
	if len(j.Request.Steps) > 0 {
		if _, err := capture.ParseSteps(j.Request.Steps); err != nil {
			return fmt.Errorf("%w: %w", ErrRequest, err)
		}
	}
	return nil
}

// options are those of the capture.
func (j *job) options(c Config) capture.Options {
	q := &j.Request
	o := capture.Options{
		URL: q.URL, OutDir: j.files(), Browser: c.Browser, AddressService: c.AddressService, Timeout: time.Duration(q.Timeout) * time.Second,
		ViewportW: q.Width, ViewportH: q.Height, InsecureOK: q.Insecure, AllowNets: c.AllowNets,
		Resolvers: c.Resolvers, TimeServers: c.TimeServers, Licence: q.Licence, NoRecording: q.NoRecording,
		ToolVersion: c.Version,
	}
	if q.KeepCookies {
		o.Cookies = capture.CookiesKept
	}
	if len(q.Steps) > 0 {
		o.Steps, _ = capture.ParseSteps(q.Steps) // check has read them
	}
	return o
}

// take notes what a capture saw.
func (j *job) take(r *capture.Result) error {
	j.Outcome, j.Reason, j.FinalURL, j.Title = string(r.Outcome), r.Reason, r.FinalURL, r.Title
	j.Signs = r.Signs
	j.HTTPStatus, j.Certificate, j.EnvResult, j.Warnings = r.HTTPStatus, string(r.Certificate), r.EnvResult, r.Warnings
	if r.RemoteIP.IsValid() {
		j.RemoteIP = r.RemoteIP.String()
	}
	j.Files = nil
	for _, f := range r.Files {
		j.Files = append(j.Files, api.CaptureFile{Name: f.Name, Role: f.Role, Media: f.Media, Bytes: f.Bytes, SHA256: f.SHA256, SM3: f.SM3})
	}
	b, err := os.ReadFile(filepath.Join(j.files(), "env.json"))
	if err != nil {
		return err
	}
	var env struct {
		Items []api.CaptureEnvItem `json:"items"`
	}
	if err := json.Unmarshal(b, &env); err != nil {
		return fmt.Errorf("env.json: %w", err)
	}
	j.Env, j.Previews = env.Items, true
	return nil
}

// show describes a job.
func (s *Service) show(j *job) *api.Capture {
	c := &api.Capture{
		ID: j.ID, State: j.State, URL: j.Request.URL, CaseTag: j.Request.CaseTag, By: j.By,
		Created: j.Created, Ended: j.Ended, Expires: j.Expires,
		Step: j.Step, Done: j.Done, Total: j.Total, Error: j.Error,
		Outcome: j.Outcome, Reason: j.Reason, Signs: j.Signs, FinalURL: j.FinalURL, Title: j.Title, HTTPStatus: j.HTTPStatus,
		RemoteIP: j.RemoteIP, Certificate: j.Certificate, EnvResult: j.EnvResult, Env: j.Env, Warnings: j.Warnings,
		Files: slices.Clone(j.Files), Statement: j.Statement,
	}
	if j.State == api.CaptureWaiting {
		c.Ahead = slices.Index(s.queue, j)
	}
	if j.State == api.CaptureConfirmed {
		c.Expires = 0 // only the previews go
		c.StatementURL = api.StatementURL(j.Statement)
	}
	if j.Previews {
		for i := range c.Files {
			c.Files[i].URL = api.CaptureURL(j.ID) + "/files/" + c.Files[i].SHA256.String()
		}
	}
	return c
}
