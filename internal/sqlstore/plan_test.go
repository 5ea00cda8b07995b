package sqlstore_test

import (
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

// The lists that everybody looks at must not become slow with the number of
// jobs: SQLite finds each page by an index, in order, and counts in an index
// alone.
func TestListsOfJobsAreFoundByIndexes(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, sqlstore.Config{URL: storetest.SQLite(t)})
	filter := func(field string, op ratchet.Op, values ...string) []ratchet.Filter {
		return []ratchet.Filter{{Field: field, Op: op, Values: values}}
	}
	const id, other = "0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69", "0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a68"
	for name, c := range map[string]struct {
		q     ratchet.Query
		index string
	}{
		"all":           {ratchet.Query{}, "sqlite_autoindex_jobs_1"},
		"oldest first":  {ratchet.Query{Sort: []ratchet.Sort{{Field: "id"}}}, "sqlite_autoindex_jobs_1"},
		"of a task":     {ratchet.Query{Filters: filter("task", "", "a")}, "jobs_by_task (task=?"},
		"of two tasks":  {ratchet.Query{Filters: filter("task", ratchet.OpIn, "a", "b")}, "jobs_by_task (task=?"},
		"in a state":    {ratchet.Query{Filters: filter("state", "", "failed")}, "jobs_by_state (state=?"},
		"in two states": {ratchet.Query{Filters: filter("state", ratchet.OpIn, "failed", "running")}, "jobs_by_state (state=?"},
		"of a status":   {ratchet.Query{Filters: filter("status", "", "queued")}, "jobs_by_state (state=?"},
		"by state":      {ratchet.Query{Sort: []ratchet.Sort{{Field: "state"}}}, "jobs_by_state"},
		"by task":       {ratchet.Query{Sort: []ratchet.Sort{{Field: "task", Desc: true}}}, "jobs_by_task"},
		"by age":        {ratchet.Query{Sort: []ratchet.Sort{{Field: "createdAt", Desc: true}}}, "jobs_by_age"},
		"of a schedule": {ratchet.Query{Filters: filter("scheduleId", "", id)}, "jobs_by_schedule (schedule_id=?"},
		"named":         {ratchet.Query{Filters: filter("id", ratchet.OpIn, id, other)}, "sqlite_autoindex_jobs_1 (id=?"},
	} {
		page, count, err := s.ExplainJobs(t.Context(), c.q)
		if err != nil || !strings.Contains(page, c.index) || strings.Contains(page, "TEMP B-TREE") {
			t.Errorf("a page of jobs %s: got %q, %v, want one by %s without sorting", name, page, err, c.index)
		}
		if !strings.Contains(count, "USING COVERING INDEX") {
			t.Errorf("the count of jobs %s: got %q, want it by an index alone", name, count)
		}
	}
}

// However many wait in one lane, the others are found, and one is leased and
// ended, by indexes.
func TestDeliveriesAreFoundByIndexes(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, sqlstore.Config{URL: storetest.SQLite(t)})
	lanes, end, err := s.ExplainDeliveries(t.Context())
	if err != nil || strings.Count(lanes, "deliveries_due") != 3 || strings.Contains(lanes, "SCAN deliveries") || strings.Contains(lanes, "by_state") {
		t.Errorf("the lanes: got %q, %v, want them by their index", lanes, err)
	}
	if strings.Count(end, "id=?") != 5 || strings.Contains(end, "SCAN") {
		t.Errorf("the ends of one and of four: got %q, want them by their IDs", end)
	}
}

// A page deep in a list is found as fast as the first one.
func TestCursorsLeadThroughTheIndex(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t, sqlstore.Config{URL: storetest.SQLite(t)})
	task := storetest.Task(t, s, "add")
	for range 3 {
		storetest.Submit(t, s, storetest.NewJob(task))
	}
	for name, c := range map[string]struct {
		q     ratchet.Query
		index string
	}{
		"all":         {ratchet.Query{}, "(id<?)"},
		"of a task":   {ratchet.Query{Filters: []ratchet.Filter{{Field: "task", Values: []string{"add"}}}}, "jobs_by_task (task=? AND id<?)"},
		"in a state":  {ratchet.Query{Filters: []ratchet.Filter{{Field: "state", Values: []string{"queued"}}}, Sort: []ratchet.Sort{{Field: "id"}}}, "jobs_by_state (state=? AND id>?)"},
		"of a status": {ratchet.Query{Filters: []ratchet.Filter{{Field: "status", Values: []string{"queued"}}}}, "jobs_by_state (state=? AND id<?)"},
		"by age":      {ratchet.Query{Sort: []ratchet.Sort{{Field: "createdAt"}}}, "jobs_by_age ((created_at,id)>(?,?))"},
		"by task":     {ratchet.Query{Sort: []ratchet.Sort{{Field: "task"}}}, "jobs_by_task ((task,id)>(?,?))"},
	} {
		c.q.Limit = 1
		first, err := s.Jobs(t.Context(), c.q)
		if err != nil || first.Next == "" {
			t.Fatalf("got %+v, %v", first, err)
		}
		c.q.After = first.Next
		page, _, err := s.ExplainJobs(t.Context(), c.q)
		if err != nil || !strings.Contains(page, c.index) || strings.Contains(page, "TEMP B-TREE") {
			t.Errorf("the second page of jobs %s: got %q, %v, want one by %s without sorting", name, page, err, c.index)
		}
	}
}
