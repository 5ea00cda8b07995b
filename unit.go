package ratchet

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// A Duration is a span of time written as "30s", "1m30s", "7d" (days of 24 hours)
// or a bare number of seconds.
type Duration time.Duration

// ParseDuration parses the text form of a Duration.
func ParseDuration(s string) (Duration, error) {
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		if n < 0 || n*float64(time.Second) >= math.MaxInt64 || math.IsNaN(n) {
			return 0, Errorf(ReasonValidation, "invalid duration %q: want a positive span such as \"30s\"", s)
		}
		return Duration(n * float64(time.Second)), nil
	}
	d, err := parseDays(s)
	if err != nil || d < 0 {
		return 0, Errorf(ReasonValidation, "invalid duration %q: want a span such as \"30s\", \"1m30s\" or a number of seconds", s)
	}
	return Duration(d), nil
}

// parseDays is time.ParseDuration of a text that may begin with whole days.
func parseDays(s string) (time.Duration, error) {
	text, rest, found := strings.Cut(s, "d")
	if !found {
		return time.ParseDuration(s)
	}
	days, err := strconv.ParseUint(text, 10, 16)
	if err != nil || rest == "" {
		return time.Duration(days) * 24 * time.Hour, err
	}
	d, err := time.ParseDuration(rest)
	if d < 0 {
		return d, err
	}
	if sum := time.Duration(days)*24*time.Hour + d; sum >= d {
		return sum, err
	}
	return -1, err // beyond what a Duration holds
}

// String returns the text form, such as "30s" or "24h".
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText writes the "30s" form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalJSON reads "30s" or a number of seconds.
func (d *Duration) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	s, err := unquoteScalar(b)
	if err != nil {
		return err
	}
	return d.Set(s)
}

// UnmarshalText reads what [ParseDuration] accepts.
func (d *Duration) UnmarshalText(b []byte) error { return d.Set(string(b)) }

// Set reads the text form, for command-line flags.
func (d *Duration) Set(s string) error {
	v, err := ParseDuration(s)
	if err != nil {
		return err
	}
	*d = v
	return nil
}

// Type names the value in help texts.
func (Duration) Type() string { return "duration" }

// A Size is a number of bytes written as "128MB" (1 MB = 1024 KB = 1048576
// bytes; "MiB" means the same) or a bare number of bytes.
type Size int64

// The units of Size.
const (
	KB Size = 1 << (10 * (iota + 1))
	MB
	GB
)

// ParseSize parses the text form of a Size.
func ParseSize(s string) (Size, error) {
	number, unit := strings.ToUpper(strings.TrimSpace(s)), Size(1)
	for _, u := range []struct {
		names []string
		size  Size
	}{
		{[]string{"KIB", "KB", "K"}, KB},
		{[]string{"MIB", "MB", "M"}, MB},
		{[]string{"GIB", "GB", "G"}, GB},
		{[]string{"B"}, 1},
	} {
		if rest, ok := cutAnySuffix(number, u.names); ok {
			number, unit = strings.TrimSpace(rest), u.size
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || n < 0 || math.IsNaN(n) || n*float64(unit) >= math.MaxInt64 {
		return 0, Errorf(ReasonValidation, "invalid size %q: want an amount such as \"128MB\" or a number of bytes", s)
	}
	return Size(n * float64(unit)), nil
}

func cutAnySuffix(s string, suffixes []string) (rest string, found bool) {
	for _, suffix := range suffixes {
		if rest, found = strings.CutSuffix(s, suffix); found {
			return rest, true
		}
	}
	return s, false
}

// String returns the size in the largest unit that fits, rounded to a tenth of
// it.
func (n Size) String() string {
	for _, u := range []struct {
		size Size
		name string
	}{{GB, "GB"}, {MB, "MB"}, {KB, "KB"}} {
		if n >= u.size {
			return strconv.FormatFloat(math.Round(float64(n)/float64(u.size)*10)/10, 'f', -1, 64) + u.name
		}
	}
	return strconv.FormatInt(int64(n), 10) + "B"
}

// MarshalJSON writes the number of bytes.
func (n Size) MarshalJSON() ([]byte, error) { return strconv.AppendInt(nil, int64(n), 10), nil }

// UnmarshalJSON reads "128MB" or a number of bytes.
func (n *Size) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	s, err := unquoteScalar(b)
	if err != nil {
		return err
	}
	return n.Set(s)
}

// UnmarshalText reads what [ParseSize] accepts.
func (n *Size) UnmarshalText(b []byte) error { return n.Set(string(b)) }

// Set reads the text form, for command-line flags.
func (n *Size) Set(s string) error {
	v, err := ParseSize(s)
	if err != nil {
		return err
	}
	*n = v
	return nil
}

// Type names the value in help texts.
func (Size) Type() string { return "size" }

// unquoteScalar returns the text of a JSON string or number.
func unquoteScalar(b []byte) (string, error) {
	if len(b) > 0 && b[0] == '"' {
		var s string
		err := json.Unmarshal(b, &s)
		return s, err
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return "", Errorf(ReasonValidation, "want a string or a number, got %s", b)
	}
	return n.String(), nil
}
