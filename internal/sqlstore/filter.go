package sqlstore

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ratchet-runner/ratchet-go"
)

// A column is where a field of a list is found, and how its values are read.
// The zero column is the field's name in snake case, never NULL.
type column struct {
	expr   string
	stored storage
	null   bool
	// parse reads one value of a filter. It may stand for several that are
	// stored. Default: by the field's kind.
	parse func(value string) ([]any, error)
}

// A storage is how a column is stored.
type storage int

// The ways of storing, as far as comparisons differ.
const (
	storedByKind storage = iota
	storedText
	storedInt
	storedBool
	storedID
	storedSet // a JSON array of strings
)

// column returns where the field is found.
func (t table[T]) column(f ratchet.Field) column {
	c := t.special[f.Name]
	if c.expr == "" {
		c.expr = snake(f.Name)
	}
	if c.stored == storedByKind {
		c.stored = storageOf(f.Kind)
	}
	if c.parse == nil {
		c.parse = func(value string) ([]any, error) { return parseValue(f, value) }
	}
	return c
}

func storageOf(k ratchet.FieldKind) storage {
	switch k {
	case ratchet.FieldNumber, ratchet.FieldTime:
		return storedInt
	case ratchet.FieldBool:
		return storedBool
	case ratchet.FieldID:
		return storedID
	case ratchet.FieldSet:
		return storedSet
	default:
		return storedText
	}
}

// snake turns "createdAt" into "created_at".
func snake(name string) string {
	var b strings.Builder
	for _, r := range name {
		if 'A' <= r && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// ordered is the column as it is sorted and compared by: text in the order of
// its bytes, as SQLite has it.
func (c column) ordered(d dialect) string {
	if d == postgres && c.stored == storedText {
		return c.expr + ` COLLATE "C"`
	}
	return c.expr
}

// mark is the placeholder of a value that is compared with the column. PostgreSQL
// would take a number for the column's type, which may be too small for it.
func (c column) mark(d dialect) string {
	if d == postgres && c.stored == storedInt {
		return "CAST(? AS BIGINT)"
	}
	return "?"
}

// idsOf returns the parser of an ID's field.
func idsOf[I interface{ IsZero() bool }](parse func(string) (I, error)) func(string) ([]any, error) {
	return func(value string) ([]any, error) {
		id, err := parse(value)
		if err != nil {
			return nil, err
		}
		if id.IsZero() {
			return nil, ratchet.Errorf(ratchet.ReasonValidation, "the zero ID is nobody's")
		}
		return []any{id}, nil
	}
}

// parseValue reads a value by the kind of its field. Its error says what is
// allowed.
func parseValue(f ratchet.Field, value string) ([]any, error) {
	switch f.Kind {
	case ratchet.FieldEnum:
		for _, word := range f.Values {
			if strings.EqualFold(word, value) {
				return []any{word}, nil
			}
		}
		return nil, fmt.Errorf("one of %s", strings.Join(f.Values, ", "))
	case ratchet.FieldBool:
		switch strings.ToLower(value) {
		case "true", "1":
			return []any{true}, nil
		case "false", "0":
			return []any{false}, nil
		}
		return nil, fmt.Errorf("true or false")
	case ratchet.FieldNumber:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("a whole number")
		}
		return []any{n}, nil
	case ratchet.FieldTime:
		t, err := time.Parse(time.RFC3339Nano, value)
		if err != nil {
			return nil, fmt.Errorf(`a time of RFC 3339 such as "2026-01-31T09:30:00Z"`)
		}
		return []any{t}, nil
	default:
		return []any{value}, nil
	}
}

// filter returns the SQL of one filter, or what is wrong with it.
func (t table[T]) filter(d dialect, fields []ratchet.Field, f ratchet.Filter) (condition, *ratchet.Detail) {
	name := f.Field
	if f.Op != ratchet.OpEqual {
		name += "_" + string(f.Op)
	}
	no := func(got, expected, format string, args ...any) (condition, *ratchet.Detail) {
		return condition{}, &ratchet.Detail{Pointer: "/" + name, Message: fmt.Sprintf(format, args...), Expected: expected, Got: got}
	}
	field, found := fieldNamed(fields, f.Field)
	switch {
	case !found:
		return no(f.Field, "one of "+strings.Join(namesOf(fields), ", "), "%s cannot be filtered by %q", t.name, f.Field)
	case !slices.Contains(field.Kind.Ops(), f.Op):
		return no(string(f.Op), opsOf(field), "%s cannot be compared so", f.Field)
	case len(f.Values) == 0:
		return no("", "a value", "the filter %s has no value", name)
	case len(f.Values) > 1 && f.Op != ratchet.OpIn && f.Op != ratchet.OpNotIn:
		return no(strings.Join(f.Values, ","), "one value; or "+f.Field+"_in", "the filter %s has several values", name)
	}
	c := t.column(field)
	if field.Kind == ratchet.FieldEnum && !c.null && (f.Op == ratchet.OpNot || f.Op == ratchet.OpNotIn) {
		if others, ok := c.others(field, f.Values); ok {
			f.Op, f.Values = ratchet.OpIn, others
		}
	}
	var values []any
	for _, text := range f.Values {
		if expected := notText(text); expected != "" {
			return no(fmt.Sprintf("%.100q", text), expected, "the value of the filter %s cannot be compared", name)
		}
		parsed, err := c.parse(text)
		if err != nil {
			return no(text, err.Error(), "the filter %s does not know the value %.100q", name, text)
		}
		for _, v := range parsed {
			if at, ok := v.(time.Time); ok {
				v = microsFor(f.Op, at)
			}
			values = append(values, v)
		}
	}
	where := c.compare(d, f.Op, values)
	if slices.Contains(t.indexed, c.expr) && (f.Op == ratchet.OpEqual || f.Op == ratchet.OpIn) {
		where.either = c.parts(d, values)
	}
	return where, nil
}

// others returns the words of an enum that are none of those given: to be one of
// them is what an index can find. Not ok: a word is not known, or none is left.
func (c column) others(field ratchet.Field, words []string) (left []string, ok bool) {
	not := map[any]bool{}
	for _, word := range words {
		values, err := c.parse(word)
		if err != nil {
			return nil, false
		}
		for _, v := range values {
			not[v] = true
		}
	}
	for _, word := range field.Values {
		values, err := c.parse(word)
		if err == nil && !slices.ContainsFunc(values, func(v any) bool { return not[v] }) {
			left = append(left, word)
		}
	}
	return left, len(left) > 0
}

// maxParts is in how many parts a list is read at most.
const maxParts = 8

// parts returns the comparison with each of several values; nil if there is but
// one, or too many.
func (c column) parts(d dialect, values []any) (each []condition) {
	seen := map[any]bool{}
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			each = append(each, c.among(d, []any{v}))
		}
	}
	if len(each) < 2 || len(each) > maxParts {
		return nil
	}
	return each
}

// notText says what a value should be that no database would take; empty if it
// is good.
func notText(s string) string {
	if len(s) > maxValueLength {
		return fmt.Sprintf("at most %d bytes", maxValueLength)
	}
	return notStorable(s)
}

// notStorable says what text should be that a database would not take; empty if
// it is good.
func notStorable(s string) string {
	switch {
	case !utf8.ValidString(s):
		return "text in UTF-8"
	case strings.ContainsRune(s, 0):
		return "text without NUL characters"
	}
	return ""
}

func namesOf(fields []ratchet.Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

// opsOf lists the filters that a field allows.
func opsOf(f ratchet.Field) string {
	var all []string
	for _, op := range f.Kind.Ops() {
		if op == ratchet.OpEqual {
			all = append(all, f.Name)
			continue
		}
		all = append(all, f.Name+"_"+string(op))
	}
	return "one of " + strings.Join(all, ", ")
}

// microsFor rounds a time to the microseconds that are stored, so that the
// comparison gives what it would without rounding.
func microsFor(op ratchet.Op, t time.Time) int64 {
	micros := t.UnixMicro()
	if t.Nanosecond()%1000 == 0 {
		return micros
	}
	switch op {
	case ratchet.OpAtMost, ratchet.OpMore:
		return micros
	case ratchet.OpLess, ratchet.OpAtLeast:
		return micros + 1
	default:
		return math.MinInt64 // nothing stored is equal to it
	}
}

// compare returns the SQL of a comparison. A value that is not there is
// different from any other, and neither more nor less; text is always there.
func (c column) compare(d dialect, op ratchet.Op, values []any) condition {
	switch {
	case c.stored == storedSet:
		return c.has(d, values)
	case op == ratchet.OpEqual, op == ratchet.OpIn:
		return c.among(d, values)
	case op == ratchet.OpNot, op == ratchet.OpNotIn:
		in := c.among(d, values)
		if c.null {
			return condition{sql: "(" + c.expr + " IS NULL OR NOT " + in.sql + ")", args: in.args}
		}
		return condition{sql: "NOT " + in.sql, args: in.args}
	case op == ratchet.OpContains, op == ratchet.OpPrefix, op == ratchet.OpSuffix:
		return c.matches(d, op, values[0].(string))
	}
	sign := map[ratchet.Op]string{ratchet.OpLess: " < ", ratchet.OpAtMost: " <= ", ratchet.OpMore: " > ", ratchet.OpAtLeast: " >= "}[op]
	return condition{sql: c.expr + sign + c.mark(d), args: values}
}

// among returns the SQL of being one of the values.
func (c column) among(d dialect, values []any) condition {
	sql := c.expr + " = " + c.mark(d)
	if len(values) > 1 {
		values = padded(values)
		sql = c.expr + " IN (" + strings.Repeat(c.mark(d)+", ", len(values)-1) + c.mark(d) + ")"
	}
	return condition{sql: "(" + sql + ")", args: values}
}

// padded repeats the last value until there are a power of two of them, so that
// there are few different statements.
func padded(values []any) []any {
	values = slices.Clip(values)
	for n := len(values); n&(n-1) != 0; n++ {
		values = append(values, values[len(values)-1])
	}
	return values
}

// has returns the SQL of a set that has one of the values.
func (c column) has(d dialect, values []any) condition {
	elements := "json_each(" + c.expr + ") AS element"
	if d == postgres {
		elements = "json_array_elements_text(CASE WHEN " + c.expr + " LIKE '[%' THEN CAST(" + c.expr + " AS json) END) AS element(value)"
	}
	values = padded(values)
	return condition{sql: "EXISTS (SELECT 1 FROM " + elements + " WHERE element.value IN (" + placeholders(len(values)) + "))", args: values}
}

// matches returns the SQL of text that contains, begins or ends with a part.
// Any text does so with the empty one.
func (c column) matches(d dialect, op ratchet.Op, part string) condition {
	if part == "" {
		return condition{sql: "1 = 1"}
	}
	n := utf8.RuneCountInString(part)
	switch {
	case op == ratchet.OpContains && d == postgres:
		return condition{sql: c.expr + ` COLLATE "C" ILIKE ? ESCAPE '\'`, args: []any{"%" + escapeLike(part) + "%"}}
	case op == ratchet.OpContains:
		return condition{sql: c.expr + ` LIKE ? ESCAPE '\'`, args: []any{"%" + escapeLike(part) + "%"}}
	case op == ratchet.OpSuffix && d == postgres:
		return condition{sql: "right(" + c.expr + ", ?) = ?", args: []any{n, part}}
	case op == ratchet.OpSuffix:
		return condition{sql: "substr(" + c.expr + ", ?) = ?", args: []any{-n, part}}
	}
	from := condition{sql: c.ordered(d) + " >= ?", args: []any{part}}
	if end := following(part); end != "" {
		return condition{sql: "(" + from.sql + " AND " + c.ordered(d) + " < ?)", args: []any{part, end}}
	}
	return from
}

// escapeLike takes from a pattern's characters what is special about them.
func escapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

// following returns the least text that comes after all those that begin with
// the prefix; empty if there is none. The order of UTF-8 bytes is that of the
// characters' numbers.
func following(prefix string) string {
	for prefix != "" {
		r, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch {
		case r == utf8.MaxRune:
			continue
		case r == 0xD7FF: // the next ones are no characters
			return prefix + "\uE000"
		default:
			return prefix + string(r+1)
		}
	}
	return ""
}
