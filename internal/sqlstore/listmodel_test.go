package sqlstore_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// A noun is one of the lists, with rows that the test has made: by the names of
// the fields, as nil, a string, an int64, a bool, a [16]byte or a []string.
type noun struct {
	table  string
	fields []ratchet.Field
	prefix map[string]string // of the IDs in a field, where it is not the list's own
	// extra are columns that are no fields but must have a value.
	extra map[string]any
	ids   func(context.Context, *sqlstore.Store, ratchet.Query) (ratchet.Page[[16]byte], error)
	rows  []map[string]any
}

func nouns() []*noun {
	ids := map[string]string{"taskId": "task_", "scheduleId": "schedule_", "retryOf": "job_", "jobId": "job_", "node": "node_"}
	named := func(own string) map[string]string {
		all := map[string]string{"id": own}
		for field, prefix := range ids {
			all[field] = prefix
		}
		return all
	}
	return []*noun{
		{
			table: "tasks", fields: ratchet.TaskFields(), prefix: named("task_"),
			ids: pageOf((*sqlstore.Store).Tasks, func(t ratchet.Task) [16]byte { return t.ID }),
		},
		{
			table: "jobs", fields: ratchet.JobFields(), prefix: named("job_"),
			extra: map[string]any{"input": "{}"},
			ids:   pageOf((*sqlstore.Store).Jobs, func(j ratchet.Job) [16]byte { return j.ID }),
		},
		{
			table: "executions", fields: ratchet.ExecutionFields(), prefix: named("execution_"),
			extra: map[string]any{"task_id": id16(7)},
			ids:   pageOf((*sqlstore.Store).Executions, func(x ratchet.Execution) [16]byte { return x.ID }),
		},
		{
			table: "schedules", fields: ratchet.ScheduleFields(), prefix: named("schedule_"),
			extra: map[string]any{"input": "{}"},
			ids:   pageOf((*sqlstore.Store).Schedules, func(s ratchet.Schedule) [16]byte { return s.ID }),
		},
		{
			table: "keys", fields: ratchet.KeyFields(), prefix: named("key_"),
			extra: map[string]any{"scopes": "[]", "hash": []byte{1}},
			ids:   pageOf((*sqlstore.Store).Keys, func(k ratchet.Key) [16]byte { return k.ID }),
		},
	}
}

func pageOf[T any](list func(*sqlstore.Store, context.Context, ratchet.Query) (ratchet.Page[T], error), id func(T) [16]byte) func(context.Context, *sqlstore.Store, ratchet.Query) (ratchet.Page[[16]byte], error) {
	return func(ctx context.Context, s *sqlstore.Store, q ratchet.Query) (page ratchet.Page[[16]byte], err error) {
		p, err := list(s, ctx, q)
		page.Offset, page.Total, page.Next = p.Offset, p.Total, p.Next
		for _, item := range p.Items {
			page.Items = append(page.Items, id(item))
		}
		return page, err
	}
}

func id16(n byte) [16]byte { return [16]byte{0: 1, 6: 0x70, 8: 0x80, 15: n} }

// texts are what a search box may be given, and what may be stored.
func texts() []string {
	return []string{
		"", "a", "A", "ab", "aB", "abc", "b", "%", "_", "a%b", "a_b", "axb", `\`, `a\b`, `\%`, "'", `"`, "''", "'; DROP TABLE jobs; --",
		"é", "É", "ß", "日本", "日", "\x01", "a\nb", "\t", "😀", "a😀b", "\uD7FF", "\uD7FFz", "\uE000", "\U0010FFFF", "\U0010FFFFx", " ", "[", "*", "?", "a?b", "$1", ":x", "null", "0",
		strings.Repeat("x", 300), "e\u0301", "\uFFFD", "--", "/*", "[\"a\"]", ",",
	}
}

const rowsOfANoun = 80

func (n *noun) fill(r *rand.Rand) {
	for i := range rowsOfANoun {
		row := map[string]any{}
		for _, f := range n.fields {
			row[f.Name] = n.value(r, f, i)
		}
		if state, ok := row["state"].(string); ok && n.table == "jobs" {
			row["status"] = string(ratchet.JobState(state).Status())
		}
		n.rows = append(n.rows, row)
	}
}

func (n *noun) value(r *rand.Rand, f ratchet.Field, i int) any {
	nullable := slices.Contains([]string{"scheduleId", "retryOf", "runAt", "startedAt", "finishedAt", "queuedAt", "lastRunAt", "nextRunAt", "durationMs", "expiresAt", "revokedAt"}, f.Name) ||
		f.Name == "node"
	if nullable && r.IntN(3) == 0 {
		return nil
	}
	switch f.Kind {
	case ratchet.FieldText:
		if f.Name == "name" && n.table != "executions" && n.table != "jobs" {
			return texts()[r.IntN(len(texts()))] + strconv.Itoa(i) // unique
		}
		return texts()[r.IntN(len(texts()))]
	case ratchet.FieldEnum:
		return f.Values[r.IntN(len(f.Values))]
	case ratchet.FieldID:
		if f.Name == "id" {
			id := id16(byte(rowsOfANoun - i))
			if n.table != "tasks" { // of which schedules need the first
				id[5] = byte(r.IntN(256))
			}
			return id
		}
		if f.Name == "taskId" && n.table == "schedules" {
			return id16(1) // a task that is there
		}
		return id16(byte(r.IntN(4)))
	case ratchet.FieldBool:
		return r.IntN(2) == 0
	case ratchet.FieldNumber:
		return int64(r.IntN(5))
	case ratchet.FieldTime:
		return int64(1_700_000_000_000_000) + int64(r.IntN(6))*250_000
	case ratchet.FieldSet:
		set := []string{}
		for range r.IntN(4) {
			set = append(set, texts()[r.IntN(len(texts()))])
		}
		return set
	}
	panic("unknown kind " + f.Kind)
}

// insert puts the rows into the database, past the store.
func (n *noun) insert(t *testing.T, s *sqlstore.Store) {
	t.Helper()
	for _, row := range n.rows {
		var names []string
		var args []any
		add := func(column string, v any) {
			names, args = append(names, column), append(args, v)
		}
		for _, f := range n.fields {
			v := row[f.Name]
			switch is := v.(type) {
			case [16]byte:
				v = is[:]
			case []string:
				text, err := json.Marshal(is)
				if err != nil {
					t.Fatal(err)
				}
				v = string(text)
			}
			switch {
			case f.Name == "status":
				continue
			case f.Name == "priority":
				p, err := ratchet.ParsePriority(row["priority"].(string))
				if err != nil {
					t.Fatal(err)
				}
				v = int64(p)
			}
			add(snake(f.Name), v)
		}
		for column, v := range n.extra {
			if id, ok := v.([16]byte); ok {
				v = id[:]
			}
			add(column, v)
		}
		sql := "INSERT INTO " + n.table + " (" + strings.Join(names, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(names)-1) + ")"
		if err := s.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%v: %v", row, err)
		}
	}
}

func snake(name string) string {
	var b strings.Builder
	for _, r := range name {
		if 'A' <= r && r <= 'Z' {
			b.WriteString("_" + string(r+'a'-'A'))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// passes says in Go what the list should say in SQL.
func (n *noun) passes(row map[string]any, f ratchet.Filter) bool {
	i := slices.IndexFunc(n.fields, func(field ratchet.Field) bool { return field.Name == f.Field })
	field, is := n.fields[i], row[f.Field]
	among := slices.ContainsFunc(f.Values, func(v string) bool { return n.equal(field, is, v) })
	switch f.Op {
	case ratchet.OpEqual, ratchet.OpIn:
		return among
	case ratchet.OpNot, ratchet.OpNotIn:
		return !among
	case ratchet.OpContains:
		return strings.Contains(lower(is.(string)), lower(f.Values[0]))
	case ratchet.OpPrefix:
		return strings.HasPrefix(is.(string), f.Values[0])
	case ratchet.OpSuffix:
		return strings.HasSuffix(is.(string), f.Values[0])
	}
	if is == nil {
		return false
	}
	var c int
	if field.Kind == ratchet.FieldTime {
		at, err := time.Parse(time.RFC3339Nano, f.Values[0])
		if err != nil {
			panic(err)
		}
		c = time.UnixMicro(is.(int64)).Compare(at)
	} else {
		v, err := strconv.ParseInt(f.Values[0], 10, 64)
		if err != nil {
			panic(err)
		}
		c = cmp.Compare(is.(int64), v)
	}
	switch f.Op {
	case ratchet.OpLess:
		return c < 0
	case ratchet.OpAtMost:
		return c <= 0
	case ratchet.OpMore:
		return c > 0
	default:
		return c >= 0
	}
}

// lower lowers ASCII letters only, as both databases can.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func (n *noun) equal(f ratchet.Field, is any, value string) bool {
	switch f.Kind {
	case ratchet.FieldSet:
		return slices.Contains(is.([]string), value)
	case ratchet.FieldNumber:
		return is != nil && strconv.FormatInt(is.(int64), 10) == value
	case ratchet.FieldTime:
		at, err := time.Parse(time.RFC3339Nano, value)
		return err == nil && is != nil && time.UnixMicro(is.(int64)).Equal(at)
	case ratchet.FieldBool:
		return strconv.FormatBool(is.(bool)) == value
	case ratchet.FieldID:
		return is != nil && n.idText(f.Name, is.([16]byte)) == value
	default:
		return is == value
	}
}

func (n *noun) idText(field string, id [16]byte) string {
	return n.prefix[field] + ratchet.JobID(id).UUID()
}

// want returns the IDs of the rows that q should give, in its order.
func (n *noun) want(q ratchet.Query) (ids [][16]byte) {
	var rows []map[string]any
	for _, row := range n.rows {
		if !slices.ContainsFunc(q.Filters, func(f ratchet.Filter) bool { return !n.passes(row, f) }) {
			rows = append(rows, row)
		}
	}
	sorts := q.Sort
	if len(sorts) == 0 {
		sorts = []ratchet.Sort{{Field: "id", Desc: true}}
	}
	sorts = append(slices.Clip(sorts), ratchet.Sort{Field: "id", Desc: sorts[len(sorts)-1].Desc})
	slices.SortFunc(rows, func(a, b map[string]any) int {
		for _, s := range sorts {
			c := order(s.Field, a[s.Field], b[s.Field])
			if s.Desc {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
	for _, row := range rows {
		ids = append(ids, row["id"].([16]byte))
	}
	return ids
}

func order(field string, a, b any) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	switch is := a.(type) {
	case string:
		if field == "priority" {
			p, _ := ratchet.ParsePriority(is)
			other, _ := ratchet.ParsePriority(b.(string))
			return cmp.Compare(p, other)
		}
		return strings.Compare(is, b.(string))
	case int64:
		return cmp.Compare(is, b.(int64))
	case bool:
		return cmp.Compare(bit(is), bit(b.(bool)))
	case [16]byte:
		other := b.([16]byte)
		return slices.Compare(is[:], other[:])
	}
	panic(fmt.Sprintf("cannot compare %T", a))
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// valueFor draws a value of a filter: one that some row has, or any other.
func (n *noun) valueFor(t *rapid.T, f ratchet.Field) string {
	is := rapid.SampledFrom(n.rows).Draw(t, "row")[f.Name]
	switch v := is.(type) {
	case int64:
		if f.Kind == ratchet.FieldTime {
			nanos := rapid.SampledFrom([]time.Duration{0, 1, -1, time.Microsecond}).Draw(t, "nanos")
			zone := rapid.SampledFrom([]*time.Location{time.UTC, time.FixedZone("", -5*3600)}).Draw(t, "zone")
			return time.UnixMicro(v).Add(nanos).In(zone).Format(time.RFC3339Nano)
		}
		return strconv.FormatInt(v+rapid.Int64Range(-1, 1).Draw(t, "near"), 10)
	case bool:
		return strconv.FormatBool(v)
	case [16]byte:
		return n.idText(f.Name, v)
	}
	switch f.Kind {
	case ratchet.FieldEnum:
		return rapid.SampledFrom(f.Values).Draw(t, "word")
	case ratchet.FieldID:
		return n.idText(f.Name, id16(200))
	case ratchet.FieldNumber:
		return "9223372036854775807"
	case ratchet.FieldTime:
		return "0001-01-01T00:00:00Z"
	default:
		return rapid.SampledFrom(texts()).Draw(t, "text")
	}
}

// draw draws a query.
func (n *noun) draw(t *rapid.T) (q ratchet.Query) {
	for range rapid.IntRange(0, 3).Draw(t, "filters") {
		f := rapid.SampledFrom(n.fields).Draw(t, "field")
		op := rapid.SampledFrom(f.Kind.Ops()).Draw(t, "op")
		values := 1
		if op == ratchet.OpIn || op == ratchet.OpNotIn {
			values = rapid.IntRange(1, 5).Draw(t, "values")
		}
		filter := ratchet.Filter{Field: f.Name, Op: op}
		for range values {
			filter.Values = append(filter.Values, n.valueFor(t, f))
		}
		q.Filters = append(q.Filters, filter)
	}
	var sortable []string
	for _, f := range n.fields {
		if f.Sort {
			sortable = append(sortable, f.Name)
		}
	}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(sortable), 0, 3, rapid.ID).Draw(t, "sort") {
		q.Sort = append(q.Sort, ratchet.Sort{Field: name, Desc: rapid.Bool().Draw(t, "desc")})
	}
	q.Limit = rapid.SampledFrom([]int{0, 1, 7, 80, 1000}).Draw(t, "limit")
	return q
}
