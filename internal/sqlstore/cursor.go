package sqlstore

import (
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
)

// A cursor is base64url of its version, the beginning of a hash of the rest, and
// as JSON: which list it belongs to, how many rows come before, and the values
// of the last of them.
const (
	cursorVersion = 1
	cursorSum     = 4 // bytes
)

type cursorText struct {
	Query    string    `json:"q"`
	Position int       `json:"p"`
	Values   []*string `json:"v"`
}

// A position is a place in a list, by the values of what it is sorted by.
type position struct {
	order    []order
	values   []any // nil, string, int64, bool or ratchet.JobID (for any ID)
	position int
	slots    []any
}

// newPosition returns a position to read rows into.
func (p plan) newPosition() *position {
	at := &position{order: p.order, slots: make([]any, len(p.order))}
	for i, o := range p.order {
		switch o.stored {
		case storedInt:
			at.slots[i] = new(sql.NullInt64)
		case storedBool:
			at.slots[i] = new(sql.NullBool)
		case storedID:
			at.slots[i] = new(ratchet.JobID)
		default:
			at.slots[i] = new(sql.NullString)
		}
	}
	return at
}

// dest is where the values of a row go.
func (p *position) dest() []any { return p.slots }

// cursor returns the text of the position that was read last.
func (p *position) cursor(query string, rows int) string {
	c := cursorText{Query: query, Position: rows, Values: make([]*string, len(p.slots))}
	for i, slot := range p.slots {
		var text string
		valid := true
		switch v := slot.(type) {
		case *sql.NullInt64:
			text, valid = strconv.FormatInt(v.Int64, 10), v.Valid
		case *sql.NullBool:
			text, valid = strconv.FormatBool(v.Bool), v.Valid
		case *sql.NullString:
			text, valid = v.String, v.Valid
		case *ratchet.JobID:
			text, valid = v.UUID(), !v.IsZero()
		}
		if valid {
			c.Values[i] = &text
		}
	}
	body, err := json.Marshal(c)
	if err != nil { // strings and numbers always can be
		return ""
	}
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(append(append([]byte{cursorVersion}, sum[:cursorSum]...), body...))
}

// parseCursor reads the cursor of a page of the same query.
func parseCursor(text, query string, by []order) (position, error) {
	c, ok := decodeCursor(text)
	if !ok {
		return position{}, badCursor("this is no cursor")
	}
	if c.Query != query || len(c.Values) != len(by) {
		return position{}, badCursor("this cursor is of another list, or of other filters or another order")
	}
	at := position{order: by, position: c.Position}
	for i, o := range by {
		v, ok := o.readBack(c.Values[i])
		if !ok {
			return position{}, badCursor("this is no cursor")
		}
		at.values = append(at.values, v)
	}
	return at, nil
}

func badCursor(message string) error {
	return invalidQuery([]ratchet.Detail{{Pointer: "/cursor", Message: message, Expected: "the cursor that came with the page before, unchanged; or none, to begin at the first page"}})
}

func decodeCursor(text string) (c cursorText, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 1+cursorSum || b[0] != cursorVersion {
		return c, false
	}
	body := b[1+cursorSum:]
	sum := sha256.Sum256(body)
	if string(sum[:cursorSum]) != string(b[1:1+cursorSum]) || json.Unmarshal(body, &c) != nil {
		return c, false
	}
	return c, c.Position >= 0
}

// readBack reads a value of a cursor, which anybody may have written.
func (o order) readBack(text *string) (v any, ok bool) {
	if text == nil {
		return nil, o.null
	}
	var err error
	switch o.stored {
	case storedInt:
		v, err = strconv.ParseInt(*text, 10, 64)
	case storedBool:
		v, err = strconv.ParseBool(*text)
	case storedID:
		v, err = ratchet.ParseID[ratchet.Job](*text)
	default:
		return *text, !strings.ContainsRune(*text, 0)
	}
	return v, err == nil
}

// fingerprint tells lists with different filters or orders apart.
func fingerprint(table string, q ratchet.Query) string {
	text, err := json.Marshal([]any{table, q.Filters, q.Sort})
	if err != nil { // strings always can be
		return ""
	}
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// keyset returns the SQL of coming after the values in the order. Where it can,
// it is one comparison of rows, which an index answers.
func keyset(d dialect, by []order, values []any) condition {
	if rowComparable(by) {
		var names, marks []string
		for _, o := range by {
			names = append(names, o.ordered(d))
			marks = append(marks, o.mark(d))
		}
		sign := " > "
		if by[0].desc {
			sign = " < "
		}
		if len(by) == 1 {
			return condition{sql: names[0] + sign + marks[0], args: values}
		}
		return condition{sql: "(" + strings.Join(names, ", ") + ")" + sign + "(" + strings.Join(marks, ", ") + ")", args: values}
	}
	var all []string
	var args []any
	for i := range by {
		var one []string
		for j := range i {
			same := by[j].same(d, values[j])
			one = append(one, same.sql)
			args = append(args, same.args...)
		}
		beyond := by[i].beyond(d, values[i])
		all = append(all, strings.Join(append(one, beyond.sql), " AND "))
		args = append(args, beyond.args...)
	}
	return condition{sql: "((" + strings.Join(all, ") OR (") + "))", args: args}
}

// rowComparable reports whether all columns go one way and none is ever NULL.
func rowComparable(by []order) bool {
	for _, o := range by {
		if o.null || o.desc != by[0].desc {
			return false
		}
	}
	return true
}

// same is the SQL of having the value.
func (o order) same(d dialect, v any) condition {
	if v == nil {
		return condition{sql: o.expr + " IS NULL"}
	}
	return condition{sql: o.expr + " = " + o.mark(d), args: []any{v}}
}

// beyond is the SQL of coming after the value. NULL comes before all others.
func (o order) beyond(d dialect, v any) condition {
	switch {
	case v == nil && o.desc:
		return condition{sql: "1 = 0"}
	case v == nil:
		return condition{sql: o.expr + " IS NOT NULL"}
	case o.desc && o.null:
		return condition{sql: "(" + o.ordered(d) + " < " + o.mark(d) + " OR " + o.expr + " IS NULL)", args: []any{v}}
	case o.desc:
		return condition{sql: o.ordered(d) + " < " + o.mark(d), args: []any{v}}
	default:
		return condition{sql: o.ordered(d) + " > " + o.mark(d), args: []any{v}}
	}
}
