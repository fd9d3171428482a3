package filter

import "net/netip"

// Config says what may pass. The zero value of a limit is its default.
type Config struct {
	// Resolvers are DNS servers, as address and port. All are asked for every
	// name; the answer of the first that has one is used. Empty: the resolver of
	// this machine, hosts file included.
	Resolvers []string `json:"resolvers,omitempty"`
	// Allow are networks that are not public and may be reached all the same.
	Allow []netip.Prefix `json:"allow,omitempty"`
	// AllowAll lets any address pass.
	AllowAll bool `json:"allow_all,omitempty"`
	// MaxBytes of all connections in both directions; 0 means 512 MiB.
	MaxBytes int64 `json:"max_bytes,omitempty"`
	// MaxConns at once, 0 means 128; MaxTotal altogether, 0 means 4096; MaxHosts
	// that names are asked for, 0 means 512.
	MaxConns int `json:"max_conns,omitempty"`
	MaxTotal int `json:"max_total,omitempty"`
	MaxHosts int `json:"max_hosts,omitempty"`
}

func (c Config) withDefaults() Config {
	if c.MaxBytes == 0 {
		c.MaxBytes = 512 << 20
	}
	if c.MaxConns == 0 {
		c.MaxConns = 128
	}
	if c.MaxTotal == 0 {
		c.MaxTotal = 4096
	}
	if c.MaxHosts == 0 {
		c.MaxHosts = 512
	}
	return c
}

// allows reports whether an address may be reached.
func (c *Config) allows(ip netip.Addr) bool {
	if c.AllowAll || Public(ip) {
		return ip.IsValid()
	}
	ip = ip.Unmap().WithZone("")
	for _, p := range c.Allow {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// Kinds of events.
const (
	Ready   = "ready"   // it listens; Port when in this network
	DNS     = "dns"     // a resolver answered, or did not: Answer
	Open    = "open"    // connected to Host, Port at IP
	Refused = "refused" // by a rule: Reason
	Failed  = "failed"  // could not be connected or resolved: Reason
	Closed  = "closed"  // Sent, Received
	Synced  = "synced"  // all events before this line have been written
)

// An Event is a line of the filter's output. Strings of names are as the browser
// sent them, and so by whoever wrote the page.
type Event struct {
	Kind     string     `json:"kind"`
	At       string     `json:"at"` // RFC 3339, UTC, milliseconds
	Conn     int        `json:"conn,omitempty"`
	Host     string     `json:"host,omitempty"`
	Port     int        `json:"port,omitempty"`
	IP       netip.Addr `json:"ip,omitzero"`
	Reason   string     `json:"reason,omitempty"`
	Sent     int64      `json:"sent,omitempty"`     // bytes to the server
	Received int64      `json:"received,omitempty"` // bytes from it
	Answer   *Answer    `json:"answer,omitempty"`
}

// An Answer is what one resolver said about a name.
type Answer struct {
	Resolver string       `json:"resolver"`          // address and port, or "system"
	Rcode    string       `json:"rcode,omitempty"`   // NOERROR, NXDOMAIN, …
	Addrs    []netip.Addr `json:"addresses"`         // in the order given
	Records  []string     `json:"records,omitempty"` // in the form of zone files, CNAMEs included
	Wire     [][]byte     `json:"wire,omitempty"`    // the messages themselves, with signatures if there are any
	Millis   int64        `json:"ms"`
	Error    string       `json:"error,omitempty"`
}
