package bundle

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"zhenglian/client/fields"
)

// Evidence files of a web capture that the verifier reads.
const (
	nameSummary = DirCapture + "capture.json"
	roleEnv     = "env"
)

// CaptureFields takes from capture.json, as package capture writes it, the fields
// that a web capture is sealed with.
func CaptureFields(summary []byte) ([]fields.Field, error) {
	var s struct {
		URL         string `json:"url"`
		FinalURL    string `json:"final_url"`
		Title       string `json:"title"`
		Outcome     string `json:"outcome"`
		HTTPStatus  int    `json:"http_status"`
		RemoteIP    string `json:"remote_ip"`
		Certificate string `json:"certificate"`
	}
	if err := json.Unmarshal(summary, &s); err != nil {
		return nil, fmt.Errorf("capture.json: %w", err)
	}
	return []fields.Field{
		{Name: "url", Value: Text(s.URL)},
		{Name: "final_url", Value: Text(s.FinalURL)},
		{Name: "title", Value: Text(s.Title)},
		{Name: "outcome", Value: Text(s.Outcome)},
		{Name: "http_status", Value: strconv.Itoa(s.HTTPStatus)},
		{Name: "remote_ip", Value: Text(s.RemoteIP)},
		{Name: "certificate", Value: Text(s.Certificate)},
	}, nil
}

// Text makes of any text one that a field may hold: UTF-8 in NFC without control
// characters, cut at a character to [fields.MaxValue] bytes.
func Text(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	s = norm.NFC.String(s)
	if len(s) > fields.MaxValue {
		s = norm.NFC.String(strings.ToValidUTF8(s[:fields.MaxValue-4], ""))
	}
	return s
}

// envReport is what the verifier reads of env.json.
type envReport struct {
	Result string `json:"result"`
	Items  []struct {
		ID     string `json:"id"`
		Result string `json:"result"`
	} `json:"items"`
}

// FailedItems lists the items of env.json that are neither ok nor na.
func FailedItems(env []byte) (bad []string, err error) {
	var r envReport
	if err := json.Unmarshal(env, &r); err != nil {
		return nil, fmt.Errorf("env.json: %w", err)
	}
	for _, it := range r.Items {
		if it.Result != "ok" && it.Result != "na" {
			bad = append(bad, it.ID)
		}
	}
	return bad, nil
}
