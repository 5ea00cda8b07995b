package httpcache

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// directives are those of Cache-Control, by lower-case name. Of one that comes more
// than once with several spans, the shortest counts.
type directives map[string]string

// parse reads a Cache-Control that may come in several lines (RFC 9111, 5.2).
func parse(h http.Header) directives {
	d := directives{}
	for rest := strings.Join(h["Cache-Control"], ","); rest != ""; {
		var one string
		one, rest = cutUnquoted(rest)
		name, value, _ := strings.Cut(one, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "" {
			continue
		}
		value = strings.Trim(strings.TrimSpace(value), `"`)
		if before, twice := d[name]; twice {
			if a, ok := seconds(before); ok {
				if b, ok := seconds(value); ok && b >= a {
					value = before
				}
			} else {
				value = before // it is no span, which is never taken for one
			}
		}
		d[name] = value
	}
	return d
}

// cutUnquoted cuts a list at its first comma that is not in a quoted string.
func cutUnquoted(list string) (first, rest string) {
	quoted := false
	for i := 0; i < len(list); i++ {
		switch {
		case quoted && list[i] == '\\':
			i++
		case list[i] == '"':
			quoted = !quoted
		case list[i] == ',' && !quoted:
			return list[:i], list[i+1:]
		}
	}
	return list, ""
}

func (d directives) has(name string) bool {
	_, found := d[name]
	return found
}

// span is the time that a directive gives; found says that it is there. One that
// cannot be read gives none.
func (d directives) span(name string) (t time.Duration, found bool) {
	text, found := d[name]
	if !found {
		return 0, false
	}
	t, _ = seconds(text)
	return t, true
}

// seconds reads delta-seconds (RFC 9111, 1.2.2), of which more than fits means for
// ever.
func seconds(text string) (time.Duration, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n > 1<<31 {
		n = 1 << 31
	}
	return time.Duration(n) * time.Second, true
}

// lifetime is how long a response is fresh after it was made (4.2.1). Nothing is
// guessed where its server does not say (4.2.2 leaves that to caches): a job that
// runs because something may have changed must not be told that it has not.
func lifetime(h http.Header, d directives, received time.Time) time.Duration {
	if t, found := d.span("max-age"); found {
		return t
	}
	if len(h["Expires"]) == 0 {
		return 0
	}
	expires, err := http.ParseTime(h.Get("Expires"))
	if err != nil {
		return 0 // as "0" is: it is over
	}
	return expires.Sub(dated(h, received))
}

// dated is when a response was made.
func dated(h http.Header, received time.Time) time.Time {
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		return t
	}
	return received
}

// age is how old a response is now (4.2.3).
func (s *stored) age(now time.Time) time.Duration {
	apparent := max(s.received.Sub(dated(s.header, s.received)), 0)
	told, _ := seconds(strings.TrimSpace(s.header.Get("Age")))
	corrected := told + s.received.Sub(s.asked)
	return max(apparent, corrected) + max(now.Sub(s.received), 0)
}
