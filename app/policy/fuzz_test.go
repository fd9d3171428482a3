package policy

import "testing"

func FuzzParse(f *testing.F) {
	for _, s := range []string{"officer@issuer", "ALL(OF(2,officer@issuer),ANY(platform@other,court@=internet-court))", "FRAC(2/3,regulator)", "MAJ(platform)", "court@superior(issuer)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := Parse(s)
		if err != nil {
			return
		}
		if e.String() != s {
			t.Fatalf("%q has another text form: %q", s, e.String())
		}
		c := Case{Roll: func(string) int { return 3 }}
		if e.Holds(&c) {
			t.Fatalf("%q holds without a signature", s)
		}
	})
}
