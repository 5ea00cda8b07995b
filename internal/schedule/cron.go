package schedule

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/netresearch/go-cron"

	"github.com/ratchet-runner/ratchet-go"
)

// searchYears is how far ahead a rule is asked for its next time. The rarest that
// people write, 29 February on a Monday, comes every 28 years, and 40 around 2100.
const searchYears = 60

// Bounds of the field for years.
const (
	minYear = 1970
	maxYear = 2999
)

// maxCron is the length of a cron rule that is looked at.
const maxCron = 256

// A clock is a cron rule as times on a clock that knows no zone: those of UTC
// stand for it.
type clock struct {
	spec cron.Schedule
	// wild rules go by elapsed time, others by the clock.
	wild bool
}

// after returns the next time of the clock, zero if there is none.
func (c *clock) after(t time.Time) time.Time { return c.spec.Next(t) }

// A field is one of the parts of a cron rule.
type field struct {
	name, allowed string
	example       string // a rule of six fields, with %s for this one
	valid         *regexp.Regexp
}

var (
	digits  = regexp.MustCompile(`^[0-9*/,-]+$`)
	day     = regexp.MustCompile(`(?i)^[0-9*?/,LW-]+$`)
	named   = regexp.MustCompile(`(?i)^[0-9a-z*/,-]+$`)
	weekday = regexp.MustCompile(`(?i)^[0-9a-z*?/,#-]+$`)
)

// fields lists the parts of a rule in their order.
func fields() []field {
	const steps = `"*", lists "1,5", ranges "1-5", steps "*/5"`
	return []field{
		{"second", "0 to 59, " + steps, "%s * * * * *", digits},
		{"minute", "0 to 59, " + steps, "0 %s * * * *", digits},
		{"hour", "0 to 23, " + steps, "0 0 %s * * *", digits},
		{"day of the month", `1 to 31, "L" (the last), "L-3", "15W" (the workday nearest to the 15th), "LW", "?", ` + steps, "0 0 0 %s * *", day},
		{"month", `1 to 12 or JAN to DEC, ` + steps, "0 0 0 1 %s *", named},
		{"day of the week", `0 to 7 (0 and 7 are Sunday) or SUN to SAT, "FRI#3" (the third Friday), "FRI#L" (the last), "?", ` + steps, "0 0 0 * * %s", weekday},
		{"year", fmt.Sprintf(`%d to %d, "*", lists "2030,2032", ranges "2030-2035"`, minYear, maxYear), "0 0 0 1 1 * %s", digits},
	}
}

// words are the rules that have names, as the fields that they stand for.
func words() map[string]string {
	return map[string]string{
		"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
		"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
	}
}

const (
	everyWord = "@every"
	forms     = `5 fields (minute, hour, day of the month, month, day of the week), 6 with the second first, 7 with the year last, or @hourly, @daily, @weekly, @monthly, @yearly, "@every 1h30m"`
)

// parseCron reads a cron rule. It is either a clock or an interval.
func parseCron(text string) (*clock, time.Duration, []ratchet.Detail) {
	wrong := func(message, expected, got string) []ratchet.Detail {
		return []ratchet.Detail{{Pointer: "/cron", Message: message, Expected: expected, Got: got}}
	}
	text = strings.TrimSpace(text)
	if len(text) > maxCron {
		return nil, 0, wrong("cron is too long", fmt.Sprintf("at most %d characters", maxCron), strconv.Itoa(len(text)))
	}
	if strings.HasPrefix(text, "TZ=") || strings.HasPrefix(text, "CRON_TZ=") {
		return nil, 0, wrong("cron names a time zone", `the zone in "timezone", and the rule without it`, text)
	}
	if span, ok := strings.CutPrefix(text, everyWord); ok && (span == "" || span[0] == ' ') {
		every, err := ratchet.ParseDuration(strings.TrimSpace(span))
		if err != nil {
			return nil, 0, wrong("cron has an interval that cannot be read", `"@every 1h30m", "@every 10s"`, text)
		}
		return nil, time.Duration(every), checkEvery("/cron", every)
	}
	if strings.HasPrefix(text, "@") {
		short, ok := words()[strings.ToLower(text)]
		if !ok {
			return nil, 0, wrong("cron is a word that is not known"+meant(text), "@hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, or \"@every 1h30m\"", text)
		}
		text = short
	}
	parts := strings.Fields(text)
	if len(parts) < 5 || len(parts) > 7 {
		return nil, 0, wrong(fmt.Sprintf("cron has %d fields", len(parts)), forms, text)
	}
	if len(parts) == 5 {
		parts = append([]string{"0"}, parts...)
	}
	if details := checkFields(parts); len(details) > 0 {
		return nil, 0, details
	}
	spec, err := parser(len(parts)).Parse(strings.Join(parts, " "))
	if err != nil {
		return nil, 0, wrong("cron cannot be read: "+err.Error(), forms, text)
	}
	wild := strings.HasPrefix(parts[2], "*")
	if s, ok := spec.(*cron.SpecSchedule); ok {
		s.Location = time.UTC
		wild = wild || s.Hour&(1<<24-1) == 1<<24-1
	}
	return &clock{spec: spec, wild: wild}, 0, nil
}

func meant(text string) string {
	known := []string{everyWord}
	for word := range words() {
		known = append(known, word)
	}
	if near := ratchet.Nearest(strings.Fields(text)[0], known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// parser returns the parser of rules with 6 or 7 fields. Days of the month and of
// the week that are both restricted are alternatives, as cron has it.
func parser(fields int) cron.Parser {
	o := cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Extended | cron.DowOrDom
	if fields == 7 {
		o |= cron.Year
	}
	return cron.MustNewParser(o).WithMaxSearchYears(searchYears)
}

// checkFields reports each field that cannot be read.
func checkFields(parts []string) (wrong []ratchet.Detail) {
	for i, part := range parts {
		f := fields()[i]
		reason := badField(f, part)
		if reason == "" {
			spec := fmt.Sprintf(f.example, part)
			if _, err := parser(len(strings.Fields(spec))).Parse(spec); err != nil {
				reason = plain(err)
			}
		}
		if reason != "" {
			wrong = append(wrong, ratchet.Detail{
				Pointer: "/cron", Message: fmt.Sprintf("the %s, %q, cannot be read: %s", f.name, part, reason), Expected: f.allowed, Got: part,
			})
		}
	}
	return wrong
}

// badField says what the parser would overlook.
func badField(f field, part string) string {
	if !f.valid.MatchString(part) {
		return "it has characters that do not belong there"
	}
	for item := range strings.SplitSeq(part, ",") {
		if item == "" {
			return "an item of the list is empty"
		}
		if f.name != "year" {
			continue
		}
		span, _, _ := strings.Cut(item, "/")
		for year := range strings.SplitSeq(span, "-") {
			if n, err := strconv.Atoi(year); item != "*" && (err != nil || n < minYear || n > maxYear) {
				return "it is not a year"
			}
		}
	}
	return ""
}

// plain is what the parser says, without what Go did.
func plain(err error) string {
	message, _, _ := strings.Cut(err.Error(), ": strconv.")
	if strings.Contains(message, "failed to parse int") {
		_, text, _ := strings.Cut(message, "from ")
		return text + " is not known there"
	}
	if i := strings.LastIndex(message, `: "`); i > 0 {
		message = message[:i]
	}
	return message
}

// Bounds of intervals.
const (
	minEvery = ratchet.Duration(time.Second)
	maxEvery = ratchet.Duration(366 * 24 * time.Hour)
)

func checkEvery(pointer string, every ratchet.Duration) []ratchet.Detail {
	if every >= minEvery && every <= maxEvery {
		return nil
	}
	return []ratchet.Detail{{
		Pointer: pointer, Message: "the interval is out of bounds", Expected: "1s to 366d", Got: every.String(),
	}}
}

// interval returns the first multiple of every after t, counted from the anchor.
func interval(anchor time.Time, every time.Duration, t time.Time) time.Time {
	since := t.Sub(anchor)
	if since < 0 {
		return anchor
	}
	if since == math.MaxInt64 { // more than 292 years
		return time.Time{}
	}
	return anchor.Add((since/every + 1) * every)
}
