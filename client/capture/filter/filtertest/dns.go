// Package filtertest runs DNS servers for tests, on this machine.
package filtertest

import (
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// DNS starts a server and returns its address. answer gives the addresses of a
// name, which ends in a dot; n counts the questions for addresses of IPv4 before
// this one. None means that there is no such name.
func DNS(t testing.TB, answer func(name string, n int) []string) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	asked := map[string]int{}
	h := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		r := new(dns.Msg).SetReply(q)
		name, typ := q.Question[0].Name, q.Question[0].Qtype
		mu.Lock()
		n := asked[name]
		if typ == dns.TypeA {
			asked[name]++
		} else if n > 0 {
			n-- // the same look-up
		}
		addrs := answer(name, n)
		mu.Unlock()
		if len(addrs) == 0 {
			r.Rcode = dns.RcodeNameError
		}
		for _, a := range addrs {
			ip := netip.MustParseAddr(a)
			head := dns.RR_Header{Name: name, Rrtype: typ, Class: dns.ClassINET, Ttl: 0}
			switch {
			case typ == dns.TypeA && ip.Is4():
				r.Answer = append(r.Answer, &dns.A{Hdr: head, A: ip.AsSlice()})
			case typ == dns.TypeAAAA && ip.Is6():
				r.Answer = append(r.Answer, &dns.AAAA{Hdr: head, AAAA: ip.AsSlice()})
			}
		}
		w.WriteMsg(r)
	})
	srv := &dns.Server{PacketConn: c, Handler: h}
	go srv.ActivateAndServe()
	t.Cleanup(func() { srv.Shutdown() })
	return c.LocalAddr().String()
}
