package sqlstore_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

func TestADatabaseIsCopiedToTheOtherKindAndBack(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	first := openFile(t)
	task := storetest.Task(t, first, "copied")
	var jobs []ratchet.Submission
	for i, at := range []time.Time{{}, time.Now().Add(time.Hour)} {
		j := storetest.NewJob(task, func(j *ratchet.Job) {
			j.State = []ratchet.JobState{ratchet.JobQueued, ratchet.JobScheduled}[i]
			j.Input, j.Tags = json.RawMessage(`{"a": "é\u0000"}`), []string{"x", "y"}
			j.CreatedAt, j.RunAt = time.Now().Truncate(time.Microsecond), at.Truncate(time.Microsecond)
		})
		jobs = append(jobs, ratchet.Submission{Job: j})
	}
	if _, err := first.Submit(ctx, jobs); err != nil {
		t.Fatal(err)
	}
	key := &ratchet.Key{ID: ratchet.NewID[ratchet.Key](), Name: "ops", Scopes: []ratchet.Scope{ratchet.ScopeRead}, CreatedAt: time.Now().Truncate(time.Microsecond)}
	if err := errors.Join(first.CreateKey(ctx, key, []byte("hash")), first.SetEnv(ctx, task.ID, map[string][]byte{"A": {0, 255}}), first.SetPaused(ctx, true)); err != nil {
		t.Fatal(err)
	}

	second, third := storetest.Open(t, sqlstore.Config{URL: storetest.Postgres(t)}), openFile(t)
	rows := map[string]int{}
	if err := sqlstore.Copy(ctx, first, second, func(table string, n int) { rows[table] = n }); err != nil {
		t.Fatal(err)
	}
	if rows["jobs"] != 2 || rows["keys"] != 1 || rows["task_env"] != 1 || rows["tasks"] != 1 {
		t.Errorf("got %v", rows)
	}
	if err := sqlstore.Copy(ctx, second, third, nil); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*sqlstore.Store{second, third} {
		for _, j := range jobs {
			want, err := first.Job(ctx, j.Job.ID)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Job(ctx, j.Job.ID)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%v, -want +got:\n%s", err, diff)
			}
		}
		if found, err := s.Check(ctx, false); err != nil || len(found) != 0 {
			t.Errorf("got %v, %v: the copy is not whole", found, err)
		}
		if archive, err := s.Archive(ctx, task.VersionDigest); err != nil || len(archive) == 0 {
			t.Errorf("the task's files are not there: %v", err)
		}
		if stats, err := s.Stats(ctx); err != nil || !stats.Paused || stats.Waiting != 2 {
			t.Errorf("got %+v, %v", stats, err)
		}
	}
	if err := sqlstore.Copy(ctx, first, third, nil); !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonAlreadyExists}) {
		t.Errorf("a copy over what is there: got %v", err)
	}
}

func TestADatabaseThatServersWorkOnIsNotCopied(t *testing.T) {
	t.Parallel()
	from := storetest.Open(t, sqlstore.Config{URL: storetest.Postgres(t)})
	if err := from.Beat(t.Context(), ratchet.Node{ID: ratchet.NewID[ratchet.Node](), BeatAt: time.Now(), StartedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := sqlstore.Copy(t.Context(), from, openFile(t), nil); !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonStorageLocked}) {
		t.Errorf("got %v", err)
	}
}

func openFile(t *testing.T) *sqlstore.Store {
	t.Helper()
	return storetest.Open(t, sqlstore.Config{URL: filepath.Join(t.TempDir(), "ratchet.db")})
}
