package repository

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Schedule is that of EPCIS 2.0 §8.2.5.3: each part a list of numbers and ranges
// [a-b] with commas between; "" is any. Times are UTC.
type Schedule struct {
	Second     string `json:"second,omitempty" doc:"0 to 59"`
	Minute     string `json:"minute,omitempty" doc:"0 to 59"`
	Hour       string `json:"hour,omitempty" doc:"0 to 23, UTC"`
	DayOfMonth string `json:"dayOfMonth,omitempty" doc:"1 to 31"`
	Month      string `json:"month,omitempty" doc:"1 to 12"`
	DayOfWeek  string `json:"dayOfWeek,omitempty" doc:"1, Monday, to 7"`
}

// times is a schedule as sets.
type times struct{ second, minute, hour, day, month, week [64]bool }

func (s *Schedule) parse() (*times, error) {
	if *s == (Schedule{}) {
		return nil, errors.New("it names no time")
	}
	var t times
	for _, p := range []struct {
		name, text string
		low, high  int
		set        *[64]bool
	}{
		{"second", s.Second, 0, 59, &t.second}, {"minute", s.Minute, 0, 59, &t.minute}, {"hour", s.Hour, 0, 23, &t.hour},
		{"dayOfMonth", s.DayOfMonth, 1, 31, &t.day}, {"month", s.Month, 1, 12, &t.month}, {"dayOfWeek", s.DayOfWeek, 1, 7, &t.week},
	} {
		if p.text == "" {
			for i := p.low; i <= p.high; i++ {
				p.set[i] = true
			}
			continue
		}
		for _, x := range strings.Split(p.text, ",") {
			x = strings.TrimSpace(x)
			from, to, isRange := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(x, "["), "]"), "-")
			if !isRange {
				to = from
			}
			a, err := strconv.Atoi(from)
			b, err2 := strconv.Atoi(to)
			if err != nil || err2 != nil || a < p.low || b > p.high || a > b || strings.HasPrefix(x, "[") != isRange {
				return nil, fmt.Errorf("%s %q: want numbers from %d to %d, or ranges [a-b], with commas between", p.name, x, p.low, p.high)
			}
			for i := a; i <= b; i++ {
				p.set[i] = true
			}
		}
	}
	return &t, nil
}

// next is the first time of a schedule after a time; zero when there is none in
// the next four years.
func (t *times) next(after time.Time) time.Time {
	at := after.UTC().Truncate(time.Second).Add(time.Second)
	end := at.AddDate(4, 1, 0)
	for at.Before(end) {
		week := int(at.Weekday())
		if week == 0 {
			week = 7
		}
		switch {
		case !t.month[at.Month()]:
			at = time.Date(at.Year(), at.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		case !t.day[at.Day()] || !t.week[week]:
			at = time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, time.UTC)
		case !t.hour[at.Hour()]:
			at = at.Truncate(time.Hour).Add(time.Hour)
		case !t.minute[at.Minute()]:
			at = at.Truncate(time.Minute).Add(time.Minute)
		case !t.second[at.Second()]:
			at = at.Add(time.Second)
		default:
			return at
		}
	}
	return time.Time{}
}
