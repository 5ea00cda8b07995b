package plugin

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// A Range is a set of versions, such as ">=1.2 <2", "^1.2" or "~1.2.3". The zero
// Range has every version.
type Range struct{ bounds []bound }

// A bound is one condition of a range.
type bound struct {
	op   string // one of < <= = >= >
	than version
}

// A version is major, minor and patch, and what comes after a dash.
type version struct {
	number [3]int
	pre    string
}

// ParseRange parses a range: conditions with a space between, all of which must
// hold. ^1.2 is everything from 1.2.0 up to the next major version (the next minor
// one below 1.0.0), ~1.2.3 up to the next minor one; 1.2 alone is like ~1.2.
func ParseRange(s string) (Range, error) {
	var r Range
	for _, word := range strings.Fields(s) {
		if word == "*" {
			continue
		}
		op := word[:len(word)-len(strings.TrimLeft(word, "<>=^~"))]
		v, parts, err := parseVersion(word[len(op):])
		if err != nil {
			return Range{}, fmt.Errorf("version range %q: %w", s, err)
		}
		switch op {
		case "<", "<=", ">=", ">":
			r.bounds = append(r.bounds, bound{op, v})
		case "=":
			r.bounds = append(r.bounds, bound{"=", v})
		case "":
			if parts == 3 {
				r.bounds = append(r.bounds, bound{"=", v})
				continue
			}
			r.add(v, v.next(parts-1))
		case "~":
			r.add(v, v.next(min(parts-1, 1)))
		case "^":
			r.add(v, v.next(v.firstSet()))
		default:
			return Range{}, fmt.Errorf("version range %q: %q is not one of < <= = >= > ^ ~", s, op)
		}
	}
	return r, nil
}

func (r *Range) add(from, below version) {
	r.bounds = append(r.bounds, bound{">=", from}, bound{"<", below})
}

// Has reports whether a version is in the range. What is no version is in none but
// the zero Range.
func (r Range) Has(s string) bool {
	if len(r.bounds) == 0 {
		return true
	}
	v, parts, err := parseVersion(s)
	if err != nil || parts != 3 {
		return false
	}
	for _, b := range r.bounds {
		if !b.holds(v) {
			return false
		}
	}
	return true
}

func (b bound) holds(v version) bool {
	c := v.compare(b.than)
	switch b.op {
	case "<":
		// A version before the next one, such as 2.0.0-beta, is not below it.
		return c < 0 && (v.pre == "" || b.than.pre != "" || v.number != b.than.number)
	case "<=":
		return c <= 0
	case ">=":
		return c >= 0
	case ">":
		return c > 0
	default:
		return c == 0
	}
}

// next is the lowest version in which the part, from 0, is one more.
func (v version) next(part int) version {
	n := version{}
	copy(n.number[:part+1], v.number[:part+1])
	n.number[part]++
	return n
}

// firstSet is the first part that is not zero.
func (v version) firstSet() int {
	for i, n := range v.number {
		if n != 0 {
			return i
		}
	}
	return 2
}

func (v version) compare(w version) int {
	for i := range v.number {
		if c := cmp.Compare(v.number[i], w.number[i]); c != 0 {
			return c
		}
	}
	switch {
	case v.pre == w.pre:
		return 0
	case v.pre == "":
		return 1
	case w.pre == "":
		return -1
	}
	return comparePre(strings.Split(v.pre, "."), strings.Split(w.pre, "."))
}

// comparePre compares what comes after the dash, by https://semver.org, 11.4.
func comparePre(a, b []string) int {
	for i := range min(len(a), len(b)) {
		m, errA := strconv.Atoi(a[i])
		n, errB := strconv.Atoi(b[i])
		c := 0
		switch {
		case errA == nil && errB == nil:
			c = cmp.Compare(m, n)
		case errA == nil:
			c = -1
		case errB == nil:
			c = 1
		default:
			c = strings.Compare(a[i], b[i])
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// parseVersion parses one to three parts.
func parseVersion(s string) (v version, parts int, err error) {
	core, _, _ := strings.Cut(s, "+")
	core, v.pre, _ = strings.Cut(core, "-")
	numbers := strings.Split(core, ".")
	if len(numbers) > 3 {
		return v, 0, fmt.Errorf("%q is no version", s)
	}
	for i, text := range numbers {
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return v, 0, fmt.Errorf("%q is no version", s)
		}
		v.number[i] = int(n)
	}
	return v, len(numbers), nil
}
