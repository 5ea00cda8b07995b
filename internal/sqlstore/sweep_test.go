package sqlstore_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

// The archives of a deleted task are swept, but not before an hour: a version
// that needs one may be about to be written.
func TestArchivesOfDeletedTasksAreSwept(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *sqlstore.Store) {
		ctx := t.Context()
		gone, stays := storetest.Task(t, s, "gone"), storetest.Task(t, s, "stays")
		if err := s.DeleteTask(ctx, gone.ID); err != nil {
			t.Fatal(err)
		}
		archives := func(step string, want bool) {
			t.Helper()
			if _, err := s.Sweep(ctx, ratchet.Retention{}, 100); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Archive(ctx, gone.VersionDigest); (err == nil) != want {
				t.Errorf("%s: the archive of the deleted task: got %v, want that it is there: %v", step, err, want)
			}
			if _, err := s.Archive(ctx, stays.VersionDigest); err != nil {
				t.Errorf("%s: the archive of the other task: %v", step, err)
			}
		}
		archives("young", true)
		exec(t, s, "UPDATE blobs SET created_at = created_at - 3700000000")
		again := storetest.Task(t, s, "gone") // makes its archive young
		archives("used again", true)
		if err := s.DeleteTask(ctx, again.ID); err != nil {
			t.Fatal(err)
		}
		archives("young again", true)
		exec(t, s, "UPDATE blobs SET created_at = created_at - 3700000000")
		archives("old", false)
	})
}

// While a task is worked on, each change replaces a version. Those that no job
// refers to go, with their archives.
func TestReplacedVersionsAreSwept(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *sqlstore.Store) {
		ctx := t.Context()
		put := func(name, semver string, replace bool) *ratchet.Task {
			t.Helper()
			task, _, err := s.PutVersion(ctx, ratchet.NewVersion{
				Task: &ratchet.Task{Name: "a"}, Version: &ratchet.Version{Task: "a", Digest: storetest.Digest(name), Semver: semver},
				Archive: []byte(name), Replace: replace,
			})
			if err != nil {
				t.Fatal(err)
			}
			return task
		}
		put("released", "1.0.0", false)
		put("first", "1.1.0", true)
		task := put("run", "1.1.0", true)
		job := storetest.Submit(t, s, storetest.NewJob(task))
		put("second", "1.1.0", true)
		put("back again", "1.1.0", true)
		put("wanted", "1.1.0", true)
		put("third", "1.1.0", true)
		put("back again", "1.1.0", true)
		put("wanted", "1.1.0", false)
		want := func(step string, names ...string) {
			t.Helper()
			if _, err := s.Sweep(ctx, ratchet.Retention{Completed: time.Microsecond}, 100); err != nil {
				t.Fatal(err)
			}
			all, err := s.Versions(ctx, task.ID)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range all {
				for _, name := range []string{"released", "first", "run", "second", "back again", "wanted", "third"} {
					if v.Digest == storetest.Digest(name) {
						got = append(got, name)
					}
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, names) {
				t.Errorf("%s: got %v, want %v", step, got, names)
			}
		}
		want("young", "back again", "first", "released", "run", "second", "third", "wanted")
		exec(t, s, "UPDATE versions SET replaced_at = replaced_at - 3700000000")
		exec(t, s, "UPDATE blobs SET created_at = created_at - 3700000000")
		want("a job waits", "back again", "released", "run", "wanted")
		if _, err := s.Archive(ctx, storetest.Digest("first")); err == nil {
			t.Error("the archive of a replaced version is there still")
		}
		if c := storetest.Claim(t, s, job.ID, 1); c == nil || c.Version.Digest != storetest.Digest("run") {
			t.Errorf("got %+v, want the version that the job was submitted with", c)
		}
		exec(t, s, "DELETE FROM jobs")
		want("the job is gone", "back again", "released", "wanted")
	})
}
