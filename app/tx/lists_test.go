package tx

import "testing"

func TestDay(t *testing.T) {
	for _, tt := range []struct {
		got, want Day
	}{
		{mustTime(t, "2026-11-23T15:59:59.999Z").Day(), 20261123},
		{mustTime(t, "2026-11-23T16:00:00.000Z").Day(), 20261124}, // midnight in China
		{mustTime(t, "2026-12-31T16:00:00.000Z").Day(), 20270101},
		{Day(20261130).AddDays(1), 20261201},
		{Day(20240228).AddDays(1), 20240229},
		{Day(20260131).AddMonths(1), 20260228},
		{Day(20261130).AddMonths(36), 20291130},
		{Day(20261231).AddMonths(2), 20270228},
	} {
		if tt.got != tt.want {
			t.Errorf("got %d, want %d", tt.got, tt.want)
		}
	}
	if got := Day(20260401).String(); got != "2026-04-01" {
		t.Error(got)
	}
	if got := Day(20261124).Begin().String(); got != "2026-11-23T16:00:00.000Z" {
		t.Error(got)
	}
	for s, want := range map[string]Day{"2026-04-01": 20260401, "2026-02-29": 0, "20260401": 0, "": 0} {
		if got, err := ParseDay(s); got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %d, %v", s, got, err)
		}
	}
}

func mustTime(t *testing.T, s string) Time {
	v, ok := parseTime([]byte(s))
	if !ok {
		t.Fatal(s)
	}
	return v
}

func TestListWords(t *testing.T) {
	for _, l := range Lists() {
		if got, err := ParseList(l.String()); got != l || err != nil {
			t.Errorf("%s: %v, %v", l, got, err)
		}
	}
	for _, s := range []string{"", "blacklist", "list 0"} {
		if _, err := ParseList(s); err == nil {
			t.Errorf("%q is a list", s)
		}
	}
	if NegativeIndex.Statutory() || IndustryNotice.Statutory() || !SeriousDishonest.Statutory() || !AbnormalOperation.Statutory() {
		t.Error("statutory lists")
	}
}
