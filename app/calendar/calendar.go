// Package calendar counts days as the law does: working days by the State
// Council's calendar, and calendar days, months and years by the Civil Code.
//
//	art. 201  the day on which a period begins is not counted
//	art. 202  a period of months or years ends on the day of the same number, or on the last of the month
//	art. 203  a last day that is a statutory holiday moves to the day after the holiday; it ends at 24:00
//
// Days are those of Asia/Shanghai (see tx.Date). The package knows no clock and
// no time zone database.
package calendar

import (
	"slices"

	"zhenglian/app/tx"
)

// A Year says which days of a year are worked otherwise than Mondays to
// Fridays are.
type Year struct {
	Year     int
	Holidays []tx.Date
	Workdays []tx.Date // Saturdays and Sundays
}

// A Calendar answers for every day: as its years say, and for a year that it
// lacks that Mondays to Fridays are worked. It is immutable. The nil Calendar
// lacks all years.
type Calendar struct {
	years []days // ascending
}

// days are the days of a year that are worked, as bits.
type days struct {
	first, next tx.Date // 1 January of the year, and of the next
	worked      [6]uint64
}

// With returns the calendar in which y takes the place of what c says of that
// year.
func (c *Calendar) With(y Year) *Calendar {
	d := days{first: tx.Civil(y.Year, 1, 1), next: tx.Civil(y.Year+1, 1, 1)}
	for day := d.first; day < d.next; day++ {
		if slices.Contains(y.Workdays, day) || !day.Weekend() && !slices.Contains(y.Holidays, day) {
			n := day - d.first
			d.worked[n/64] |= 1 << (n % 64)
		}
	}
	next := new(Calendar)
	if c != nil {
		for _, o := range c.years {
			if o.first != d.first {
				next.years = append(next.years, o)
			}
		}
	}
	next.years = append(next.years, d)
	slices.SortFunc(next.years, func(a, b days) int { return int(a.first - b.first) })
	return next
}

// Working reports whether d is a day that is worked.
func (c *Calendar) Working(d tx.Date) bool {
	if c != nil {
		for i := len(c.years) - 1; i >= 0; i-- { // the latest are asked most
			if y := &c.years[i]; d >= y.first {
				if d < y.next {
					n := d - y.first
					return y.worked[n/64]>>(n%64)&1 == 1
				}
				break
			}
		}
	}
	return !d.Weekend()
}

// Add returns the last day of a period of count units that begins on from. With
// roll a last day that is not worked moves to the next that is; a period of
// working days always ends on one. Hours are days begun: where a law counts
// hours and a day is asked for, it is the one in which they have ended by then.
func (c *Calendar) Add(from tx.Date, count int64, unit string, roll bool) tx.Date {
	switch unit {
	case tx.Workdays:
		d := from
		for ; count > 0; count-- {
			d = c.onward(d + 1)
		}
		return c.onward(d)
	case tx.Hours:
		from += tx.Date((count + 23) / 24)
	case tx.Months:
		from = addMonths(from, count)
	case tx.Years:
		from = addMonths(from, 12*count)
	default:
		from += tx.Date(count)
	}
	if roll {
		return c.onward(from)
	}
	return from
}

// Left counts the days after from up to due that a period counts: those worked,
// or all of them.
func (c *Calendar) Left(from, due tx.Date, unit string) (n int64) {
	if unit != tx.Workdays {
		return max(int64(due-from), 0)
	}
	for d := from + 1; d <= due; d++ {
		if c.Working(d) {
			n++
		}
	}
	return n
}

// onward returns d, or the first day after it that is worked. No calendar makes
// holidays of more than a hundred days of a year, so there is one.
func (c *Calendar) onward(d tx.Date) tx.Date {
	for !c.Working(d) {
		d++
	}
	return d
}

func addMonths(d tx.Date, n int64) tx.Date {
	y, m, day := d.Civil()
	months := y*12 + m - 1 + int(n)
	y, m = months/12, months%12+1
	last := tx.Civil(y, m+1, 1) - 1 // month 13 is next January
	_, _, most := last.Civil()
	return tx.Civil(y, m, min(day, most))
}
