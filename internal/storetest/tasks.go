package storetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// wantReason checks that err has the reason, and that its message says the words.
func wantReason(t testing.TB, err error, reason ratchet.Reason, words ...string) {
	t.Helper()
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok || e.Reason != reason {
		t.Errorf("got %v, want %s", err, reason)
		return
	}
	for _, word := range words {
		if !strings.Contains(e.Message, word) {
			t.Errorf("%q does not say %q", e.Message, word)
		}
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newVersion is a version of a task, whose content is named by a text.
func newVersion(task, semver, content string) ratchet.NewVersion {
	return ratchet.NewVersion{
		Task:    &ratchet.Task{Name: task},
		Version: &ratchet.Version{Task: task, Digest: Digest(content), Semver: semver},
		Archive: []byte("zip of " + content),
	}
}

func put(t testing.TB, s *sqlstore.Store, n ratchet.NewVersion) *ratchet.Task {
	t.Helper()
	task, _, err := s.PutVersion(t.Context(), n)
	check(t, err)
	return task
}

func testTaskIsKeptAsItCame(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	n := newVersion("send-invoice", "1.2.0", "a")
	n.Task = &ratchet.Task{
		Name: "send-invoice", Label: "Send 'an' invoice; --", Description: "日本\x01\n", Tags: []string{"b", "a", `"`}, Category: "mail",
		Author: "A", License: "MIT", Aliases: []string{"5d3f9c6e-8d7d-4b0a-9b0a-6f5f6f1f2a11"}, Deprecated: true, DeprecationMessage: "use x",
	}
	n.Version = &ratchet.Version{
		Task: "send-invoice", Digest: Digest("a"), Semver: "1.2.0", Engine: "quickjs", Isolation: ratchet.IsolationExecution, Slots: 1, Fetch: "sync",
		Limits: ratchet.DefaultLimits(), Permissions: ratchet.Permissions{Net: []string{}, Env: []string{"TOKEN"}},
		Retry: ratchet.DefaultRetry(), Concurrency: &ratchet.Concurrency{Key: "k", Max: 2}, Rate: &ratchet.Rate{Max: 3, Per: 1500},
		InputSchema: json.RawMessage("{ \"type\" :  \"object\" }\n"), OutputSchema: json.RawMessage(`true`),
	}
	n.Archive = []byte{0, 1, 2, 0xff}
	task, created, err := s.PutVersion(ctx, n)
	check(t, err)
	if !created || !task.Enabled || task.Paused || task.Version != "1.2.0" || task.VersionDigest != Digest("a") || task.ID.IsZero() {
		t.Errorf("got %+v, created %v", task, created)
	}
	for _, ref := range []string{"send-invoice", task.ID.String(), task.ID.UUID(), n.Task.Aliases[0]} {
		got, err := s.Task(ctx, ref)
		if diff := cmp.Diff(task, got); err != nil || diff != "" {
			t.Errorf("task %q: %v\n%s", ref, err, diff)
		}
	}
	v, err := s.Version(ctx, task.ID, "")
	check(t, err)
	want := *n.Version
	want.ID, want.CreatedAt = v.ID, v.CreatedAt
	if diff := cmp.Diff(&want, v); diff != "" || v.ID.IsZero() || v.CreatedAt.IsZero() {
		t.Errorf("the version is not what it was:\n%s", diff)
	}
	if data, err := s.Archive(ctx, v.Digest); err != nil || !bytes.Equal(data, n.Archive) {
		t.Errorf("archive: got %x, %v", data, err)
	}
	_, err = s.Archive(ctx, "sha256:00")
	wantReason(t, err, ratchet.ReasonEntityNotFound)
}

func testTheSameContentIsTheSameVersion(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	first := put(t, s, newVersion("a", "1.0.0", "one"))
	again, created, err := s.PutVersion(ctx, newVersion("a", "1.0.0", "one"))
	check(t, err)
	if created || !again.UpdatedAt.Equal(first.UpdatedAt) || again.ID != first.ID {
		t.Errorf("got %+v, created %v, want nothing to change in %+v", again, created, first)
	}
	// Other content under the version is refused, and nothing of it is kept.
	_, _, err = s.PutVersion(ctx, newVersion("a", "1.0.0", "two"))
	wantReason(t, err, ratchet.ReasonAlreadyExists, `"a"`, "1.0.0")
	_, err = s.Archive(ctx, Digest("two"))
	wantReason(t, err, ratchet.ReasonEntityNotFound)
	// What was there before does not become the newest by being sent again.
	put(t, s, newVersion("a", "1.1.0", "three"))
	if task := put(t, s, newVersion("a", "1.0.0", "one")); task.Version != "1.1.0" {
		t.Errorf("the newest version is %s, want 1.1.0", task.Version)
	}
	wantDigests(t, s, first.ID, "three", "one")
}

// While a task is worked on, content comes and goes under one version.
func testContentMayReplaceAnother(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	var task *ratchet.Task
	for _, content := range []string{"one", "two", "one", "three", "two"} {
		n := newVersion("a", "1.0.0", content)
		n.Task.Description, n.Replace = content, true
		task = put(t, s, n)
		v, err := s.Version(t.Context(), task.ID, "1.0.0")
		check(t, err)
		if task.VersionDigest != Digest(content) || task.Description != content || v.Digest != Digest(content) {
			t.Errorf("after %s: got %+v and version %s", content, task, v.Digest)
		}
	}
	wantDigests(t, s, task.ID, "two", "three", "one")
}

// Several nodes that import the same tree do not get in each other's way.
func testTheSameTaskIsRegisteredManyTimesAtOnce(t *testing.T, fresh func(testing.TB) string) {
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	var made atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			n := newVersion("a", fmt.Sprintf("1.0.%d", i/2), fmt.Sprint(i/2))
			n.Task.Aliases = []string{"u1"}
			_, created, err := s.PutVersion(t.Context(), n)
			if err != nil {
				t.Error(err)
			}
			if created {
				made.Add(1)
			}
		})
	}
	wg.Wait()
	task, err := s.Task(t.Context(), "u1")
	check(t, err)
	all, err := s.Versions(t.Context(), task.ID)
	if err != nil || len(all) != 4 || made.Load() != 4 || all[0].Digest != task.VersionDigest {
		t.Errorf("got %d versions, %d created, %v; want four, of which %s is the newest", len(all), made.Load(), err, task.VersionDigest)
	}
}

func wantDigests(t testing.TB, s *sqlstore.Store, task ratchet.TaskID, contents ...string) {
	t.Helper()
	all, err := s.Versions(t.Context(), task)
	check(t, err)
	var got, want []string
	for _, v := range all {
		got = append(got, v.Digest)
	}
	for _, c := range contents {
		want = append(want, Digest(c))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got versions %v, want %v", got, want)
	}
}

func testVersionsAreFoundByWhatNamesThem(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	one, two := newVersion("a", "1.0.0", ""), newVersion("a", "", "")
	one.Version.Digest = "sha256:abcd1" + strings.Repeat("0", 59)
	two.Version.Digest = "sha256:abcd2" + strings.Repeat("f", 59)
	task := put(t, s, one)
	put(t, s, two)
	other := put(t, s, newVersion("b", "2.0.0", "b"))
	first, err := s.Version(ctx, task.ID, "1.0.0")
	check(t, err)
	for ref, want := range map[string]string{
		"": two.Version.Digest, "1.0.0": one.Version.Digest, "sha256:abcd1": one.Version.Digest, "ABCD2": two.Version.Digest,
		one.Version.Digest: one.Version.Digest, first.ID.String(): one.Version.Digest, first.ID.UUID(): one.Version.Digest,
	} {
		if v, err := s.Version(ctx, task.ID, ref); err != nil || v.Digest != want {
			t.Errorf("version %q: got %v, %v, want %s", ref, v, err, want)
		}
	}
	_, err = s.Version(ctx, task.ID, "abcd")
	wantReason(t, err, ratchet.ReasonValidation, one.Version.Digest, two.Version.Digest)
	_, err = s.Version(ctx, other.ID, first.ID.String())
	wantReason(t, err, ratchet.ReasonEntityNotFound)
	for _, ref := range []string{"2.0.0", "sha256:", "x", "%", "1.0.0'; --", "a\x00", "\xff", strings.Repeat("a", 10_000)} {
		_, err := s.Version(ctx, task.ID, ref)
		wantReason(t, err, ratchet.ReasonEntityNotFound, "1.0.0")
	}
	_, err = s.Version(ctx, ratchet.NewID[ratchet.Task](), "")
	wantReason(t, err, ratchet.ReasonTaskNotFound)
	_, err = s.Versions(ctx, ratchet.NewID[ratchet.Task]())
	wantReason(t, err, ratchet.ReasonTaskNotFound)
}

func testNamesOfTasksLeadToOneTask(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	n := newVersion("a", "1.0.0", "a")
	n.Task.Aliases = []string{"u1", "u1", "a"} // its own name, and twice, is no matter
	a := put(t, s, n)
	copied := newVersion("b", "1.0.0", "b")
	copied.Task.Aliases = []string{"u1"}
	_, _, err := s.PutVersion(ctx, copied)
	wantReason(t, err, ratchet.ReasonAlreadyExists, `"a"`, "u1")
	_, _, err = s.PutVersion(ctx, newVersion("u1", "1.0.0", "c"))
	wantReason(t, err, ratchet.ReasonAlreadyExists, `"a"`, "u1")
	put(t, s, newVersion("b", "1.0.0", "b"))
	hiding := newVersion("a", "1.1.0", "d")
	hiding.Task.Aliases = []string{"b"}
	_, _, err = s.PutVersion(ctx, hiding)
	wantReason(t, err, ratchet.ReasonAlreadyExists, `"b"`)
	for limit, want := range map[int]int{1: -1, 2: 2} { // what need not be counted is known
		if page, err := s.Tasks(ctx, ratchet.Query{Limit: limit, Uncounted: true}); err != nil || page.Total != want {
			t.Errorf("an uncounted page of %d: got the total %d, %v, want %d", limit, page.Total, err, want)
		}
	}
	if page, err := s.Tasks(ctx, ratchet.Query{}); err != nil || page.Total != 2 {
		t.Errorf("got %+v, %v, want two tasks: nothing is kept of what is refused", page, err)
	}
	// An alias that the newest version does not have is free.
	put(t, s, newVersion("a", "1.2.0", "e"))
	put(t, s, newVersion("u1", "1.0.0", "c"))
	if got, err := s.Task(ctx, "u1"); err != nil || got.ID == a.ID {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, ref := range []string{"nobody", "", "a\x00", "\xff", "' OR 1=1 --", ratchet.NewID[ratchet.Task]().String(), ratchet.NewID[ratchet.Job]().String(), strings.Repeat("x", 100_000)} {
		_, err := s.Task(ctx, ref)
		wantReason(t, err, ratchet.ReasonTaskNotFound)
	}
}

func testTextThatCannotBeKeptIsRefused(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	for _, bad := range []string{"a\x00b", "\xff"} {
		n := newVersion("a", "1.0.0", "a")
		n.Task.Label = bad
		_, _, err := s.PutVersion(ctx, n)
		wantReason(t, err, ratchet.ReasonValidation, "label")
		n = newVersion("a", "1.0.0", "a")
		n.Task.Aliases = []string{bad}
		_, _, err = s.PutVersion(ctx, n)
		wantReason(t, err, ratchet.ReasonValidation, "alias")
		n = newVersion("a", "1.0.0", "a")
		n.Version.InputSchema = json.RawMessage(`"` + bad + `"`)
		_, _, err = s.PutVersion(ctx, n)
		wantReason(t, err, ratchet.ReasonValidation, "inputSchema")
		task := put(t, s, newVersion("b", "1.0.0", "b"))
		wantReason(t, s.SetEnv(ctx, task.ID, map[string][]byte{bad: {1}}), ratchet.ReasonValidation, "name")
		wantReason(t, s.CreateKey(ctx, &ratchet.Key{ID: ratchet.NewID[ratchet.Key](), Name: bad}, []byte{1}), ratchet.ReasonValidation, "name")
		wantReason(t, s.CreateSchedule(ctx, &ratchet.Schedule{Name: bad, TaskID: task.ID, Input: json.RawMessage(`{}`)}), ratchet.ReasonValidation, "name")
	}
	if page, err := s.Tasks(ctx, ratchet.Query{}); err != nil || page.Total != 1 {
		t.Errorf("got %+v, %v, want only the task that could be kept", page, err)
	}
}

func testTaskIsChanged(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "a")
	yes, no := true, false
	got, err := s.ChangeTask(ctx, task.ID, ratchet.TaskChange{Enabled: &no})
	check(t, err)
	if got.Enabled || got.Paused || !got.UpdatedAt.After(task.UpdatedAt) {
		t.Errorf("got %+v", got)
	}
	same, err := s.ChangeTask(ctx, task.ID, ratchet.TaskChange{Enabled: &no})
	if diff := cmp.Diff(got, same); err != nil || diff != "" {
		t.Errorf("a change to what it is: %v\n%s", err, diff)
	}
	put(t, s, newVersion("a", "2.0.0", "new"))
	if got, err = s.Task(ctx, "a"); err != nil || got.Enabled {
		t.Errorf("got %+v, %v, want it disabled still", got, err)
	}
	_, err = s.ChangeTask(ctx, ratchet.NewID[ratchet.Task](), ratchet.TaskChange{Paused: &yes})
	wantReason(t, err, ratchet.ReasonTaskNotFound)

	// A pause keeps jobs from starting, and its end lets them.
	_, err = s.ChangeTask(ctx, task.ID, ratchet.TaskChange{Paused: &yes})
	check(t, err)
	job := Submit(t, s, NewJob(task))
	if c := Claim(t, s, job.ID, 1); c != nil {
		t.Errorf("a job of a paused task was started: %+v", c)
	}
	_, err = s.ChangeTask(ctx, task.ID, ratchet.TaskChange{Paused: &no})
	check(t, err)
	resumed, err := s.Job(ctx, job.ID)
	if err != nil || resumed.State != ratchet.JobQueued || resumed.Parked != "" {
		t.Errorf("got %+v, %v, want it queued", resumed, err)
	}
	if c := Claim(t, s, job.ID, 2); c == nil {
		t.Error("the job of the resumed task was not started")
	}
}

func testTaskWithUnfinishedJobsIsNotDeleted(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "a")
	job := Submit(t, s, NewJob(task))
	schedule := newSchedule(task, "s")
	check(t, s.CreateSchedule(ctx, schedule))
	check(t, s.SetEnv(ctx, task.ID, map[string][]byte{"A": {1}}))
	wantReason(t, s.DeleteTask(ctx, task.ID), ratchet.ReasonExecutionInvalidState, `"a"`, "1 unfinished job")
	_, err := s.Cancel(ctx, job.ID)
	check(t, err)
	check(t, s.DeleteTask(ctx, task.ID))
	wantReason(t, s.DeleteTask(ctx, task.ID), ratchet.ReasonTaskNotFound)
	_, err = s.Task(ctx, "a")
	wantReason(t, err, ratchet.ReasonTaskNotFound)
	_, err = s.Schedule(ctx, "s")
	wantReason(t, err, ratchet.ReasonEntityNotFound)
	_, err = s.Env(ctx, task.ID)
	wantReason(t, err, ratchet.ReasonTaskNotFound)
	if got, err := s.Job(ctx, job.ID); err != nil || got.Task != "a" {
		t.Errorf("the job of the deleted task: got %+v, %v", got, err)
	}
	if again := Task(t, s, "a"); again.ID == task.ID {
		t.Error("a task of the same name is the deleted one")
	}
}

func testEnvironment(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	task := Task(t, s, "a", func(v *ratchet.Version) { v.Permissions.Env = []string{"TOKEN", "URL"} })
	check(t, s.SetEnv(ctx, task.ID, map[string][]byte{"TOKEN": []byte("1"), "OLD": {0, 1}}))
	check(t, s.SetEnv(ctx, task.ID, map[string][]byte{"TOKEN": []byte("2")}))
	all, err := s.Env(ctx, task.ID)
	check(t, err)
	type line struct {
		Name          string
		Declared, Set bool
	}
	var got []line
	for _, v := range all {
		got = append(got, line{v.Name, v.Declared, !v.UpdatedAt.IsZero()})
	}
	if diff := cmp.Diff([]line{{"OLD", false, true}, {"TOKEN", true, true}, {"URL", true, false}}, got); diff != "" {
		t.Error(diff)
	}
	job := Submit(t, s, NewJob(task))
	if c := Claim(t, s, job.ID, 1); c == nil || len(c.Env) != 1 || string(c.Env["TOKEN"]) != "2" {
		t.Errorf("got %+v, want the declared variable with its last value alone", c)
	}
	check(t, s.UnsetEnv(ctx, task.ID, "OLD"))
	wantReason(t, s.UnsetEnv(ctx, task.ID, "OLD"), ratchet.ReasonEntityNotFound, "OLD")
	wantReason(t, s.UnsetEnv(ctx, ratchet.NewID[ratchet.Task](), "OLD"), ratchet.ReasonTaskNotFound)
	wantReason(t, s.SetEnv(ctx, ratchet.NewID[ratchet.Task](), map[string][]byte{"A": nil}), ratchet.ReasonTaskNotFound)
}
