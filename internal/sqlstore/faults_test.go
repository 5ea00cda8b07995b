package sqlstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

// refused opens a database that cannot be opened, and checks that its file is
// left as it was.
func refused(t *testing.T, cfg sqlstore.Config, want ratchet.Reason, words ...string) {
	t.Helper()
	before, _ := os.ReadFile(cfg.URL)
	s, err := sqlstore.Open(t.Context(), cfg)
	if err == nil {
		t.Errorf("got a store, want an error of reason %s", want)
		_ = s.Close()
		return
	}
	if !errors.Is(err, &ratchet.Error{Reason: want}) {
		t.Errorf("got %v (%s), want reason %s", err, ratchet.AsError(err).Reason, want)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("got %q, want it to say %q", err, word)
		}
	}
	if after, _ := os.ReadFile(cfg.URL); string(after) != string(before) {
		t.Errorf("the file had %d bytes and has %d others now", len(before), len(after))
	}
}

func TestWhatIsNoDatabaseIsLeftAlone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := func(name, content string) sqlstore.Config {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return sqlstore.Config{URL: path}
	}
	refused(t, file("empty.db", ""), ratchet.ReasonStorageCorrupt, "empty.db", "empty")
	refused(t, file("text.db", strings.Repeat("no database ", 1000)), ratchet.ReasonStorageCorrupt, "text.db")
	refused(t, sqlstore.Config{URL: folder}, ratchet.ReasonStorageCorrupt, "folder")
	refused(t, sqlstore.Config{URL: filepath.Join(folder, "none.db"), Existing: true}, ratchet.ReasonStorageNotFound, "none.db")
	refused(t, sqlstore.Config{URL: filepath.Join(folder, "no", "folder.db")}, ratchet.ReasonStorageNotFound)
	refused(t, sqlstore.Config{URL: "postgres://nobody@127.0.0.1:1/none?connect_timeout=1"}, ratchet.ReasonStorageConnection)
	lost := filepath.Join(folder, "lost.db")
	if err := os.WriteFile(lost+"-wal", []byte("journal"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, sqlstore.Config{URL: lost}, ratchet.ReasonStorageCorrupt, "lost.db-wal")
}

func TestDamagedDatabaseIsNamed(t *testing.T) {
	t.Parallel()
	path := storetest.SQLite(t)
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: path})
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(strings.Repeat("x", 3996)), 100); err != nil { // the schema's page
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	refused(t, sqlstore.Config{URL: path}, ratchet.ReasonStorageCorrupt)
}

func TestNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := fresh(t)
			s, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: url})
			if err != nil {
				t.Fatal(err)
			}
			schema, err := s.Schema(t.Context())
			if err != nil || schema.Version == 0 || schema.Version != schema.Newest {
				t.Errorf("got schema %+v, %v", schema, err)
			}
			if err := s.Exec(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, ?)", 9999, true); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: url}); !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonStorageSchemaNewer}) {
				t.Errorf("got %v, want reason %s", err, ratchet.ReasonStorageSchemaNewer)
			}
		})
	}
}

func TestSecondOwnerIsToldOfTheFirst(t *testing.T) {
	t.Parallel()
	path := storetest.SQLite(t)
	s := storetest.Open(t, sqlstore.Config{URL: path})
	if err := s.SetAddress("http://127.0.0.1:8080"); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, "sqlite:" + path, link} {
		_, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: name})
		if !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonStorageLocked}) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) || !strings.Contains(err.Error(), "http://127.0.0.1:8080") {
			t.Errorf("got %v, want who has the file and where it listens", err)
		}
	}
}

func TestFullDiskLosesNothing(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := storetest.Open(t, sqlstore.Config{URL: storetest.SQLite(t)})
	task := storetest.Task(t, s, "big")
	before := storetest.Submit(t, s, storetest.NewJob(task))
	if err := s.LimitPages(ctx, 40); err != nil {
		t.Fatal(err)
	}
	big := storetest.NewJob(task, func(j *ratchet.Job) { j.Input = []byte(`"` + strings.Repeat("x", 1<<20) + `"`) })
	_, err := s.Submit(ctx, []ratchet.Submission{{Job: big}})
	if !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonStorageFull}) {
		t.Errorf("got %v, want reason %s", err, ratchet.ReasonStorageFull)
	}
	if _, err := s.Job(ctx, big.ID); err == nil {
		t.Error("a job that was refused is there")
	}
	if err := s.Ping(ctx); !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonStorageFull}) {
		t.Errorf("ping: got %v, want that the disk is full", err)
	}
	if err := s.LimitPages(ctx, 1<<30); err != nil {
		t.Fatal(err)
	}
	if c := storetest.Claim(t, s, before.ID, 1); c == nil {
		t.Error("the job of before the disk was full is gone")
	}
	storetest.Submit(t, s, big)
	if err := s.Ping(ctx); err != nil {
		t.Errorf("ping, with room again: got %v", err)
	}
}

func TestOneFailingWriteDoesNotFailItsNeighbours(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := storetest.Open(t, sqlstore.Config{URL: storetest.SQLite(t)})
	if err := s.Exec(ctx, "CREATE TABLE written (n INTEGER NOT NULL PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	const writes = 200
	var wg sync.WaitGroup
	var errs [writes]error
	cancelled, cancel := context.WithCancel(ctx)
	defer cancel()
	for i := range writes {
		wg.Go(func() {
			switch i % 4 {
			case 0:
				errs[i] = s.ExecTwice(ctx, "INSERT INTO written (n) VALUES (?)", i) // a duplicate: must undo the first too
			case 1:
				errs[i] = s.PanicAfter(ctx, "INSERT INTO written (n) VALUES (?)", i)
			case 2:
				errs[i] = s.CancelAfter(cancelled, cancel, "INSERT INTO written (n) VALUES (?)", i)
			default:
				errs[i] = s.Exec(ctx, "INSERT INTO written (n) VALUES (?)", i)
			}
		})
	}
	wg.Wait()
	for i, err := range errs {
		there, queryErr := s.Count(ctx, "SELECT count(*) FROM written WHERE n = ?", i)
		if queryErr != nil {
			t.Fatal(queryErr)
		}
		if (err == nil) != (there == 1) {
			t.Errorf("write %d: got error %v and %d rows", i, err, there)
		}
		if bad := i%4 < 2; i%4 != 2 && bad != (err != nil) {
			t.Errorf("write %d: got error %v, want one: %t", i, err, bad)
		}
	}
}

// childFile names the database of the process that is to be killed.
const childFile = "RATCHET_TEST_CHILD"

// TestChild is that process: it submits and works, and says what was accepted.
func TestChild(t *testing.T) {
	t.Parallel()
	url := os.Getenv(childFile)
	if url == "" {
		t.Skip("it is run by TestNothingAcceptedIsLostByAKill")
	}
	s := storetest.Open(t, sqlstore.Config{URL: url})
	if _, err := s.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	task := storetest.Task(t, s, "noop")
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Work(t.Context(), 4, finishing(s)) })
	for range 4 {
		wg.Go(func() {
			for {
				j := storetest.Submit(t, s, storetest.NewJob(task, func(j *ratchet.Job) {
					j.Concurrency = &ratchet.Concurrency{Key: "k", Max: 2}
				}))
				fmt.Println("accepted", j.ID)
			}
		})
	}
	wg.Wait()
}

func finishing(s *sqlstore.Store) func(context.Context, ratchet.Ticket) {
	return func(ctx context.Context, ticket ratchet.Ticket) {
		if c, err := s.Claim(ctx, ticket); err == nil && c != nil {
			_, _ = s.Finish(ctx, c.Lease, storetest.Ended(c, `1`, nil))
		}
	}
}

func TestNothingAcceptedIsLostByAKill(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	path := storetest.SQLite(t)
	var accepted []ratchet.JobID
	for round := range 5 {
		cmd := osexec.CommandContext(ctx, os.Args[0], "-test.run", "^TestChild$")
		cmd.Env = append(os.Environ(), childFile+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines, n := bufio.NewScanner(out), 0
		for lines.Scan() {
			text, ok := strings.CutPrefix(lines.Text(), "accepted ")
			if !ok {
				continue
			}
			id, err := ratchet.ParseID[ratchet.Job](text)
			if err != nil {
				break // the line was cut by the kill
			}
			accepted = append(accepted, id)
			if n++; n == 40+round*17 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait()
	}
	s := storetest.Open(t, sqlstore.Config{URL: path})
	if _, err := s.Recover(ctx); err != nil {
		t.Fatal(err)
	}
	working, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	more := make(chan struct{}, 1)
	wg.Go(func() {
		finish := finishing(s)
		_ = s.Work(working, 4, func(ctx context.Context, ticket ratchet.Ticket) {
			finish(ctx, ticket)
			select {
			case more <- struct{}{}:
			default:
			}
		})
	})
	for left := 1; left > 0; {
		var err error
		if left, err = s.Count(ctx, "SELECT count(*) FROM jobs WHERE state <> 'completed'"); err != nil {
			t.Fatal(err)
		}
		if left > 0 {
			<-more
		}
	}
	stop()
	wg.Wait()
	for _, id := range accepted {
		if j, err := s.Job(ctx, id); err != nil || j.State != ratchet.JobCompleted || j.Attempts != 1 {
			t.Errorf("got %+v, %v of a job that was accepted", j, err)
		}
	}
	if n, err := s.Count(ctx, "SELECT (SELECT count(*) FROM executions WHERE state IN ('running', 'pending')) + (SELECT sum(running) FROM gates) + "+
		"(SELECT count(*) FROM (SELECT 1 FROM executions WHERE state = 'completed' GROUP BY job_id HAVING count(*) <> 1) AS twice)"); n != 0 || err != nil {
		t.Errorf("got %d executions or gates that are not at their end, %v", n, err)
	}
	if len(accepted) < 300 {
		t.Errorf("got %d accepted jobs: too few to say anything", len(accepted))
	}
}
