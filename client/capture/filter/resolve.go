package filter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// System is the name of the resolver of this machine.
const System = "system"

// Times of asking.
const (
	askTime = 5 * time.Second
	udpSize = 1232 // DNS flag day 2020: fits every path unfragmented
)

// Ask asks every resolver for the addresses of name at the same time. It hands
// each answer to got in the order of resolvers; got ends the waiting by false, and is
// told the rest in its own time.
func Ask(ctx context.Context, resolvers []string, name string, got func(Answer) bool) {
	answers := make([]chan Answer, len(resolvers))
	for i, r := range resolvers {
		answers[i] = make(chan Answer, 1)
		go func() { answers[i] <- ask(ctx, r, name) }()
	}
	for i, a := range answers {
		if !got(<-a) {
			go func() {
				for _, a := range answers[i+1:] {
					got(<-a)
				}
			}()
			return
		}
	}
}

func ask(ctx context.Context, resolver, name string) (a Answer) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	start := time.Now()
	a = Answer{Resolver: resolver, Addrs: []netip.Addr{}}
	var err error
	if resolver == System {
		var addrs []netip.Addr
		addrs, err = net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		for _, ip := range addrs {
			a.Addrs = append(a.Addrs, ip.Unmap())
		}
	} else {
		err = a.exchange(ctx, resolver, name)
	}
	if err != nil {
		a.Error = err.Error()
	}
	a.Millis = time.Since(start).Milliseconds()
	return a
}

// exchange asks a DNS server for IPv4 and IPv6 addresses.
func (a *Answer) exchange(ctx context.Context, server, name string) error {
	for _, typ := range []uint16{dns.TypeA, dns.TypeAAAA} {
		q := new(dns.Msg).SetQuestion(dns.Fqdn(name), typ)
		q.SetEdns0(udpSize, true) // signatures are evidence, whether or not anybody checks them
		c := dns.Client{UDPSize: udpSize}
		r, _, err := c.ExchangeContext(ctx, q, server)
		if err == nil && r.Truncated {
			c.Net = "tcp"
			r, _, err = c.ExchangeContext(ctx, q, server)
		}
		if err != nil {
			return err
		}
		wire, err := r.Pack()
		if err != nil {
			return err
		}
		a.Wire, a.Rcode = append(a.Wire, wire), dns.RcodeToString[r.Rcode]
		if r.Rcode != dns.RcodeSuccess {
			return errors.New(a.Rcode)
		}
		for _, rr := range r.Answer {
			a.Records = append(a.Records, strings.Join(strings.Fields(rr.String()), " "))
			switch rr := rr.(type) {
			case *dns.A:
				if ip, ok := netip.AddrFromSlice(rr.A); ok {
					a.Addrs = append(a.Addrs, ip.Unmap())
				}
			case *dns.AAAA:
				if ip, ok := netip.AddrFromSlice(rr.AAAA); ok {
					a.Addrs = append(a.Addrs, ip.Unmap())
				}
			}
		}
	}
	return nil
}

// plainName accepts host names. A last label of digits is a spelling of an
// address (127.1, 0x7f.1, 2130706433) to some resolvers.
func plainName(s string) error {
	if _, ok := dns.IsDomainName(s); !ok || len(s) > 253 || strings.ContainsAny(s, "/\\@ :%") {
		return fmt.Errorf("%.80q is no host name", s)
	}
	last := strings.TrimSuffix(s, ".")
	last = last[strings.LastIndexByte(last, '.')+1:]
	digits := strings.TrimLeft(last, "0123456789")
	if last == "" || digits == "" || strings.HasPrefix(strings.ToLower(last), "0x") {
		return fmt.Errorf("%.80q is an address in disguise", s)
	}
	return nil
}
