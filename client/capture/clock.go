package capture

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/beevik/ntp"
)

// Bounds of the clock's offset: beyond the first it is noted, beyond the second
// the clock is wrong.
const (
	clockNear = 500 * time.Millisecond
	clockFar  = 2 * time.Second
	clockTime = 5 * time.Second // for one server
	// dateStep is how fine an HTTP Date is: an answer of this second.
	dateStep = time.Second
)

// A clockReading is what one time server said.
type clockReading struct {
	Server      string `json:"server"`
	Method      string `json:"method"` // ntp | http
	OffsetMS    int64  `json:"offset_ms"`
	Uncertainty int64  `json:"uncertainty_ms"`
	Stratum     int    `json:"stratum,omitempty"`
	At          string `json:"at"`
	Error       string `json:"error,omitempty"`
}

// askClocks asks all time servers at the same time: "host" or "host:port" by SNTP
// (RFC 5905), an http or https URL by the Date of its answer.
func askClocks(ctx context.Context, servers []string) []clockReading {
	out := make([]clockReading, len(servers))
	var all sync.WaitGroup
	for i, s := range servers {
		all.Go(func() {
			if strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") {
				out[i] = askDate(ctx, s)
			} else {
				out[i] = askNTP(s)
			}
		})
	}
	all.Wait()
	return out
}

func askNTP(server string) clockReading {
	c := clockReading{Server: server, Method: "ntp", At: stamp(time.Now())}
	r, err := ntp.QueryWithOptions(server, ntp.QueryOptions{Timeout: clockTime})
	if err == nil {
		err = r.Validate()
	}
	if err != nil {
		c.Error = err.Error()
		return c
	}
	c.OffsetMS, c.Uncertainty, c.Stratum = r.ClockOffset.Milliseconds(), r.RootDistance.Milliseconds(), int(r.Stratum)
	return c
}

// askDate estimates the offset from the Date header, which names a whole second:
// the middle of that second against the middle of the exchange.
func askDate(ctx context.Context, server string) clockReading {
	c := clockReading{Server: server, Method: "http", At: stamp(time.Now())}
	ctx, cancel := context.WithTimeout(ctx, clockTime)
	defer cancel()
	fail := func(err error) clockReading { c.Error = err.Error(); return c }
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, server, nil)
	if err != nil {
		return fail(err)
	}
	client := http.Client{Transport: &http.Transport{Proxy: nil}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	start := time.Now()
	r, err := client.Do(req)
	if err != nil {
		return fail(err)
	}
	r.Body.Close()
	end := time.Now()
	date, err := http.ParseTime(r.Header.Get("Date"))
	if err != nil {
		return fail(err)
	}
	ours := start.Add(end.Sub(start) / 2)
	c.OffsetMS = date.Add(dateStep / 2).Sub(ours).Milliseconds()
	c.Uncertainty = ((end.Sub(start) + dateStep) / 2).Milliseconds()
	return c
}

// clockOffset judges the clock by the median of the readings: one server that is
// wrong, or lies, does not decide. NTP goes before Date.
func (r *report) clockOffset(all []clockReading) {
	if len(all) == 0 {
		r.add("clock_offset", envNA, "no time server is configured", "within 500 ms of time servers")
		return
	}
	var good []clockReading
	for _, method := range []string{"ntp", "http"} {
		for _, c := range all {
			if c.Error == "" && c.Method == method {
				good = append(good, c)
			}
		}
		if len(good) > 0 {
			break
		}
	}
	if len(good) == 0 {
		r.add("clock_offset", envError, all, "within 500 ms of time servers")
		return
	}
	slices.SortFunc(good, func(a, b clockReading) int { return int(a.OffsetMS - b.OffsetMS) })
	m := good[len(good)/2]
	offset := time.Duration(m.OffsetMS) * time.Millisecond
	slack := time.Duration(0)
	if m.Method == "http" { // a Date cannot be finer
		slack = time.Duration(m.Uncertainty) * time.Millisecond
	}
	observed := fmt.Sprintf("median of %d of %d servers: %d ms, by %s; see clock.json", len(good), len(all), m.OffsetMS, m.Method)
	switch {
	case offset.Abs() > clockFar+slack:
		r.add("clock_offset", envFail, observed, "within 2 s of time servers")
	case offset.Abs() > clockNear+slack:
		r.add("clock_offset", envNA, observed, "within 500 ms of time servers")
	default:
		r.add("clock_offset", envOK, observed, "within 500 ms of time servers")
	}
}

// checkTimeServer accepts what askClocks takes.
func checkTimeServer(s string) error {
	if s == "" || strings.ContainsAny(s, " \t\r\n") {
		return fmt.Errorf("time server %q", s)
	}
	if strings.Contains(s, "://") {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("time server %q: want host, host:port, or an http URL", s)
		}
	}
	return nil
}
