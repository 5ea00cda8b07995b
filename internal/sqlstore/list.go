package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
)

// Bounds of a query, so that no list asks more of a database than it can do.
const (
	maxFilters     = 100
	maxValues      = 1000 // of all filters
	maxValueLength = 2000 // bytes
)

// list returns the rows of the table that the query asks for.
func (t table[T]) list(ctx context.Context, c conn, q ratchet.Query) (page ratchet.Page[T], err error) {
	p, err := t.plan(c.dialect(), q)
	if err != nil {
		return page, err
	}
	page.Offset = p.offset
	page.Items, page.Next, err = t.rows(ctx, c, p)
	if err != nil {
		return page, wrap("list "+t.name, err)
	}
	if q.Uncounted && (page.Next != "" || page.Offset > 0) {
		page.Total = -1
		return page, nil
	}
	page.Total, err = p.total(ctx, c, len(page.Items), page.Next != "")
	if err != nil {
		return page, wrap("count "+t.name, err)
	}
	return page, nil
}

// A plan is a query in SQL.
type plan struct {
	dialect dialect
	from    string
	where   []condition // of the filters
	after   condition   // of the cursor
	order   []order     // ends with the ID
	limit   int
	offset  int // of the page's first row in the whole list
	skip    int // rows to pass over
	query   string
}

// A condition is SQL and its arguments.
type condition struct {
	sql  string
	args []any
	// either are the same in parts that exclude each other, where each part alone
	// leads by an index to rows in the order of their IDs.
	either []condition
}

// An order is one column that a list is sorted by.
type order struct {
	column
	desc bool
}

// plan checks everything about q and returns all that is wrong with it at once.
func (t table[T]) plan(d dialect, q ratchet.Query) (plan, error) {
	p := plan{dialect: d, from: t.name, limit: q.Limit, offset: q.Offset, skip: q.Offset}
	wrong := boundsOf(q)
	if p.limit == 0 {
		p.limit = ratchet.DefaultLimit
	}
	fields := t.fields()
	for _, f := range q.Filters {
		where, problem := t.filter(d, fields, f)
		if problem != nil {
			wrong = append(wrong, *problem)
			continue
		}
		p.where = append(p.where, where)
	}
	var problems []ratchet.Detail
	p.order, problems = t.order(fields, q.Sort)
	wrong = append(wrong, problems...)
	p.query = fingerprint(t.name, q)
	if q.After != "" && len(wrong) == 0 {
		at, err := parseCursor(q.After, p.query, p.order)
		if err != nil {
			return p, err
		}
		p.after, p.offset = keyset(d, p.order, at.values), at.position
	}
	if len(wrong) > 0 {
		return p, invalidQuery(wrong)
	}
	return p, nil
}

// boundsOf reports what is wrong with the size of q.
func boundsOf(q ratchet.Query) (wrong []ratchet.Detail) {
	outside := func(pointer, message, expected string, got any) {
		wrong = append(wrong, ratchet.Detail{Pointer: pointer, Message: message, Expected: expected, Got: fmt.Sprint(got)})
	}
	if q.Limit < 0 || q.Limit > ratchet.MaxLimit {
		outside("/limit", "limit is out of bounds", fmt.Sprintf("1 to %d", ratchet.MaxLimit), q.Limit)
	}
	if q.Offset < 0 {
		outside("/offset", "offset is out of bounds", "0 or more", q.Offset)
	}
	if q.Offset > 0 && q.After != "" {
		outside("/cursor", "a cursor and an offset do not go together", "one of the two", q.Offset)
	}
	if len(q.Filters) > maxFilters {
		outside("/filters", "there are too many filters", fmt.Sprintf("at most %d", maxFilters), len(q.Filters))
	}
	values := 0
	for _, f := range q.Filters {
		values += len(f.Values)
	}
	if values > maxValues {
		outside("/filters", "the filters have too many values", fmt.Sprintf("at most %d", maxValues), values)
	}
	return wrong
}

// invalidQuery is the error of a query with which something is wrong.
func invalidQuery(wrong []ratchet.Detail) error {
	first := wrong[0].Message
	if wrong[0].Expected != "" {
		first += ": want " + wrong[0].Expected
	}
	if more := len(wrong) - 1; more > 0 {
		first += fmt.Sprintf(" (and %d more)", more)
	}
	return ratchet.Errorf(ratchet.ReasonValidation, "%s", first).WithDetails(wrong...)
}

// order returns the columns that the list is sorted by. The ID makes the order
// total, in the direction of the last Sort; without any the newest come first.
func (t table[T]) order(fields []ratchet.Field, sorts []ratchet.Sort) (by []order, wrong []ratchet.Detail) {
	seen := map[string]bool{}
	desc := true
	for _, s := range sorts {
		f, found := fieldNamed(fields, s.Field)
		switch {
		case !found || !f.Sort:
			wrong = append(wrong, ratchet.Detail{Pointer: "/sort", Message: fmt.Sprintf("%s cannot be sorted by %q", t.name, s.Field), Expected: "one of " + strings.Join(sortable(fields), ", "), Got: s.Field})
			continue
		case seen[s.Field]:
			wrong = append(wrong, ratchet.Detail{Pointer: "/sort", Message: fmt.Sprintf("%q is there twice to sort by", s.Field), Expected: "each field once", Got: s.Field})
			continue
		case !seen["id"]: // what comes after the ID cannot matter
			by = append(by, order{t.column(f), s.Desc})
		}
		seen[s.Field], desc = true, s.Desc
	}
	if !seen["id"] {
		id, _ := fieldNamed(fields, "id")
		by = append(by, order{t.column(id), desc})
	}
	return by, wrong
}

func fieldNamed(fields []ratchet.Field, name string) (ratchet.Field, bool) {
	i := slices.IndexFunc(fields, func(f ratchet.Field) bool { return f.Name == name })
	if i < 0 {
		return ratchet.Field{}, false
	}
	return fields[i], true
}

func sortable(fields []ratchet.Field) (names []string) {
	for _, f := range fields {
		if f.Sort {
			names = append(names, f.Name)
		}
	}
	return names
}

// rows reads a page, and the cursor of the next one if there is one.
func (t table[T]) rows(ctx context.Context, c conn, p plan) (items []T, next string, err error) {
	sql, args := p.sql(t.columns)
	rs, err := c.query(ctx, sql, args...)
	if err != nil {
		return nil, "", err
	}
	defer rs.Close()
	items = make([]T, 0, min(p.limit, roomFor))
	at := p.newPosition()
	for rs.Next() {
		if len(items) == p.limit {
			next = at.cursor(p.query, p.offset+len(items))
			break
		}
		items = append(items, *new(T))
		if err := rs.Scan(append(t.dest(&items[len(items)-1]), at.dest()...)...); err != nil {
			return nil, "", err
		}
	}
	return items, next, rs.Err()
}

// roomFor is as many as room is made for before they are read.
const roomFor = 128

// sql returns the statement that reads one row more than the page has, each
// followed by what the list is sorted by.
func (p plan) sql(columns []string) (string, []any) {
	all := slices.Clone(columns)
	for _, o := range p.order {
		all = append(all, o.expr)
	}
	conditions := p.where
	if p.after.sql != "" {
		conditions = append(slices.Clip(conditions), p.after)
	}
	if i := slices.IndexFunc(conditions, func(c condition) bool { return len(c.either) > 0 }); i >= 0 && len(p.order) == 1 {
		conditions = []condition{p.merged(conditions, i)}
	}
	where, args := and(conditions)
	args = append(args, p.limit+1)
	sql := "SELECT " + strings.Join(all, ", ") + " FROM " + p.from + where + p.orderBy() + " LIMIT ?"
	if p.skip > 0 {
		sql += " OFFSET ?"
		args = append(args, p.skip)
	}
	return sql, args
}

func (p plan) orderBy() string {
	by := make([]string, len(p.order))
	for i, o := range p.order {
		by[i] = o.sql(p.dialect)
	}
	return " ORDER BY " + strings.Join(by, ", ")
}

// merged replaces conditions, of which the one at i is in parts, by one on the
// IDs: of each part as many as the page may need. Together they are few, so that
// no database sorts a whole list for its first page.
func (p plan) merged(conditions []condition, i int) condition {
	var parts []string
	var args []any
	for _, part := range conditions[i].either {
		of := slices.Clone(conditions)
		of[i] = part
		where, partArgs := and(of)
		parts = append(parts, "SELECT id FROM (SELECT id FROM "+p.from+where+p.orderBy()+" LIMIT ?) AS part")
		args = append(append(args, partArgs...), p.limit+1+p.skip)
	}
	return condition{sql: "id IN (" + strings.Join(parts, " UNION ALL ") + ")", args: args}
}

// and joins conditions to a WHERE clause.
func and(all []condition) (sql string, args []any) {
	for i, c := range all {
		word := " AND "
		if i == 0 {
			word = " WHERE "
		}
		sql += word + c.sql
		args = append(args, c.args...)
	}
	return sql, args
}

// sql returns the column as a part of ORDER BY. The smallest value is NULL, on
// both databases.
func (o order) sql(d dialect) string {
	sql := o.ordered(d)
	if o.desc {
		sql += " DESC"
	}
	if !o.null || d != postgres {
		return sql
	}
	if o.desc {
		return sql + " NULLS LAST"
	}
	return sql + " NULLS FIRST"
}

// total counts the list, up to CountedTotal. A first page that is also the last
// has been counted already.
func (p plan) total(ctx context.Context, c conn, items int, more bool) (int, error) {
	if !more && p.offset == 0 {
		return items, nil
	}
	sql, args := p.counting()
	var n int
	err := c.queryRow(ctx, sql, args...).Scan(&n)
	if n > ratchet.CountedTotal {
		n = -1
	}
	return n, err
}

// counting returns the statement that counts the list as far as it is counted.
func (p plan) counting() (string, []any) {
	where, args := and(p.where)
	return "SELECT count(*) FROM (SELECT 1 FROM " + p.from + where + " LIMIT ?) AS counted", append(args, ratchet.CountedTotal+1)
}
