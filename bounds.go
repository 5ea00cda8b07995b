package ratchet

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of a rate.
const (
	MaxRate    = 1_000_000
	MaxRatePer = Duration(7 * 24 * time.Hour)
)

// The first and the last year, of UTC, of a time that is asked for: RFC 3339 has
// no way to write one after the last.
const (
	MinYear = 1970
	MaxYear = 9999
)

// Validate reports what is wrong with c, each as one Detail whose Pointer is the
// field's JSON name.
func (c Concurrency) Validate() (wrong []Detail) {
	wrong = append(wrong, badText("/key", c.Key, MaxKeyLength)...)
	if c.Key == "" {
		wrong = append(wrong, required("/key", "a text such as \"customer-42\""))
	}
	if c.Max < 1 || c.Max > MaxGate {
		wrong = append(wrong, outOfBounds("/max", fmt.Sprintf("1 to %d", MaxGate), c.Max))
	}
	return wrong
}

// Validate reports what is wrong with r, each as one Detail whose Pointer is the
// field's JSON name.
func (r Rate) Validate() (wrong []Detail) {
	if r.Max < 1 || r.Max > MaxRate {
		wrong = append(wrong, outOfBounds("/max", fmt.Sprintf("1 to %d", MaxRate), r.Max))
	}
	if r.Per <= 0 || r.Per > MaxRatePer {
		wrong = append(wrong, outOfBounds("/per", "more than 0 and at most "+MaxRatePer.String(), r.Per))
	}
	return wrong
}

func outOfBounds(pointer, expected string, got any) Detail {
	return Detail{Pointer: pointer, Message: fieldName(pointer) + " is out of bounds", Expected: expected, Got: fmt.Sprint(got)}
}

// badText describes a text that is too long or has characters that cannot be
// shown. An empty text is not bad.
func badText(pointer, s string, most int) []Detail {
	switch {
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return []Detail{{
			Pointer: pointer, Message: fieldName(pointer) + " has characters that cannot be shown",
			Expected: "text without control characters", Got: fmt.Sprintf("%+.40q", s),
		}}
	case len(s) > most:
		return []Detail{{
			Pointer: pointer, Message: fieldName(pointer) + " is too long",
			Expected: fmt.Sprintf("at most %d bytes", most), Got: fmt.Sprint(len(s)),
		}}
	}
	return nil
}
