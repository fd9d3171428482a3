package tx

import "slices"

// ValidUSCC reports whether s is a unified social credit code: 18 characters of
// the alphabet of GB 32100-2015, of which the last is the check character
// (§4.4: weights 3^(i−1) mod 31).
func ValidUSCC(s string) bool {
	if len(s) != 18 {
		return false
	}
	sum, weight := 0, 1
	for i := range 18 {
		v := usccValue(s[i])
		if v < 0 || i >= 2 && i < 8 && v > 9 { // characters 3 to 8 are a division code
			return false
		}
		if i < 17 {
			sum += v * weight
			weight = weight * 3 % 31
		}
	}
	return usccValue(s[17]) == (31-sum%31)%31
}

// usccValue is the value of a character, −1 for what is none: letters I, O, S,
// V and Z are left out.
func usccValue(c byte) int {
	const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	for i := range len(alphabet) {
		if alphabet[i] == c {
			return i
		}
	}
	return -1
}

// provinces are the first two digits of GB/T 2260.
var provinces = []string{"11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44", "45", "46",
	"50", "51", "52", "53", "54", "61", "62", "63", "64", "65", "71", "81", "82"}

// ValidDivision reports whether s has the form of a GB/T 2260 code: 6 digits
// that begin with a province.
func ValidDivision(s string) bool {
	if len(s) != 6 || !slices.Contains(provinces, s[:2]) {
		return false
	}
	for i := range 6 {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// ValidDate reports whether s is a date of the calendar, YYYY-MM-DD.
func ValidDate(s string) bool {
	_, ok := parseTime([]byte(s + "T00:00:00.000Z"))
	return ok
}
