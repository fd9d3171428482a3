package gs1

import (
	"strings"
)

// Globs returns patterns (of shells: * and ?) for the canonical links of what a
// pattern of EPCs stands for, urn:epc:idpat:…, and nil for what is no pattern.
//
//	urn:epc:idpat:sgtin:0614141.112345.*   the class of a product and its items
//	urn:epc:idpat:sgtin:0614141.*.*        all of a company
//	urn:epc:idpat:sscc:0614141.*
func Globs(uri string) []string {
	rest, ok := strings.CutPrefix(uri, "urn:epc:idpat:")
	if !ok {
		return nil
	}
	name, value, _ := strings.Cut(rest, ":")
	if !strings.Contains(value, "*") {
		return nil
	}
	// Of a pattern whose wildcard is only the serial number the class is known.
	if l, err := FromURN(uri); err == nil && !strings.Contains(l.Key, "*") {
		c := l.Canonical()
		switch {
		case len(l.Qualifiers) > 0:
			return nil
		case l.AI == "01" || l.AI == "8006":
			return []string{c, c + "/21/*"}
		case l.AI == "414":
			return []string{c, c + "/254/*"}
		case l.AI == "8010":
			return []string{c, c + "/8011/*"}
		}
		return []string{c + "*"}
	}
	ai := ""
	for i := range schemes {
		if schemes[i].name == "id:"+name {
			ai = schemes[i].ai
		}
	}
	company, others, _ := strings.Cut(value, ".")
	if ai == "" || strings.Trim(others, "*.") != "" || company != "*" && (len(company) < 6 || len(company) > 12 || strings.Trim(company, "0123456789") != "") {
		return nil
	}
	begin := Canonical + "/" + ai + "/"
	switch {
	case company == "*":
		return []string{begin + "*"}
	case ai == "00" || ai == "01" || ai == "8006": // an indicator or extension digit comes first
		return []string{begin + "?" + company + "*"}
	case ai == "8003":
		return []string{begin + "0" + company + "*"}
	}
	return []string{begin + company + "*"}
}
