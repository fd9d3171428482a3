package capture

import "strings"

// redacted stands for what the policy keeps out of the evidence.
const redacted = "[redacted]"

// secretHeaders authenticate the client; whoever has them can act in its name.
var secretHeaders = map[string]bool{"authorization": true, "proxy-authorization": true}

// redactHeader returns the value of a header without what gives access: values of
// cookies and credentials. Names and attributes of cookies stay.
func redactHeader(name, value string) string {
	switch name = strings.ToLower(name); {
	case secretHeaders[name]:
		return redacted
	case name == "cookie":
		pairs := strings.Split(value, ";")
		for i, p := range pairs {
			pairs[i] = redactPair(strings.TrimSpace(p))
		}
		return strings.Join(pairs, "; ")
	case name == "set-cookie" || name == "set-cookie2":
		pair, attributes, more := strings.Cut(value, ";")
		if pair = redactPair(strings.TrimSpace(pair)); more {
			return pair + ";" + attributes
		}
		return pair
	}
	return value
}

func redactPair(p string) string {
	if name, _, ok := strings.Cut(p, "="); ok {
		return name + "=" + redacted
	}
	return redacted
}
