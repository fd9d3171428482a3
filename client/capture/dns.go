package capture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"zhenglian/client/capture/filter"
	"zhenglian/client/warc"
)

// networkLogs writes what the filter saw: dns.jsonl, an answer a line, and
// connections.jsonl.
func (s *session) networkLogs() error {
	s.next()
	var dns, conns bytes.Buffer
	for _, e := range s.filter.log() {
		to := &conns
		if e.Kind == filter.DNS {
			to = &dns
		}
		if err := json.NewEncoder(to).Encode(e); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		name, role string
		b          []byte
	}{{"dns.jsonl", "dns", dns.Bytes()}, {"connections.jsonl", "connections", conns.Bytes()}} {
		_, err := s.out.write(f.name, f.role, "application/jsonl", f.b)
		if errors.Is(err, errOutputLimit) {
			s.note("%v", err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// archiveDNS writes the answers of resolvers as text/dns records (RFC 4027): the
// time, then the resource records.
func (s *session) archiveDNS(w *warc.Writer) error {
	for _, e := range s.filter.log() {
		if e.Kind != filter.DNS || len(e.Answer.Records) == 0 {
			continue
		}
		at, err := time.Parse(time.RFC3339, e.At)
		if err != nil {
			return err
		}
		h := warc.Header{Type: warc.Response, Date: at, URI: "dns:" + e.Host, ContentType: warc.TypeDNS}
		if ap, err := netip.ParseAddrPort(e.Answer.Resolver); err == nil {
			h.IP = ap.Addr()
		}
		block := at.UTC().Format("20060102150405") + "\n" + strings.Join(e.Answer.Records, "\n") + "\n"
		if _, err := w.Write(h, []byte(block)); err != nil {
			s.note("web archive: %v", err)
		}
	}
	return nil
}

// observedDNS is one resolver's answer in env.json.
type observedDNS struct {
	Resolver  string       `json:"resolver"`
	Result    string       `json:"result"`
	Addresses []netip.Addr `json:"addresses"`
}

// dns compares what the resolvers said about the host of the page, which was
// connected to at used.
func (r *report) dns(events []filter.Event, host string, used netip.Addr) {
	if _, err := netip.ParseAddr(host); err == nil {
		r.add("dns", envNA, "the URL names an address", "addresses of the host")
		return
	}
	all := []observedDNS{}
	answered, confirm, denied := 0, 0, 0
	for _, e := range events {
		if e.Kind != filter.DNS || !strings.EqualFold(e.Host, host) {
			continue
		}
		a := e.Answer
		o := observedDNS{Resolver: a.Resolver, Result: "NOERROR", Addresses: a.Addrs}
		if a.Error != "" {
			o.Result = a.Error
		}
		all = append(all, o)
		switch {
		case a.Rcode == "NXDOMAIN":
			denied++
		case len(a.Addrs) > 0:
			answered++
			if slices.Contains(a.Addrs, used) {
				confirm++
			}
		}
	}
	result := envNA
	if answered == 0 {
		result = envError
	}
	r.add("dns", result, all, "addresses of the host")
	observed := fmt.Sprintf("%d of %d resolvers gave the address that was used; %d gave others, %d said that there is no such name",
		confirm, len(all), answered-confirm, denied)
	// Large sites answer each resolver with another address: that alone is no sign
	// of forgery. A name that exists for one resolver and not for another is.
	switch {
	case answered > 0 && denied > 0:
		r.add("dns_agreement", envFail, observed, "no resolver contradicts another")
	case confirm >= 2:
		r.add("dns_agreement", envOK, observed, "no resolver contradicts another")
	default:
		r.add("dns_agreement", envNA, observed, "at least two resolvers that agree")
	}
}

// addresses records where the page came from.
func (r *report) addresses(ips []netip.Addr, o Options) {
	private := 0
	for _, ip := range ips {
		if !filter.Public(ip) {
			private++
		}
	}
	observed := fmt.Sprintf("%d of %d remote addresses not on the public internet", private, len(ips))
	if o.AllowPrivate || len(o.AllowNets) > 0 {
		r.add("addresses", envNA, observed+"; allowed by the operator", "")
		return
	}
	r.check("addresses", private == 0, observed, "all on the public internet")
}
