package schedule_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/schedule"
)

// runs returns the first n instants of the rule after t.
func runs(s *ratchet.Schedule, t time.Time, n int) (all []time.Time) {
	for range n {
		if t = (schedule.Rules{}).Next(s, t); t.IsZero() {
			break
		}
		all = append(all, t)
	}
	return all
}

func texts(all []time.Time, zone *time.Location) (texts []string) {
	for _, t := range all {
		texts = append(texts, t.In(zone).Format("2006-01-02T15:04:05-07:00"))
	}
	return texts
}

func location(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestRules(t *testing.T) {
	t.Parallel()
	after := time.Date(2026, 1, 30, 12, 0, 0, 0, time.UTC) // a Friday
	for rule, want := range map[string]string{
		"*/20 * * * *":          "30T12:20:00 30T12:40:00 30T13:00:00",
		"30 2 * * *":            "31T02:30:00 01T02:30:00 02T02:30:00",
		"*/20 * * * * *":        "30T12:00:20 30T12:00:40 30T12:01:00",
		"5 4 3 * * *":           "31T03:04:05 01T03:04:05 02T03:04:05",
		"0 0 12 1 1 ? 2027":     "01T12:00:00",
		"0 0 0 1 1 * 2028-2030": "01T00:00:00 01T00:00:00 01T00:00:00",
		"0 9 * * MON-FRI":       "02T09:00:00 03T09:00:00 04T09:00:00",
		"0 9 * feb 7":           "01T09:00:00 08T09:00:00 15T09:00:00",
		"0 0 1 * MON":           "01T00:00:00 02T00:00:00 09T00:00:00", // either
		"0 0 L * *":             "31T00:00:00 28T00:00:00 31T00:00:00",
		"0 0 L-1 * ?":           "27T00:00:00 30T00:00:00 29T00:00:00",
		"0 0 15W * *":           "16T00:00:00 16T00:00:00 15T00:00:00",
		"0 0 LW * *":            "27T00:00:00 31T00:00:00 30T00:00:00",
		"0 0 ? * FRI#2":         "13T00:00:00 13T00:00:00 10T00:00:00",
		"0 0 * * FRI#L":         "27T00:00:00 27T00:00:00 24T00:00:00",
		"0 22-2 * * *":          "30T22:00:00 30T23:00:00 31T00:00:00",
		"@hourly":               "30T13:00:00 30T14:00:00 30T15:00:00",
		"@daily":                "31T00:00:00 01T00:00:00 02T00:00:00",
		"@midnight":             "31T00:00:00 01T00:00:00 02T00:00:00",
		"@Weekly":               "01T00:00:00 08T00:00:00 15T00:00:00",
		"@monthly":              "01T00:00:00 01T00:00:00 01T00:00:00",
		"@yearly":               "01T00:00:00 01T00:00:00 01T00:00:00",
		"@annually":             "01T00:00:00 01T00:00:00 01T00:00:00",
		"@every 1h30m":          "30T13:30:00 30T15:00:00 30T16:30:00",
		"0 0 29 2 *":            "29T00:00:00 29T00:00:00 29T00:00:00",
		"0 0 29 2 * ":           "29T00:00:00 29T00:00:00 29T00:00:00",
	} {
		s := &ratchet.Schedule{Cron: rule}
		if wrong := (schedule.Rules{Now: func() time.Time { return after }}).Validate(s); len(wrong) > 0 {
			t.Errorf("%q: got %+v", rule, wrong)
		}
		var got []string
		for _, at := range runs(s, after, 3) {
			got = append(got, at.Format("02T15:04:05"))
		}
		if joined := strings.Join(got, " "); joined != want {
			t.Errorf("%q: got %s, want %s", rule, joined, want)
		}
	}
}

func TestWhenTheClockJumps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cron, zone string
		after      time.Time
		want       []string
	}{
		"spring, a fixed time in the gap": {
			"30 2 * * *", "Europe/Berlin", time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC),
			[]string{"2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"},
		},
		"spring, several times in the gap run once": {
			"*/20 2,3 * * *", "Europe/Berlin", time.Date(2026, 3, 28, 22, 0, 0, 0, time.UTC),
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-29T03:20:00+02:00", "2026-03-29T03:40:00+02:00", "2026-03-30T02:00:00+02:00"},
		},
		"autumn, a time that comes twice": {
			"30 2 * * *", "Europe/Berlin", time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC),
			[]string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"},
		},
		"autumn, asked while the hour comes again": {
			"45 2 * * *", "Europe/Berlin", time.Date(2026, 10, 25, 1, 10, 0, 0, time.UTC), []string{"2026-10-26T02:45:00+01:00"},
		},
		"spring, every hour": {
			"0 * * * *", "America/New_York", time.Date(2026, 3, 8, 5, 30, 0, 0, time.UTC),
			[]string{"2026-03-08T01:00:00-05:00", "2026-03-08T03:00:00-04:00", "2026-03-08T04:00:00-04:00"},
		},
		"autumn, every half hour": {
			"*/30 * * * *", "America/New_York", time.Date(2026, 11, 1, 4, 45, 0, 0, time.UTC),
			[]string{"2026-11-01T01:00:00-04:00", "2026-11-01T01:30:00-04:00", "2026-11-01T01:00:00-05:00", "2026-11-01T01:30:00-05:00", "2026-11-01T02:00:00-05:00"},
		},
		"half an hour back, every 20 minutes": {
			"*/20 0-23 * * *", "Australia/Lord_Howe", time.Date(2026, 4, 4, 14, 30, 0, 0, time.UTC),
			[]string{"2026-04-05T01:40:00+11:00", "2026-04-05T01:40:00+10:30", "2026-04-05T02:00:00+10:30"},
		},
		"a day without midnight": {
			"0 0 * * *", "America/Sao_Paulo", time.Date(2018, 11, 3, 12, 0, 0, 0, time.UTC),
			[]string{"2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"},
		},
		"a day that never was": {
			"0 12 * * *", "Pacific/Apia", time.Date(2011, 12, 29, 0, 0, 0, 0, time.UTC),
			[]string{"2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T12:00:00+14:00"},
		},
	} {
		got := texts(runs(&ratchet.Schedule{Cron: c.cron, Zone: c.zone}, c.after, len(c.want)), location(t, c.zone))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

var (
	tenYears = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	end      = tenYears.AddDate(10, 0, 0)
)

// The rules are held against a scan of the local clock, minute by minute, that
// shares nothing with them.
func TestRulesAgreeWithTheClockOverTenYears(t *testing.T) {
	t.Parallel()
	type reference struct {
		cron        string
		wild        bool
		day         func(time.Time) bool
		hours, mins []int
	}
	everyDay := func(time.Time) bool { return true }
	all := func(n, step int) (v []int) {
		for i := 0; i < n; i += step {
			v = append(v, i)
		}
		return v
	}
	references := []reference{
		{"30 2 * * *", false, everyDay, []int{2}, []int{30}},
		{"0 0 * * *", false, everyDay, []int{0}, []int{0}},
		{"15 1 * * *", false, everyDay, []int{1}, []int{15}},
		{"0 2 * * *", false, everyDay, []int{2}, []int{0}},
		{"0 3 * * *", false, everyDay, []int{3}, []int{0}},
		{"45 1,2,3 * * *", false, everyDay, []int{1, 2, 3}, []int{45}},
		{"*/10 2 * * *", false, everyDay, []int{2}, all(60, 10)},
		{"59 23 * * *", false, everyDay, []int{23}, []int{59}},
		{"30 2 * * SUN", false, func(t time.Time) bool { return t.Weekday() == time.Sunday }, []int{2}, []int{30}},
		{"5 2 1,15 * *", false, func(t time.Time) bool { return t.Day() == 1 || t.Day() == 15 }, []int{2}, []int{5}},
		{"30 1 L * *", false, func(t time.Time) bool { return t.AddDate(0, 0, 1).Day() == 1 }, []int{1}, []int{30}},
		{"30 2 * MAR,OCT *", false, func(t time.Time) bool { return t.Month() == time.March || t.Month() == time.October }, []int{2}, []int{30}},
		{"0 * * * *", true, everyDay, all(24, 1), []int{0}},
		{"*/30 * * * *", true, everyDay, all(24, 1), []int{0, 30}},
		{"20 */2 * * *", true, everyDay, all(24, 2), []int{20}},
		{"40 0-23 * * 1-5", true, func(t time.Time) bool { return t.Weekday() >= 1 && t.Weekday() <= 5 }, all(24, 1), []int{40}},
	}
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zone := location(t, name)
			want := make([][]time.Time, len(references))
			named := make([][24 * 60]bool, len(references)) // the minutes of a day that the rule names
			done := make([][24 * 60]bool, len(references))  // those of this day that have run
			today := make([]bool, len(references))
			for i, r := range references {
				for _, hour := range r.hours {
					for _, minute := range r.mins {
						named[i][hour*60+minute] = true
					}
				}
			}
			clock := func(at time.Time) int {
				local := at.In(zone)
				return local.Hour()*60 + local.Minute()
			}
			date := ""
			before := clock(tenYears.Add(-time.Minute))
			for at := tenYears; at.Before(end); at = at.Add(time.Minute) {
				shown := clock(at)
				if shown == 0 || date == "" {
					local := at.In(zone)
					date = local.Format(time.DateOnly)
					for i, r := range references {
						today[i], done[i] = r.day(local), [24 * 60]bool{}
					}
				}
				// All that the clock shows now, and that it jumped over just now.
				from := shown
				if shown > before {
					from = before + 1
				}
				for i, r := range references {
					m := from
					if r.wild {
						m = shown
					}
					for ; today[i] && m <= shown; m++ {
						if !named[i][m] || done[i][m] && !r.wild {
							continue
						}
						done[i][m] = true
						if n := len(want[i]); n == 0 || !want[i][n-1].Equal(at) {
							want[i] = append(want[i], at)
						}
					}
				}
				before = shown
			}
			for i, r := range references {
				next, err := schedule.Compile(&ratchet.Schedule{Cron: r.cron, Zone: name, End: end.Add(-time.Second)})
				if err != nil {
					t.Fatal(err)
				}
				var got []time.Time
				for at := next(tenYears.Add(-1)); !at.IsZero(); at = next(at) {
					got = append(got, at)
				}
				for k := range max(len(got), len(want[i])) {
					if k >= len(got) || k >= len(want[i]) || !got[k].Equal(want[i][k]) {
						t.Errorf("%s: run %d: got %v, want %v", r.cron, k, texts(got[min(k, len(got)):min(k+3, len(got))], zone),
							texts(want[i][min(k, len(want[i])):min(k+3, len(want[i]))], zone))
						break
					}
				}
			}
		})
	}
}

func TestADailyRuleRunsOnceEveryDay(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe"} {
		zone := location(t, name)
		for minute := 0; minute < 24*60; minute += 37 {
			s := &ratchet.Schedule{Cron: fmt.Sprintf("%d %d * * *", minute%60, minute/60), Zone: name}
			next, err := schedule.Compile(s)
			if err != nil {
				t.Fatal(err)
			}
			at := next(tenYears.AddDate(0, 0, 1))
			for day := at.In(zone); at.Before(end); day = day.AddDate(0, 0, 1) {
				if got, want := at.In(zone).Format(time.DateOnly), day.Format(time.DateOnly); got != want {
					t.Fatalf("%s in %s: got a run on %s, want one on %s", s.Cron, name, got, want)
				}
				at = next(at)
			}
		}
	}
}

func TestNextGoesForwardAndSkipsNothing(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("zones.txt")
	if err != nil {
		t.Fatal(err)
	}
	zones := strings.Fields(string(data))
	rapid.Check(t, func(t *rapid.T) {
		part := func(name string, n int) string {
			return rapid.OneOf(rapid.Just("*"), rapid.Just("*/7"), rapid.Map(rapid.IntRange(0, n-1), func(i int) string { return fmt.Sprint(i) }),
				rapid.Map(rapid.IntRange(0, n-3), func(i int) string { return fmt.Sprintf("%d-%d,%d", i, i+1, n-1) })).Draw(t, name)
		}
		s := &ratchet.Schedule{
			Cron: part("minute", 60) + " " + part("hour", 24) + " * * " + rapid.SampledFrom([]string{"*", "0", "1-5"}).Draw(t, "weekday"),
			Zone: rapid.SampledFrom(zones).Draw(t, "zone"),
		}
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "after"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanoseconds"))
		next := (schedule.Rules{}).Next(s, at)
		if !next.After(at) {
			t.Fatalf("%s in %s: got %s after %s", s.Cron, s.Zone, next, at)
		}
		between := at.Add(time.Duration(rapid.Int64Range(0, int64(next.Sub(at))-1).Draw(t, "between")))
		if again := (schedule.Rules{}).Next(s, between); !again.Equal(next) {
			t.Fatalf("%s in %s: got %s after %s, and %s after %s, which is between", s.Cron, s.Zone, next, at, again, between)
		}
		if next.Nanosecond() != 0 {
			t.Fatalf("got a part of a second: %s", next)
		}
	})
}

func TestIntervalsCountFromTheStart(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 1, 1, 0, 0, 7, 0, time.UTC)
	start := made.Add(time.Hour)
	every := ratchet.Duration(10 * time.Minute)
	for name, c := range map[string]struct {
		s     ratchet.Schedule
		after time.Time
		want  time.Time
	}{
		"from when it was made":           {ratchet.Schedule{Every: every, CreatedAt: made}, made, made.Add(10 * time.Minute)},
		"before it was made":              {ratchet.Schedule{Every: every, CreatedAt: made}, made.Add(-time.Hour), made.Add(10 * time.Minute)},
		"the start is a run":              {ratchet.Schedule{Every: every, CreatedAt: made, Start: start}, made, start},
		"after the start":                 {ratchet.Schedule{Every: every, CreatedAt: made, Start: start}, start, start.Add(10 * time.Minute)},
		"between two":                     {ratchet.Schedule{Every: every, CreatedAt: made}, made.Add(25 * time.Minute), made.Add(30 * time.Minute)},
		"in the form of cron":             {ratchet.Schedule{Cron: "@every 10m", CreatedAt: made}, made.Add(25 * time.Minute), made.Add(30 * time.Minute)},
		"of what is not yet made":         {ratchet.Schedule{Every: every}, made, made.Add(10 * time.Minute)},
		"after the end":                   {ratchet.Schedule{Every: every, CreatedAt: made, End: made.Add(time.Minute)}, made, time.Time{}},
		"the end is a run":                {ratchet.Schedule{Every: every, CreatedAt: made, End: made.Add(10 * time.Minute)}, made, made.Add(10 * time.Minute)},
		"all runs are done":               {ratchet.Schedule{Every: every, CreatedAt: made, MaxRuns: 2, Runs: 2}, made, time.Time{}},
		"a cron before its start":         {ratchet.Schedule{Cron: "@daily", Start: start}, made.AddDate(-1, 0, 0), time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)},
		"a cron whose start is a run":     {ratchet.Schedule{Cron: "@daily", Start: made.AddDate(0, 0, 1).Truncate(time.Hour)}, made, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)},
		"a rule that cannot be read":      {ratchet.Schedule{Cron: "x"}, made, time.Time{}},
		"a rule that never fires":         {ratchet.Schedule{Cron: "0 0 30 2 *"}, made, time.Time{}},
		"years that have been":            {ratchet.Schedule{Cron: "0 0 0 1 1 * 2020"}, made, time.Time{}},
		"a leap day around the year 2100": {ratchet.Schedule{Cron: "0 0 29 2 *"}, time.Date(2096, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2104, 2, 29, 0, 0, 0, 0, time.UTC)},
	} {
		if got := (schedule.Rules{}).Next(&c.s, c.after); !got.Equal(c.want) {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestWhatIsWrongWithASchedule(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	rules := schedule.Rules{Now: func() time.Time { return now }}
	cron := func(rule string) ratchet.Schedule { return ratchet.Schedule{Cron: rule} }
	for name, c := range map[string]struct {
		s       ratchet.Schedule
		pointer string
		want    []string
	}{
		"no rule":            {ratchet.Schedule{}, "/cron", []string{"no rule"}},
		"two rules":          {ratchet.Schedule{Cron: "@daily", Every: 1e9}, "/every", []string{"exclude"}},
		"too short":          {ratchet.Schedule{Every: 1e8}, "/every", []string{"out of bounds", "1s to"}},
		"too short, as cron": {cron("@every 100ms"), "/cron", []string{"out of bounds", "1s to"}},
		"no interval":        {cron("@every day"), "/cron", []string{"cannot be read", "@every 1h30m"}},
		"four fields":        {cron("* * * *"), "/cron", []string{"4 fields", "5 fields"}},
		"eight fields":       {cron("* * * * * * * *"), "/cron", []string{"8 fields"}},
		"a minute too late":  {cron("60 * * * *"), "/cron", []string{`the minute, "60"`, "maximum (59)", "0 to 59"}},
		"a bad second":       {cron("x * * * * *"), "/cron", []string{`the second, "x"`, "0 to 59"}},
		"a bad hour":         {cron("0 24 * * *"), "/cron", []string{`the hour, "24"`, "0 to 23"}},
		"a bad day":          {cron("0 0 32 * *"), "/cron", []string{`the day of the month, "32"`, "1 to 31"}},
		"a bad month":        {cron("0 0 1 JANUARY *"), "/cron", []string{`the month, "JANUARY"`, "JAN to DEC", `"JANUARY" is not known there`}},
		"a bad weekday":      {cron("0 0 * * 5L"), "/cron", []string{`the day of the week, "5L"`, "FRI#L"}},
		"a bad year":         {cron("0 0 0 1 1 * 99999"), "/cron", []string{`the year, "99999"`, "1970 to 2999"}},
		"two billion years":  {cron("0 0 0 1 1 * 1-2147483647"), "/cron", []string{"the year"}},
		"an empty item":      {cron("0,,5 * * * *"), "/cron", []string{"the minute", "empty"}},
		"nothing but commas": {cron("0 , * * *"), "/cron", []string{"the hour", "empty"}},
		"no step":            {cron("*/0 * * * *"), "/cron", []string{"the minute", "positive"}},
		"H":                  {cron("H * * * *"), "/cron", []string{`the minute, "H"`}},
		"an unknown word":    {cron("@dayly"), "/cron", []string{`did you mean "@daily"`}},
		"at boot":            {cron("@reboot"), "/cron", []string{"not known"}},
		"a trigger":          {cron("@manual"), "/cron", []string{"not known"}},
		"a zone inside":      {cron("TZ=UTC * * * * *"), "/cron", []string{"timezone"}},
		"endless text":       {cron(strings.Repeat("1,", 5000)), "/cron", []string{"too long"}},
		"control characters": {cron("0 0 \x00 * *"), "/cron", []string{"the day of the month"}},
		"30 February":        {cron("0 0 30 2 *"), "/cron", []string{"never fires"}},
		"a year that was":    {cron("0 0 0 1 1 * 2020"), "/cron", []string{"never fires"}},
		"no such zone":       {ratchet.Schedule{Cron: "@daily", Zone: "Europe/Berln"}, "/timezone", []string{`did you mean "Europe/Berlin"`}},
		"a city":             {ratchet.Schedule{Cron: "@daily", Zone: "new york"}, "/timezone", []string{`did you mean "America/New_York"`}},
		"a zone in capitals": {ratchet.Schedule{Cron: "@daily", Zone: "EUROPE/BERLIN"}, "/timezone", []string{"Europe/Berlin"}},
		"the machine's zone": {ratchet.Schedule{Cron: "@daily", Zone: "Local"}, "/timezone", []string{"not known"}},
		"a path":             {ratchet.Schedule{Cron: "@daily", Zone: "../../etc/passwd"}, "/timezone", []string{"not known"}},
		"end before start":   {ratchet.Schedule{Cron: "@daily", Start: now, End: now.Add(-1)}, "/end", []string{"not after the start"}},
		"end in the past":    {ratchet.Schedule{Cron: "@daily", End: now.Add(-1)}, "/end", []string{"past"}},
		"end before a run":   {ratchet.Schedule{Cron: "@yearly", End: now.Add(time.Hour)}, "/end", []string{"never fires before the end", "2027-01-01"}},
		"a missed policy":    {ratchet.Schedule{Cron: "@daily", Missed: "never"}, "/missed", []string{"skip, once, all"}},
		"an overlap policy":  {ratchet.Schedule{Cron: "@daily", Overlap: "never"}, "/overlap", []string{"allow, skip, queue, cancel"}},
		"a missed maximum":   {ratchet.Schedule{Cron: "@daily", Missed: ratchet.MissedAll, MissedMax: 1001}, "/missedMax", []string{"1 to 1000"}},
		"a maximum of what":  {ratchet.Schedule{Cron: "@daily", MissedMax: 5}, "/missedMax", []string{"no effect"}},
		"negative runs":      {ratchet.Schedule{Cron: "@daily", MaxRuns: -1}, "/maxRuns", []string{"out of bounds"}},
	} {
		wrong := rules.Validate(&c.s)
		if len(wrong) != 1 || wrong[0].Pointer != c.pointer {
			t.Errorf("%s: got %+v, want one problem at %s", name, wrong, c.pointer)
			continue
		}
		text := wrong[0].Message + ", " + wrong[0].Expected
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: got %q, want %q in it", name, text, want)
			}
		}
	}
	if wrong := rules.Validate(&ratchet.Schedule{Cron: "60 24 * * *", Zone: "x", Missed: "y"}); len(wrong) != 4 {
		t.Errorf("got %+v, want all four problems at once", wrong)
	}
}

func TestEveryZoneOfTheListLoads(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("zones.txt")
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(data)) {
		if _, err := time.LoadLocation(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCron(f *testing.F) {
	for _, seed := range []string{"* * * * *", "0 0 L-3 * ?", "0 0 15W JAN-DEC/2 FRI#3 2030", "@every 1h", "1-2147483647/1 * * * *", "@", "0 0 31 2 1#5"} {
		f.Add(seed, int64(1.7e9))
	}
	f.Fuzz(func(t *testing.T, rule string, after int64) {
		s := &ratchet.Schedule{Cron: rule, Zone: "Europe/Berlin"}
		at := time.Unix(after%4e9, 0)
		rules := schedule.Rules{Now: func() time.Time { return at }}
		wrong := rules.Validate(s)
		next := rules.Next(s, at)
		if (len(wrong) == 0) == next.IsZero() {
			t.Fatalf("%q after %s: got %s, and the problems %v", rule, at, next, wrong)
		}
		if !next.IsZero() && !next.After(at) {
			t.Fatalf("%q: got %s after %s", rule, next, at)
		}
	})
}

// The page for users has the forms that there are.
func TestTheRulesOfThePageCanBeRead(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/schedules.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| `cron` | runs |")
	table, _, _ = strings.Cut(table, "\n\n")
	rules := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1)
	if len(rules) < 10 {
		t.Fatalf("found %d rules, want all of the table", len(rules))
	}
	for _, rule := range rules {
		s := &ratchet.Schedule{Cron: rule[1]}
		if wrong := (schedule.Rules{Now: func() time.Time { return tenYears }}).Validate(s); len(wrong) > 0 {
			t.Errorf("%s: %+v", rule[1], wrong)
		}
	}
}

// What comes after the year 9999 cannot be told to anybody.
func TestARuleEndsWithTheYear9999(t *testing.T) {
	t.Parallel()
	late := time.Date(9999, 12, 31, 20, 0, 0, 0, time.UTC)
	for _, s := range []*ratchet.Schedule{
		{Cron: "@yearly"},
		{Cron: "@hourly", Zone: "Pacific/Honolulu"},
		{Every: ratchet.Duration(time.Hour), Start: late},
	} {
		all := runs(s, late, 10)
		for _, at := range all {
			if at.Year() > 9999 {
				t.Errorf("%s%v: runs at %v", s.Cron, s.Every, at)
			}
		}
		if len(all) > 4 {
			t.Errorf("%s%v: got %d runs", s.Cron, s.Every, len(all))
		}
	}
	wrong := schedule.Rules{}.Validate(&ratchet.Schedule{Cron: "@yearly", Start: late})
	if len(wrong) != 1 || wrong[0].Pointer != "/start" || wrong[0].Expected == "" {
		t.Errorf("got %+v", wrong)
	}
}
