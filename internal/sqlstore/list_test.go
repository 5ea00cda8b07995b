package sqlstore_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// lists opens a store in which every list has rows.
func lists(t *testing.T, s *sqlstore.Store) []*noun {
	t.Helper()
	all := nouns()
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range all {
		n.fill(r)
		n.insert(t, s)
	}
	return all
}

func TestListsGiveWhatTheSameFiltersInGoGive(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *sqlstore.Store) {
		ctx := t.Context()
		for _, n := range lists(t, s) {
			t.Run(n.table, func(t *testing.T) {
				rapid.Check(t, func(rt *rapid.T) {
					q := n.draw(rt)
					want := n.want(q)
					if got := everyPage(rt, ctx, n, s, q, len(want)); !slices.Equal(got, want) {
						rt.Fatalf("by cursor: got %d rows %x, want %d %x", len(got), got, len(want), want)
					}
					q.Offset = rapid.IntRange(0, len(want)+1).Draw(rt, "offset")
					page, err := n.ids(ctx, s, q)
					if err != nil {
						rt.Fatal(err)
					}
					limit := cmp.Or(q.Limit, ratchet.DefaultLimit)
					from := min(q.Offset, len(want))
					if part := want[from:min(from+limit, len(want))]; !slices.Equal(page.Items, part) || page.Total != len(want) || page.Offset != q.Offset {
						rt.Fatalf("by offset: got %x of %d at %d, want %x of %d at %d", page.Items, page.Total, page.Offset, part, len(want), q.Offset)
					}
				})
			})
		}
	})
}

// everyPage follows the cursors to the end.
func everyPage(t *rapid.T, ctx context.Context, n *noun, s *sqlstore.Store, q ratchet.Query, total int) (ids [][16]byte) {
	for {
		page, err := n.ids(ctx, s, q)
		if err != nil {
			t.Fatal(err)
		}
		if page.Total != total || page.Offset != len(ids) {
			t.Fatalf("got a page at %d of %d, want at %d of %d", page.Offset, page.Total, len(ids), total)
		}
		ids = append(ids, page.Items...)
		if page.Next == "" {
			return ids
		}
		if len(page.Items) == 0 || len(ids) > total {
			t.Fatalf("the cursors do not come to an end")
		}
		q.After = page.Next
	}
}

// Every field with every comparison that there is: each gives what it should or
// says what is allowed.
func TestEveryFieldWithEveryComparison(t *testing.T) {
	t.Parallel()
	every := []ratchet.Op{
		ratchet.OpEqual, ratchet.OpNot, ratchet.OpLess, ratchet.OpAtMost, ratchet.OpMore, ratchet.OpAtLeast, ratchet.OpIn, ratchet.OpNotIn,
		ratchet.OpContains, ratchet.OpPrefix, ratchet.OpSuffix, "regexp",
	}
	onEach(t, func(t *testing.T, s *sqlstore.Store) {
		for _, n := range lists(t, s) {
			for _, f := range n.fields {
				for _, op := range every {
					for range 3 {
						value := rapid.Custom(func(rt *rapid.T) string { return n.valueFor(rt, f) }).Example()
						q := ratchet.Query{Filters: []ratchet.Filter{{Field: f.Name, Op: op, Values: []string{value}}}, Limit: ratchet.MaxLimit}
						page, err := n.ids(t.Context(), s, q)
						if !slices.Contains(f.Kind.Ops(), op) {
							wantInvalid(t, err, f.Name)
							continue
						}
						if want := n.want(q); err != nil || !slices.Equal(page.Items, want) {
							t.Errorf("%s: %s %q %q: got %d rows, %v, want %d", n.table, f.Name, op, value, len(page.Items), err, len(want))
						}
					}
				}
				_, err := n.ids(t.Context(), s, ratchet.Query{Sort: []ratchet.Sort{{Field: f.Name}}})
				if f.Sort != (err == nil) {
					t.Errorf("%s sorted by %s: got %v, want that this is allowed: %v", n.table, f.Name, err, f.Sort)
				}
			}
		}
	})
}

// Whatever is typed into a search box is looked for as it is.
func TestEveryTextIsFoundAsItIs(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *sqlstore.Store) {
		jobs := lists(t, s)[1]
		for _, op := range ratchet.FieldText.Ops() {
			for _, text := range texts() {
				for _, field := range []string{"task", "errorMessage"} {
					q := ratchet.Query{Filters: []ratchet.Filter{{Field: field, Op: op, Values: []string{text}}}, Limit: ratchet.MaxLimit}
					page, err := jobs.ids(t.Context(), s, q)
					if want := jobs.want(q); err != nil || !slices.Equal(page.Items, want) {
						t.Errorf("%s %q %q: got %d jobs, %v, want %d", field, op, text, len(page.Items), err, len(want))
					}
				}
			}
		}
	})
}

// wantInvalid checks for an error that says what is wrong, where, and what is
// allowed.
func wantInvalid(t *testing.T, err error, words ...string) {
	t.Helper()
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok || e.Reason != ratchet.ReasonValidation || len(e.Details) == 0 {
		t.Errorf("got %v, want a validation error with details", err)
		return
	}
	for _, d := range e.Details {
		if d.Pointer == "" || d.Expected == "" {
			t.Errorf("the detail %+v says not where, or not what is allowed", d)
		}
	}
	text := fmt.Sprintf("%s %+v", e.Message, e.Details)
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q does not say %q", text, word)
		}
	}
}

func TestBadQueriesSayWhatIsAllowed(t *testing.T) {
	t.Parallel()
	filter := func(field string, op ratchet.Op, values ...string) ratchet.Query {
		return ratchet.Query{Filters: []ratchet.Filter{{Field: field, Op: op, Values: values}}}
	}
	many := ratchet.Query{}
	for range 2000 {
		many.Filters = append(many.Filters, ratchet.Filter{Field: "task", Values: []string{"a"}})
	}
	bad := map[string]struct {
		q     ratchet.Query
		words []string
	}{
		"unknown field":      {filter("nothing", "", "a"), []string{"nothing", "versionDigest"}},
		"SQL for a field":    {filter("id; DROP TABLE jobs", "", "a"), []string{"DROP"}},
		"unknown comparison": {filter("task", "~", "a"), []string{"task", "task_like"}},
		"no value":           {filter("task", ""), []string{"task"}},
		"two values":         {filter("task", "", "a", "b"), []string{"task_in"}},
		"word of an enum":    {filter("state", "", "fine"), []string{"fine", "retrying"}},
		"status":             {filter("status", "", "parked"), []string{"parked", "queued"}},
		"priority":           {filter("priority", "", "1"), []string{"urgent"}},
		"number":             {filter("attempts", ratchet.OpMore, "1.5"), []string{"attempts_gt", "1.5", "whole number"}},
		"large number":       {filter("attempts", "", "9223372036854775808"), []string{"whole number"}},
		"time":               {filter("createdAt", ratchet.OpAtLeast, "yesterday"), []string{"createdAt_gte", "yesterday", "RFC 3339"}},
		"ID of another kind": {filter("id", "", "task_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69"), []string{"job_"}},
		"zero ID":            {filter("id", "", "00000000-0000-0000-0000-000000000000"), []string{"zero"}},
		"no ID":              {filter("taskId", ratchet.OpIn, "x"), []string{"taskId_in", "task_"}},
		"NUL":                {filter("task", "", "a\x00b"), []string{"NUL"}},
		"NUL in a tag":       {filter("tags", "", "\x00"), []string{"NUL"}},
		"no UTF-8":           {filter("task", ratchet.OpContains, "\xff"), []string{"UTF-8"}},
		"long value":         {filter("task", ratchet.OpContains, strings.Repeat("%", 100_000)), []string{"at most"}},
		"many filters":       {many, []string{"at most 100"}},
		"many values":        {filter("task", ratchet.OpIn, make([]string, 1001)...), []string{"at most 1000"}},
		"unknown sort":       {ratchet.Query{Sort: []ratchet.Sort{{Field: "input"}}}, []string{"input", "createdAt"}},
		"sort that is not":   {ratchet.Query{Sort: []ratchet.Sort{{Field: "tags"}}}, []string{"tags"}},
		"sort twice":         {ratchet.Query{Sort: []ratchet.Sort{{Field: "task"}, {Field: "task", Desc: true}}}, []string{"twice"}},
		"limit":              {ratchet.Query{Limit: ratchet.MaxLimit + 1}, []string{"1 to 1000"}},
		"negative limit":     {ratchet.Query{Limit: -1}, []string{"1 to 1000"}},
		"negative offset":    {ratchet.Query{Offset: -1}, []string{"0 or more"}},
		"no cursor":          {ratchet.Query{After: "abc"}, []string{"cursor"}},
		"cursor and offset":  {ratchet.Query{After: "abc", Offset: 5}, []string{"one of the two"}},
		"several things at once": {ratchet.Query{
			Limit: -1, Sort: []ratchet.Sort{{Field: "x"}},
			Filters: []ratchet.Filter{{Field: "y", Values: []string{"1"}}, {Field: "attempts", Values: []string{"z"}}},
		}, []string{"limit", `"x"`, `"y"`, "attempts"}},
	}
	onEach(t, func(t *testing.T, s *sqlstore.Store) {
		for name, b := range bad {
			t.Run(name, func(t *testing.T) {
				_, err := s.Jobs(t.Context(), b.q)
				wantInvalid(t, err, b.words...)
			})
		}
	})
}

func TestCursorsOfOtherListsAreRefused(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *sqlstore.Store) {
		all := lists(t, s)
		q := ratchet.Query{Limit: 3, Sort: []ratchet.Sort{{Field: "createdAt"}}}
		page, err := s.Tasks(t.Context(), q)
		if err != nil || page.Next == "" {
			t.Fatalf("got %+v, %v", page, err)
		}
		q.After = page.Next
		if _, err := s.Tasks(t.Context(), q); err != nil {
			t.Errorf("the list's own cursor: %v", err)
		}
		for _, n := range all[1:] {
			if n.table == "executions" {
				continue // has no createdAt
			}
			_, err := n.ids(t.Context(), s, q)
			wantInvalid(t, err, "another list")
		}
		for name, other := range map[string]ratchet.Query{
			"order":     {Limit: 3, After: page.Next},
			"direction": {Limit: 3, After: page.Next, Sort: []ratchet.Sort{{Field: "createdAt", Desc: true}}},
			"filter":    {Limit: 3, After: page.Next, Sort: q.Sort, Filters: []ratchet.Filter{{Field: "enabled", Values: []string{"true"}}}},
		} {
			if _, err := s.Tasks(t.Context(), other); err == nil {
				t.Errorf("a cursor of another %s was taken", name)
			} else {
				wantInvalid(t, err, "another list")
			}
		}
		rapid.Check(t, func(rt *rapid.T) { // a cursor that was changed anywhere
			b := []byte(page.Next)
			i := rapid.IntRange(0, len(b)-1).Draw(rt, "at")
			b[i] = rapid.SampledFrom([]byte("ABCxyz019-_=+/ '")).Filter(func(c byte) bool { return c != b[i] }).Draw(rt, "to")
			changed := q
			changed.After = string(b)
			if _, err := s.Tasks(t.Context(), changed); !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonValidation}) {
				rt.Fatalf("%s: got %v, want a validation error", b, err)
			}
		})
	})
}
