package captures

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"zhenglian/app/tx"
	"zhenglian/client"
	"zhenglian/client/api"
	"zhenglian/client/bundle"
	"zhenglian/client/capture"
	"zhenglian/client/fields"
	"zhenglian/node/access"
	"zhenglian/node/blob"
)

// A keptSeal is ID.seal.json, as zheng bundle reads it.
type keptSeal struct {
	Seal  json.RawMessage   `json:"seal"`
	Paths map[string]string `json:"paths"` // of evidence files by name in the bundle; those that are not there are fetched from a gateway
}

// Confirm keeps the files of a capture and drafts its statement, anchored in the
// checkpoint's block. A capture that was confirmed can be confirmed again: another
// statement is drafted, for when nobody has signed the first in time.
func (s *Service) Confirm(ctx context.Context, p *access.Principal, id string, q api.CaptureConfirm, cp *api.Checkpoint) (*api.CaptureDraft, error) {
	s.mu.Lock()
	j, err := s.find(p, id)
	var dir, outcome, reason string
	if err == nil {
		dir, outcome, reason = j.dir, j.Outcome, j.Reason
		if (j.State != api.CaptureDone && j.State != api.CaptureConfirmed) || !j.Previews {
			err = fmt.Errorf("%w: it is %s", ErrState, j.State)
		} else if j.busy > 0 {
			err = fmt.Errorf("%w: it is being confirmed", ErrState)
		} else {
			j.busy++ // so that it is not swept away meanwhile
			defer func() {
				s.mu.Lock()
				j.busy--
				s.mu.Unlock()
			}()
		}
		if q.CaseTag == "" {
			q.CaseTag = j.Request.CaseTag
		}
	}
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if outcome != string(capture.Complete) && outcome != string(capture.Partial) && !q.Incomplete {
		return nil, fmt.Errorf("%w: it is %s (%s); say incomplete to state it as it is", ErrRequest, outcome, reason)
	}
	statement, seal, err := s.draft(ctx, dir, q, cp)
	if err != nil {
		return nil, err
	}
	d := &api.CaptureDraft{ID: tx.StatementID(statement), Statement: string(statement), SealURL: api.CaptureURL(id) + "/seal"}
	// The seal is kept before anybody can sign: a statement on the ledger whose salts
	// are lost proves nothing of its fields.
	if err := renameio.WriteFile(filepath.Join(dir, d.ID.String()+".seal.json"), seal, 0o600); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j.State, j.Statement, j.Request.CaseTag = api.CaptureConfirmed, d.ID, q.CaseTag
	if err := j.write(); err != nil {
		return nil, err
	}
	j.changed()
	return d, nil
}

// draft seals what is in a job's folder.
func (s *Service) draft(ctx context.Context, dir string, q api.CaptureConfirm, cp *api.Checkpoint) (statement, seal []byte, err error) {
	bad := func(format string, a ...any) ([]byte, []byte, error) {
		return nil, nil, fmt.Errorf("%w: %s", ErrRequest, fmt.Sprintf(format, a...))
	}
	if !q.Member.Valid() {
		return bad("member: want the id of a member")
	}
	if cp.Anchor.Height < 1 {
		return nil, nil, fmt.Errorf("%w: the chain has no block yet", ErrState)
	}
	e := tx.Evidence{Class: "web_capture", Anchor: tx.Anchor{Hash: cp.Anchor.Hash, Height: cp.Anchor.Height}}
	if q.CaseTag != "" {
		if e.CaseTag, err = tx.ParseDigest(q.CaseTag); err != nil || e.CaseTag.IsZero() {
			return bad("case_tag: want 64 lower-case hex digits that are not all zero")
		}
	}
	folder := filepath.Join(dir, "files")
	waived, err := waive(folder, q.Waiver)
	if err != nil {
		return nil, nil, err
	}
	k, err := client.OpenCapture(ctx, folder, nil)
	if err != nil {
		return nil, nil, err
	}
	if k.Env.Result == "fail" {
		if !waived {
			return nil, nil, ErrWaiver
		}
		f, err := client.HashFile(ctx, filepath.Join(folder, bundle.NameWaiver), tx.RoleWaiver, nil)
		if err != nil {
			return nil, nil, err
		}
		k.Files = append(k.Files, f)
	}
	if n := len(k.Files); n > tx.MaxFiles {
		return nil, nil, fmt.Errorf("%w: it has %d files; one statement takes %d", ErrState, n, tx.MaxFiles)
	}
	e.Captured, e.Env = k.Tool, &k.Env
	o := bundle.SealOptions{Anchor: e.Anchor, Authorities: s.conf.Authorities}
	if len(cp.Block) > 0 {
		if o.Header, err = bundle.AnchorHeader(cp.Block, o.Anchor); err != nil {
			return nil, nil, err
		}
	}
	summary, err := os.ReadFile(filepath.Join(folder, "capture.json"))
	if err != nil {
		return nil, nil, err
	}
	if o.Fields, err = bundle.CaptureFields(summary); err != nil {
		return nil, nil, err
	}
	for name, value := range q.Fields {
		f := fields.Field{Name: name, Value: bundle.Text(strings.TrimSpace(value))}
		if err := f.Check(); err != nil {
			return bad("fields: %s: %v", name, err)
		}
		if slices.ContainsFunc(o.Fields, func(x fields.Field) bool { return x.Name == name }) {
			return bad("fields: %s is filled in by the capture", name)
		}
		o.Fields = append(o.Fields, f)
	}
	paths := map[string]string{}
	var bytes int64
	for _, f := range k.Files {
		rel, err := filepath.Rel(folder, f.Path)
		if err != nil {
			return nil, nil, err
		}
		name := bundle.CapturePath(filepath.ToSlash(rel))
		paths[name] = filepath.ToSlash(rel)
		bytes += f.Bytes
		o.Files = append(o.Files, bundle.File{Path: name, Role: f.Role, Media: f.Media, Bytes: f.Bytes, SHA256: f.SHA256, SM3: f.SM3})
		if !slices.ContainsFunc(e.Files, func(g tx.File) bool { return g.SHA256 == f.SHA256 && g.Role == f.Role }) {
			e.Files = append(e.Files, f.File)
		}
		if err := s.keep(ctx, f); err != nil {
			return nil, nil, err
		}
	}
	o.Events = []bundle.Event{
		{At: k.Tool.Started, Event: "collected", Detail: k.Tool.Tool},
		{At: k.Tool.Ended, Event: "hashed", Detail: fmt.Sprintf("%d files, %d bytes", len(k.Files), bytes)},
	}
	sealed, err := bundle.NewSeal(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	sealed.Bind(&e)
	st := tx.Statement{
		Chain: cp.Chain, Kind: tx.EvidenceSeal, Member: q.Member, At: tx.TimeOf(time.Now()),
		Expires: cp.Anchor.Height + client.DefaultExpires, Body: &e,
	}
	if statement, err = st.Encode(); err != nil {
		return nil, nil, err
	}
	seal, err = json.MarshalIndent(keptSeal{sealed.Encode(), paths}, "", " ")
	return statement, append(seal, '\n'), err
}

// waive writes the waiver beside the artefacts, and says whether there is one.
func waive(folder string, q *api.CaptureWaiver) (bool, error) {
	if q == nil {
		return false, nil
	}
	env, err := os.ReadFile(filepath.Join(folder, "env.json"))
	if err != nil {
		return false, err
	}
	w := bundle.Waiver{Account: q.Account, At: tx.TimeOf(time.Now()), EnvSHA256: tx.Digest(blob.Sum(env)), Reason: bundle.Text(strings.TrimSpace(q.Reason))}
	if w.Items, err = bundle.FailedItems(env); err != nil {
		return false, err
	}
	if len(w.Items) == 0 {
		return false, fmt.Errorf("%w: waiver: nothing in the environment failed", ErrRequest)
	}
	b := w.Encode()
	if _, err := bundle.ParseWaiver(b); err != nil || q.Account.IsZero() {
		return false, fmt.Errorf("%w: waiver: want the account of the second officer and a reason (%w)", ErrRequest, errors.Join(err))
	}
	return true, renameio.WriteFile(filepath.Join(folder, bundle.NameWaiver), b, 0o600)
}

// keep puts an artefact where the gateway's files are.
func (s *Service) keep(ctx context.Context, f client.LocalFile) error {
	if _, err := s.blobs.Stat(ctx, blob.Digest(f.SHA256)); err == nil {
		return nil
	}
	r, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = s.blobs.Put(ctx, blob.Digest(f.SHA256), r)
	return err
}

// Seal returns the seal of the statement that was drafted last, and its file name.
func (s *Service) Seal(p *access.Principal, id string) (name string, seal []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.find(p, id)
	if err != nil {
		return "", nil, err
	}
	if j.State != api.CaptureConfirmed {
		return "", nil, fmt.Errorf("%w: it was not confirmed", ErrState)
	}
	name = j.Statement.String() + ".seal.json"
	seal, err = os.ReadFile(filepath.Join(j.dir, name))
	return name, seal, err
}
