package capture

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/chromedp/cdproto/network"
)

// summaryJSON is capture.json. It lists every other artefact.
type summaryJSON struct {
	Version     int           `json:"v"`
	URL         string        `json:"url"`
	FinalURL    string        `json:"final_url"`
	Title       string        `json:"title"`
	Started     string        `json:"started"`
	Ended       string        `json:"ended"`
	Outcome     Outcome       `json:"outcome"`
	Reason      string        `json:"reason,omitempty"`
	Signs       []string      `json:"block_signs,omitempty"`
	HTTPStatus  int           `json:"http_status"`
	RemoteIP    string        `json:"remote_ip"`
	Certificate Certificate   `json:"certificate"`
	Perceptual  string        `json:"perceptual_hash,omitempty"` // of viewport.png
	Cookies     string        `json:"cookies"`                   // policy
	Method      string        `json:"method"`
	Tool        string        `json:"tool"`
	ToolSHA256  string        `json:"tool_sha256"`
	EnvSHA256   string        `json:"env_sha256"`
	EnvResult   string        `json:"env_result"`
	Viewport    [2]int        `json:"viewport"`
	Requests    int           `json:"requests"`
	Files       []summaryFile `json:"files"`
}

type summaryFile struct {
	Name   string `json:"name"`
	Role   string `json:"role"`
	Media  string `json:"media"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	SM3    string `json:"sm3"`
}

// summary writes capture.json and completes the result.
func (s *session) summary() error {
	s.next()
	r := &s.res
	sum := summaryJSON{
		Version:     1,
		URL:         r.URL,
		FinalURL:    r.FinalURL,
		Title:       r.Title,
		Started:     stamp(r.Started),
		Ended:       stamp(r.Ended),
		Outcome:     r.Outcome,
		Reason:      r.Reason,
		Signs:       r.Signs,
		HTTPStatus:  r.HTTPStatus,
		Certificate: r.Certificate,
		Perceptual:  r.Perceptual,
		Cookies:     s.opts.Cookies,
		Method:      r.Method,
		Tool:        r.Tool,
		ToolSHA256:  hex.EncodeToString(r.ToolSHA256[:]),
		EnvSHA256:   hex.EncodeToString(r.EnvSHA256[:]),
		EnvResult:   r.EnvResult,
		Viewport:    [2]int{s.opts.ViewportW, s.opts.ViewportH},
		Requests:    s.rec.view().requests,
	}
	if r.RemoteIP.IsValid() {
		sum.RemoteIP = r.RemoteIP.String()
	}
	for _, f := range s.out.files {
		sum.Files = append(sum.Files, summaryFile{
			f.Name, f.Role, f.Media, f.Bytes, hex.EncodeToString(f.SHA256[:]), hex.EncodeToString(f.SM3[:]),
		})
	}
	if _, err := s.out.writeJSON("capture.json", "summary", &sum); err != nil {
		return err
	}
	r.Files = s.out.files
	return nil
}

// serverDate is the Date header of a response (RFC 9110, section 6.6.1).
func serverDate(h network.Headers) (time.Time, error) {
	for name, value := range h {
		if s, ok := value.(string); ok && strings.EqualFold(name, "Date") {
			return http.ParseTime(s)
		}
	}
	return time.Time{}, errors.New("no Date header")
}

// responseTime is when the browser received the response, by this machine's clock.
func responseTime(r *network.Response) time.Time {
	return time.UnixMilli(int64(r.ResponseTime))
}
