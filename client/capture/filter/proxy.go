package filter

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Times of connections.
const (
	helloTime = 10 * time.Second
	dialTime  = 10 * time.Second
	idleTime  = 2 * time.Minute
)

// A Proxy passes connections that its Config allows.
type Proxy struct {
	config Config
	log    func(Event)
	passed atomic.Int64
	conns  chan struct{}

	mu    sync.Mutex
	total int
	hosts map[string]*host
}

// A host is resolved once and has one address.
type host struct {
	once  sync.Once
	addrs []netip.Addr
	err   error // a *refusal, or that there is no address

	mu  sync.Mutex
	pin netip.Addr
}

// A refusal is by a rule of the filter.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

// New returns a proxy that tells log what it does, in order.
func New(c Config, log func(Event)) *Proxy {
	c = c.withDefaults()
	var mu sync.Mutex
	return &Proxy{config: c, conns: make(chan struct{}, c.MaxConns), hosts: map[string]*host{}, log: func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		e.At = time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
		log(e)
	}}
}

// Serve accepts connections until l is closed.
func (p *Proxy) Serve(ctx context.Context, l net.Listener) error {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		p.mu.Lock()
		p.total++
		n := p.total
		p.mu.Unlock()
		select {
		case p.conns <- struct{}{}:
			go func() {
				defer func() { <-p.conns }()
				p.serve(ctx, c, n)
			}()
		default:
			p.log(Event{Kind: Refused, Conn: n, Reason: fmt.Sprintf("more than %d connections at once", p.config.MaxConns)})
			c.Close()
		}
	}
}

func (p *Proxy) serve(ctx context.Context, c net.Conn, n int) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(helloTime))
	name, port, err := readRequest(c)
	if err != nil { // browsers open connections that they then do not need
		p.log(Event{Kind: Failed, Conn: n, Reason: "no SOCKS5 request: " + err.Error()})
		return
	}
	e := Event{Conn: n, Host: name, Port: port}
	var server net.Conn
	switch {
	case n > p.config.MaxTotal:
		err = &refusal{fmt.Sprintf("more than %d connections", p.config.MaxTotal)}
	case p.passed.Load() >= p.config.MaxBytes:
		err = p.overLimit()
	default:
		server, e.IP, err = p.connect(ctx, name, port)
	}
	if err != nil {
		e.Kind, e.Reason = Failed, err.Error()
		code := byte(repHost)
		if errors.As(err, new(*refusal)) {
			e.Kind, code = Refused, repRuleset
		}
		p.log(e)
		c.Write(reply(code))
		return
	}
	defer server.Close()
	e.Kind = Open
	p.log(e) // before the browser can see an answer
	c.SetDeadline(time.Time{})
	if _, err := c.Write(reply(repOK)); err != nil {
		return
	}
	var sent, received int64
	var both sync.WaitGroup
	both.Go(func() { sent = p.pass(server, c) })
	both.Go(func() { received = p.pass(c, server) })
	both.Wait()
	e.Kind, e.Sent, e.Received = Closed, sent, received
	if p.passed.Load() >= p.config.MaxBytes {
		e.Kind, e.Reason = Refused, p.overLimit().Error()
	}
	p.log(e)
}

func (p *Proxy) overLimit() error {
	return &refusal{fmt.Sprintf("more than %d bytes", p.config.MaxBytes)}
}

// pass copies from src to dst until either ends, or the limit is reached, which
// ends both.
func (p *Proxy) pass(dst, src net.Conn) (n int64) {
	buf := make([]byte, 32<<10)
	for {
		src.SetReadDeadline(time.Now().Add(idleTime))
		k, err := src.Read(buf)
		if k > 0 {
			n += int64(k)
			if p.passed.Add(int64(k)) > p.config.MaxBytes {
				src.Close()
				dst.Close()
				return n
			}
			dst.SetWriteDeadline(time.Now().Add(idleTime))
			if _, err := dst.Write(buf[:k]); err != nil {
				src.Close()
				return n
			}
		}
		if err == io.EOF {
			if w, ok := dst.(interface{ CloseWrite() error }); ok {
				w.CloseWrite()
				return n
			}
		}
		if err != nil {
			src.Close()
			dst.Close()
			return n
		}
	}
}

// connect connects to a name or address that may be reached.
func (p *Proxy) connect(ctx context.Context, name string, port int) (net.Conn, netip.Addr, error) {
	h := p.host(ctx, name)
	if h.err != nil {
		return nil, netip.Addr{}, h.err
	}
	h.mu.Lock()
	addrs := h.addrs
	if h.pin.IsValid() {
		addrs = []netip.Addr{h.pin}
	}
	h.mu.Unlock()
	var errs []error
	for _, ip := range addrs {
		d := net.Dialer{Timeout: dialTime}
		c, err := d.DialContext(ctx, "tcp", netip.AddrPortFrom(ip, uint16(port)).String())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		h.mu.Lock()
		if !h.pin.IsValid() {
			h.pin = ip
		}
		same := h.pin == ip
		h.mu.Unlock()
		if !same { // two first connections found different addresses: stay with one
			c.Close()
			return p.connect(ctx, name, port)
		}
		return c, ip, nil
	}
	return nil, netip.Addr{}, errors.Join(errs...)
}

// host resolves a name, once, and checks every address.
func (p *Proxy) host(ctx context.Context, name string) *host {
	key := strings.ToLower(strings.TrimSuffix(name, "."))
	p.mu.Lock()
	h := p.hosts[key]
	if h == nil {
		h = new(host)
		if len(p.hosts) >= p.config.MaxHosts {
			h.err = &refusal{fmt.Sprintf("more than %d hosts", p.config.MaxHosts)}
			p.mu.Unlock()
			return h
		}
		p.hosts[key] = h
	}
	p.mu.Unlock()
	h.once.Do(func() { h.addrs, h.err = p.resolve(ctx, key) })
	return h
}

func (p *Proxy) resolve(ctx context.Context, name string) (addrs []netip.Addr, err error) {
	if ip, err := netip.ParseAddr(name); err == nil {
		if !p.config.allows(ip) {
			return nil, &refusal{fmt.Sprintf("%v is not on the public internet", ip)}
		}
		return []netip.Addr{ip.Unmap()}, nil
	}
	if err := plainName(name); err != nil {
		return nil, &refusal{err.Error()}
	}
	resolvers := p.config.Resolvers
	if len(resolvers) == 0 {
		resolvers = []string{System}
	}
	var mu sync.Mutex
	done := false
	var problem string
	Ask(ctx, resolvers, name, func(a Answer) bool {
		p.log(Event{Kind: DNS, Host: name, Answer: &a})
		mu.Lock()
		defer mu.Unlock()
		if done {
			return false
		}
		if problem == "" {
			problem = a.Error
		}
		if len(a.Addrs) > 0 {
			addrs, done = a.Addrs, true
		}
		return !done
	})
	mu.Lock()
	defer mu.Unlock()
	done = true
	if len(addrs) == 0 {
		if problem == "" {
			problem = "it has no address"
		}
		return nil, fmt.Errorf("host name not resolved: %s", problem)
	}
	for _, ip := range addrs {
		if !p.config.allows(ip) {
			return nil, &refusal{fmt.Sprintf("%s has the address %v, which is not on the public internet", name, ip)}
		}
	}
	return addrs, nil
}

// Replies of RFC 1928, section 6.
const (
	repOK      = 0
	repRuleset = 2
	repHost    = 4
	repCommand = 7
)

func reply(code byte) []byte { return []byte{5, code, 0, 1, 0, 0, 0, 0, 0, 0} }

// readRequest reads the greeting and the request of a client, and answers the
// greeting.
func readRequest(c net.Conn) (name string, port int, err error) {
	b := make([]byte, 262)
	if _, err := io.ReadFull(c, b[:2]); err != nil {
		return "", 0, err
	}
	if b[0] != 5 {
		return "", 0, fmt.Errorf("version %d", b[0])
	}
	if _, err := io.ReadFull(c, b[:b[1]]); err != nil { // methods
		return "", 0, err
	}
	if _, err := c.Write([]byte{5, 0}); err != nil { // none needed
		return "", 0, err
	}
	if _, err := io.ReadFull(c, b[:4]); err != nil {
		return "", 0, err
	}
	if b[0] != 5 || b[1] != 1 {
		c.Write(reply(repCommand))
		return "", 0, fmt.Errorf("command %d", b[1])
	}
	var n int
	switch b[3] {
	case 1:
		n = 4
	case 4:
		n = 16
	case 3:
		if _, err := io.ReadFull(c, b[:1]); err != nil {
			return "", 0, err
		}
		n = int(b[0])
	default:
		return "", 0, fmt.Errorf("address type %d", b[3])
	}
	kind := b[3]
	if _, err := io.ReadFull(c, b[:n+2]); err != nil {
		return "", 0, err
	}
	port = int(b[n])<<8 | int(b[n+1])
	if kind == 3 {
		return string(b[:n]), port, nil
	}
	ip, _ := netip.AddrFromSlice(b[:n])
	return ip.String(), port, nil
}

// Dial connects to host and port through a proxy that network and address reach.
func Dial(ctx context.Context, network, address, host string, port int) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Now()) })
	defer stop()
	req := append([]byte{5, 1, 0, 5, 1, 0, 3, byte(len(host))}, host...)
	req = append(req, byte(port>>8), byte(port))
	b := make([]byte, 12)
	if len(host) > 255 {
		err = errors.New("host name too long")
	} else if _, err = c.Write(req); err == nil {
		_, err = io.ReadFull(c, b)
	}
	if err == nil && (b[0] != 5 || b[1] != 0 || b[3] != 0) {
		err = errors.New("the filter refused " + net.JoinHostPort(host, strconv.Itoa(port)))
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}
