package sqlstore_test

import (
	"database/sql"
	"os"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

// onEach runs a test on each database.
func onEach(t *testing.T, test func(*testing.T, *sqlstore.Store)) {
	t.Helper()
	for name, fresh := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, storetest.Open(t, sqlstore.Config{URL: fresh(t), Synchronous: "OFF"}))
		})
	}
}

// changeFile runs a statement on a SQLite file that no store has open.
func changeFile(t *testing.T, file, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestANewDatabaseIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	s := storetest.Open(t, sqlstore.Config{URL: url})
	storetest.Task(t, s, "a")
	for _, part := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(url + part)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("ratchet.db%s has the mode %o, want 600", part, got)
		}
	}
}

func TestAPostgresThatIsNotThereIsNamedWithoutItsUser(t *testing.T) {
	t.Parallel()
	_, err := sqlstore.Open(t.Context(), sqlstore.Config{URL: "postgres://somebody:secret@127.0.0.1:1/somewhere"})
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") || !strings.Contains(err.Error(), "refused") ||
		strings.Contains(err.Error(), "somebody") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want what was refused where, and not for whom", err)
	}
}
