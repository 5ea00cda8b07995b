package sqlstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

// wantReason checks that err has the reason and says the word.
func wantReason(t *testing.T, err error, reason ratchet.Reason, word string) {
	t.Helper()
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok || e.Reason != reason || !strings.Contains(e.Message, word) {
		t.Errorf("got %v, want %s that says %q", err, reason, word)
	}
}

func backedUp(t *testing.T) (backup string, job ratchet.Job) {
	t.Helper()
	url := storetest.SQLite(t)
	s := storetest.Open(t, sqlstore.Config{URL: url}) // as a server has it
	job = storetest.Submit(t, s, storetest.NewJob(storetest.Task(t, s, "a")))
	backup = filepath.Join(t.TempDir(), "it's a backup.db")
	if err := sqlstore.Backup(t.Context(), url, backup); err != nil {
		t.Fatal(err)
	}
	return backup, job
}

func TestBackupIsRestored(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	backup, job := backedUp(t)
	file := filepath.Join(t.TempDir(), "new.db")
	if err := sqlstore.Restore(ctx, backup, file, false); err != nil {
		t.Fatal(err)
	}
	s := storetest.Open(t, sqlstore.Config{URL: file, Existing: true})
	if got, err := s.Job(ctx, job.ID); err != nil || got.State != ratchet.JobQueued {
		t.Errorf("got %+v, %v", got, err)
	}
	if found, err := s.Check(ctx, false); err != nil || len(found) != 0 {
		t.Errorf("got %+v, %v", found, err)
	}
	if c := storetest.Claim(t, s, job.ID, 1); c == nil {
		t.Error("the restored job cannot be run")
	}
	wantReason(t, sqlstore.Restore(ctx, backup, file, true), ratchet.ReasonStorageLocked, "open in process")
	entries, err := os.ReadDir(filepath.Dir(backup))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the backup there are %v, %v, want it alone", entries, err)
	}
}

func TestRestoreOverwritesOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	backup, job := backedUp(t)
	file := storetest.SQLite(t)
	old, err := sqlstore.Open(ctx, sqlstore.Config{URL: file})
	if err != nil {
		t.Fatal(err)
	}
	lost := storetest.Submit(t, old, storetest.NewJob(storetest.Task(t, old, "b")))
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+"-wal", []byte("a journal of the old file"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantReason(t, sqlstore.Restore(ctx, backup, file, false), ratchet.ReasonAlreadyExists, file)
	if err := sqlstore.Restore(ctx, backup, "sqlite:"+file, true); err != nil {
		t.Fatal(err)
	}
	s := storetest.Open(t, sqlstore.Config{URL: file})
	if _, err := s.Job(ctx, job.ID); err != nil {
		t.Error(err)
	}
	if _, err := s.Job(ctx, lost.ID); err == nil {
		t.Error("a job of the overwritten database is there still")
	}
}

func TestWhatIsNoBackupIsNotRestored(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	backup, _ := backedUp(t)
	whole, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	torn := append([]byte{}, whole...)
	for i := len(torn) / 2; i < len(torn)/2+20_000 && i < len(torn); i++ {
		torn[i] = 0xa5
	}
	withJournal := write("live.db", whole)
	if err := os.WriteFile(withJournal+"-wal", []byte("journal"), 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := write("foreign.db", nil)
	copied := write("newer.db", whole)
	changeFile(t, copied, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
	if err := os.Remove(foreign); err != nil {
		t.Fatal(err)
	}
	changeFile(t, foreign, "CREATE TABLE other (x)")
	for name, c := range map[string]struct {
		path   string
		reason ratchet.Reason
		word   string
	}{
		"nothing":            {filepath.Join(t.TempDir(), "none.db"), ratchet.ReasonStorageNotFound, "none.db"},
		"empty":              {write("empty.db", nil), ratchet.ReasonStorageCorrupt, "empty"},
		"text":               {write("text.db", []byte(strings.Repeat("hello ", 1000))), ratchet.ReasonStorageCorrupt, "not a SQLite database"},
		"cut short":          {write("short.db", whole[:len(whole)/2]), ratchet.ReasonStorageCorrupt, "short.db"},
		"damaged":            {write("torn.db", torn), ratchet.ReasonStorageCorrupt, "damaged"},
		"a live database":    {withJournal, ratchet.ReasonStorageCorrupt, "db backup"},
		"of another program": {foreign, ratchet.ReasonStorageCorrupt, "not a database of Ratchet"},
		"of a newer Ratchet": {copied, ratchet.ReasonStorageSchemaNewer, "newer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "ratchet.db")
			wantReason(t, sqlstore.Restore(ctx, c.path, file, true), c.reason, c.word)
			if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a file was made: %v", err)
			}
		})
	}
	wantReason(t, sqlstore.Restore(ctx, backup, backup, true), ratchet.ReasonUsage, "itself")
	wantReason(t, sqlstore.Restore(ctx, backup, "postgres://u:secret@h/d", true), ratchet.ReasonUsage, "pg_restore")
}

func TestBackupNeverOverwrites(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	storetest.Open(t, sqlstore.Config{URL: url})
	path := filepath.Join(t.TempDir(), "there.db")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantReason(t, sqlstore.Backup(t.Context(), url, path), ratchet.ReasonAlreadyExists, path)
	if content, err := os.ReadFile(path); err != nil || string(content) != "mine" {
		t.Errorf("got %q, %v", content, err)
	}
	missing := filepath.Join(t.TempDir(), "no", "folder.db")
	if err := sqlstore.Backup(t.Context(), url, missing); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("got %v, want an error that names %s", err, missing)
	}
}

func TestBackupOfPostgresIsItsOwn(t *testing.T) {
	t.Parallel()
	wantReason(t, sqlstore.Backup(t.Context(), "postgres://u:secret@h/d", "x.dump"), ratchet.ReasonUsage, "pg_dump")
}
