package calendar_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"zhenglian/app/calendar"
	"zhenglian/app/tx"
)

func day(s string) tx.Date {
	d, err := tx.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// year2026 is the calendar that the State Council announced.
var year2026 = func() *calendar.Calendar {
	y := calendar.Year{Year: 2026}
	for _, s := range [][2]string{{"2026-01-01", "2026-01-03"}, {"2026-02-15", "2026-02-23"}, {"2026-04-04", "2026-04-06"}, {"2026-05-01", "2026-05-05"},
		{"2026-06-19", "2026-06-21"}, {"2026-09-25", "2026-09-27"}, {"2026-10-01", "2026-10-07"}} {
		for d := day(s[0]); d <= day(s[1]); d++ {
			y.Holidays = append(y.Holidays, d)
		}
	}
	for _, s := range []string{"2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"} {
		y.Workdays = append(y.Workdays, day(s))
	}
	var none *calendar.Calendar
	return none.With(y)
}()

// Counted by hand on a printed calendar of 2026.
func TestAddByHand(t *testing.T) {
	for _, tt := range []struct {
		from  string
		count int64
		unit  string
		roll  bool
		want  string
	}{
		{"2026-02-12", 1, tx.Workdays, false, "2026-02-13"}, // Thursday to Friday
		{"2026-02-12", 2, tx.Workdays, false, "2026-02-14"}, // a Saturday that is worked
		{"2026-02-12", 3, tx.Workdays, false, "2026-02-24"}, // over the Spring Festival
		{"2026-02-12", 7, tx.Workdays, false, "2026-02-28"}, // another Saturday that is worked
		{"2026-09-18", 1, tx.Workdays, false, "2026-09-20"}, // a Sunday that is worked
		{"2026-09-24", 3, tx.Workdays, false, "2026-09-30"}, // Mid-Autumn, and up to the National Day
		{"2026-09-30", 1, tx.Workdays, false, "2026-10-08"},
		{"2026-10-03", 0, tx.Workdays, false, "2026-10-08"}, // nothing is left, on a holiday
		{"2026-12-30", 3, tx.Workdays, false, "2027-01-04"}, // 2027 is not known: its Fridays are worked
		{"2026-09-24", 7, tx.Days, false, "2026-10-01"},
		{"2026-09-24", 7, tx.Days, true, "2026-10-08"},
		{"2026-01-31", 1, tx.Months, false, "2026-02-28"},
		{"2028-01-31", 1, tx.Months, false, "2028-02-29"},
		{"2026-11-30", 3, tx.Months, false, "2027-02-28"},
		{"2028-02-29", 1, tx.Years, false, "2029-02-28"},
		{"2028-02-29", 4, tx.Years, false, "2032-02-29"},
		{"2025-10-01", 1, tx.Years, true, "2026-10-08"},
	} {
		if got := year2026.Add(day(tt.from), tt.count, tt.unit, tt.roll); got != day(tt.want) {
			t.Errorf("%d %s from %s, roll %v: got %s, want %s", tt.count, tt.unit, tt.from, tt.roll, got, tt.want)
		}
	}
}

// A model that only ever looks at one day after the other.
type model struct{ holidays, workdays []tx.Date }

func (m *model) worked(d tx.Date) bool {
	weekday := (int(d) + 3) % 7 // 1970-01-01 was a Thursday; 0 is Monday
	return slices.Contains(m.workdays, d) || weekday < 5 && !slices.Contains(m.holidays, d)
}

func (m *model) add(from tx.Date, count int64, unit string, roll bool) tx.Date {
	d := from
	switch unit {
	case tx.Workdays:
		for n := int64(0); n < count; {
			if d++; m.worked(d) {
				n++
			}
		}
	case tx.Days:
		for range count {
			d++
		}
	case tx.Years, tx.Months:
		if unit == tx.Years {
			count *= 12
		}
		_, month, number := from.Civil()
		for n := int64(0); ; { // walk until the month is right, then to the day
			if _, m, k := d.Civil(); n == count {
				if _, next, _ := (d + 1).Civil(); k == number || next != m {
					break
				}
			}
			d++
			if _, m, _ := d.Civil(); m != month {
				month = m
				n++
			}
		}
		if _, _, k := d.Civil(); count > 0 && k > number {
			panic("walked past the day")
		}
	}
	for (roll || unit == tx.Workdays) && !m.worked(d) {
		d++
	}
	return d
}

func TestAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	for round := range 300 {
		var c *calendar.Calendar
		m := &model{}
		for year := 2025; year <= 2027; year++ {
			if r.IntN(5) == 0 {
				continue // a year without calendar
			}
			y := calendar.Year{Year: year}
			for d := tx.Civil(year, 1, 1); d < tx.Civil(year+1, 1, 1); d++ {
				switch {
				case r.IntN(20) == 0:
					y.Holidays = append(y.Holidays, d)
				case d.Weekend() && r.IntN(10) == 0:
					y.Workdays = append(y.Workdays, d)
				}
			}
			c = c.With(calendar.Year{Year: year, Workdays: y.Workdays}).With(y) // the later one counts
			m.holidays, m.workdays = append(m.holidays, y.Holidays...), append(m.workdays, y.Workdays...)
		}
		for range 30 {
			from := tx.Civil(2024, 11, 1) + tx.Date(r.IntN(1000))
			unit := []string{tx.Workdays, tx.Days, tx.Months, tx.Years}[r.IntN(4)]
			count, roll := int64(r.IntN(60)), r.IntN(2) == 0
			if unit == tx.Years {
				count %= 5
			}
			got, want := c.Add(from, count, unit, roll), m.add(from, count, unit, roll)
			if got != want {
				t.Fatalf("seed %d, round %d: %d %s from %s, roll %v: got %s, want %s", seed, round, count, unit, from, roll, got, want)
			}
			if unit != tx.Workdays && unit != tx.Days {
				continue
			}
			// What is left of a period that was paused and resumed at once is the same period.
			pause := from + tx.Date(r.IntN(int(got-from)+1))
			last := c.Add(from, count, unit, false)
			if again := c.Add(pause, c.Left(pause, last, unit), unit, roll); pause <= last && again != got {
				t.Fatalf("seed %d: %d %s from %s, paused on %s: ends %s, want %s", seed, count, unit, from, pause, again, got)
			}
		}
	}
}

func TestDates(t *testing.T) {
	for _, tt := range []struct{ at, want string }{
		{"2026-11-23T15:59:59.999Z", "2026-11-23"},
		{"2026-11-23T16:00:00.000Z", "2026-11-24"}, // 24:00 in Shanghai
		{"2026-12-31T16:00:00.000Z", "2027-01-01"},
		{"1970-01-01T00:00:00.000Z", "1970-01-01"},
	} {
		var at tx.Time
		if err := at.UnmarshalText([]byte(tt.at)); err != nil {
			t.Fatal(err)
		}
		if got := tx.DateOf(at); got.String() != tt.want {
			t.Errorf("%s falls on %s, want %s", tt.at, got, tt.want)
		}
		if d := tx.DateOf(at); at >= d.End() || tx.DateOf(d.End()) != d+1 || tx.DateOf(d.End()-1) != d {
			t.Errorf("%s does not end at %s", d, d.End())
		}
	}
	if tx.DateOf(-1) != 0 || tx.DateOf(-shanghai-1) != -1 {
		t.Error("days before 1970")
	}
}

const shanghai = 8 * 60 * 60 * 1000

func BenchmarkAdd45Workdays(b *testing.B) {
	from := day("2026-02-12")
	for b.Loop() {
		year2026.Add(from, 45, tx.Workdays, false)
	}
}
