package sqlstore

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
)

// namespace is where everything is kept: there is only one so far.
const namespace = "default"

// A table is a plain resource: rows that are read, listed, made, changed and
// deleted as they are. What changes the state of a job is not among them.
type table[T any] struct {
	name    string // of the table, and of a list of them in messages
	noun    string // one of them in messages
	missing ratchet.Reason
	fields  func() []ratchet.Field // what it is listed by
	// special are the columns of the fields that are not found by their name and
	// kind alone, by the field's name.
	special map[string]column
	// indexed are the columns that have an index with the ID after them.
	indexed []string
	columns []string        // or expressions to read
	dest    func(*T) []any  // where the columns go
	values  func(*T) values // what is written
}

// values are a row to be written: columns with what they get.
type values []value

type value struct {
	column string
	is     any
}

// one returns the only row for which the condition holds; errNoRows if there is
// none.
func (t table[T]) one(ctx context.Context, c conn, condition string, args ...any) (*T, error) {
	var v T
	err := c.queryRow(ctx, "SELECT "+strings.Join(t.columns, ", ")+" FROM "+t.name+" WHERE "+condition, args...).Scan(t.dest(&v)...)
	if err != nil {
		return nil, err
	}
	return &v, nil
}

// all returns the rows that the clauses after FROM leave, in their order.
func (t table[T]) all(ctx context.Context, c conn, clauses string, args ...any) ([]T, error) {
	rs, err := c.query(ctx, "SELECT "+strings.Join(t.columns, ", ")+" FROM "+t.name+" "+clauses, args...)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	items := []T{}
	for rs.Next() {
		var v T
		if err := rs.Scan(t.dest(&v)...); err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	return items, rs.Err()
}

// get returns the row for which the condition holds. Ref is what the caller
// called it.
func (t table[T]) get(ctx context.Context, c conn, ref, condition string, args ...any) (*T, error) {
	v, err := t.one(ctx, c, condition, args...)
	if errors.Is(err, errNoRows) {
		return nil, t.notFound(ref)
	}
	return v, wrap("read "+t.noun, err)
}

func (t table[T]) notFound(ref string) error {
	return ratchet.Errorf(t.missing, "there is no %s %q", t.noun, ref)
}

// create inserts v, which is called name in messages.
func (t table[T]) create(ctx context.Context, c conn, v *T, name string, more ...value) error {
	row := append(t.values(v), more...)
	if err := row.check(); err != nil {
		return err
	}
	_, err := c.exec(ctx, row.insert(t.name), row.args()...)
	if duplicate(err) {
		return ratchet.Errorf(ratchet.ReasonAlreadyExists, "there is a %s %q already: give this one another name", t.noun, name)
	}
	return wrap("create "+t.noun, err)
}

// update writes v where the condition holds, and reports whether it did
// anywhere.
func (t table[T]) update(ctx context.Context, c conn, v *T, name, condition string, args ...any) (bool, error) {
	row := t.values(v)
	if err := row.check(); err != nil {
		return false, err
	}
	set := make([]string, len(row))
	for i, v := range row {
		set[i] = v.column + " = ?"
	}
	n, err := c.exec(ctx, "UPDATE "+t.name+" SET "+strings.Join(set, ", ")+" WHERE "+condition, append(row.args(), args...)...)
	if duplicate(err) {
		return false, ratchet.Errorf(ratchet.ReasonAlreadyExists, "there is a %s %q already: give this one another name", t.noun, name)
	}
	return n > 0, wrap("update "+t.noun, err)
}

// duplicate reports whether a write was refused because the same is there.
func duplicate(err error) bool {
	if err == nil {
		return false
	}
	reason, _ := reasonOf(err)
	return reason == ratchet.ReasonStorageDuplicateKey
}

// delete removes the row with the ID.
func (t table[T]) delete(ctx context.Context, c conn, id interface {
	driver.Valuer
	fmt.Stringer
},
) error {
	n, err := c.exec(ctx, "DELETE FROM "+t.name+" WHERE id = ?", id)
	if err == nil && n == 0 {
		return t.notFound(id.String())
	}
	return wrap("delete "+t.noun, err)
}

func (v values) args() []any {
	args := make([]any, len(v))
	for i, each := range v {
		args[i] = each.is
	}
	return args
}

func (v values) insert(table string) string {
	names := make([]string, len(v))
	for i, each := range v {
		names[i] = each.column
	}
	return "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") VALUES (" + placeholders(len(names)) + ")"
}

// check refuses text that PostgreSQL would not take, and SQLite only to give it
// back cut short.
func (v values) check() error {
	var wrong []ratchet.Detail
	for _, each := range v {
		s, ok := each.is.(string)
		if !ok {
			continue
		}
		if expected := notStorable(s); expected != "" {
			wrong = append(wrong, ratchet.Detail{
				Pointer: "/" + camel(each.column), Message: fmt.Sprintf("%s cannot be kept", camel(each.column)),
				Expected: expected, Got: fmt.Sprintf("%.100q", s),
			})
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return ratchet.Errorf(ratchet.ReasonValidation, "%s: want %s", wrong[0].Message, wrong[0].Expected).WithDetails(wrong...)
}

// camel turns "created_at" into "createdAt".
func camel(column string) string {
	words := strings.Split(column, "_")
	for i, w := range words[1:] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	return strings.Join(words, "")
}

// jsonValue is how a structure is written.
type jsonValue struct{ v any }

// Value implements driver.Valuer.
func (j jsonValue) Value() (driver.Value, error) { return asJSON(j.v) }

// wordsValue is how a set of words is written: none is "[]".
type wordsValue []string

// Value implements driver.Valuer.
func (w wordsValue) Value() (driver.Value, error) {
	if len(w) == 0 {
		return "[]", nil
	}
	return asJSON([]string(w))
}

// scanWords reads a set of words, none as nil.
type scanWords struct{ words *[]string }

// Scan implements sql.Scanner.
func (s scanWords) Scan(src any) error {
	*s.words = nil
	b, err := textOf(src)
	if err != nil || len(b) == 0 || string(b) == "[]" {
		return err
	}
	return json.Unmarshal(b, s.words)
}
