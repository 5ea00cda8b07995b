package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	sqlite3 "modernc.org/sqlite"

	"github.com/ratchet-runner/ratchet-go"
)

// readers is how many connections read from SQLite beside the one writer.
const readers = 4

func (s *Store) openSQLite(ctx context.Context) (err error) {
	switch s.cfg.Synchronous {
	case "FULL", "NORMAL", "OFF", "EXTRA":
	default:
		return ratchet.Errorf(ratchet.ReasonConfig, "synchronous is %q: want FULL, NORMAL or OFF", s.cfg.Synchronous)
	}
	path := strings.TrimPrefix(strings.TrimPrefix(s.cfg.URL, "sqlite:"), "//")
	if s.file, err = findSQLite(path, s.cfg.Existing); err != nil {
		return err
	}
	if s.lock, err = lockFile(ctx, s.file); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeSQLite(s.ro, s.db, s.lock))
		}
	}()
	_, missing := os.Stat(s.file)
	if s.db, err = connectSQLite(s.file, 1, s.cfg.Synchronous, false); err != nil {
		return err
	}
	if err := checkSQLite(ctx, s.db, s.cfg.Synchronous); err != nil {
		return err
	}
	if missing != nil {
		if err := keepFromOthers(s.file); err != nil {
			return err
		}
	}
	if s.ro, err = connectSQLite(s.file, readers, s.cfg.Synchronous, true); err != nil {
		return err
	}
	s.group = &group{store: s}
	s.queue, err = newSQLiteQueue(s)
	return err
}

// keepFromOthers lets only the owner read a new database: it holds what tasks were
// given and what they gave. Who has it otherwise later, keeps it so.
func keepFromOthers(file string) error {
	for _, part := range []string{file, file + "-wal", file + "-shm"} {
		if err := os.Chmod(part, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// findSQLite returns the file that path means, without links, after a look at
// what is there: SQLite would make a new database of an empty file, and tell of
// another file's content only later.
func findSQLite(path string, existing bool) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, missingSQLite(path, existing)
	}
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(real, os.O_RDWR, 0)
	if err != nil {
		if info, statErr := os.Stat(real); statErr == nil && info.IsDir() {
			return "", ratchet.Errorf(ratchet.ReasonStorageCorrupt, "%s is a folder, not a database", real)
		}
		return "", err
	}
	head := make([]byte, 16)
	n, err := io.ReadFull(f, head)
	if err := errors.Join(unexpected(err), f.Close()); err != nil {
		return "", err
	}
	if n == 0 {
		return "", ratchet.Errorf(ratchet.ReasonStorageCorrupt, "%s is empty, not a database: restore a backup, or remove it to begin anew", real)
	}
	if !bytes.Equal(head, []byte("SQLite format 3\x00")) {
		return "", ratchet.Errorf(ratchet.ReasonStorageCorrupt, "%s is damaged or not a SQLite database: restore a backup", real)
	}
	return real, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// missingSQLite says whether a database may be made at path, where there is none.
func missingSQLite(path string, existing bool) error {
	if existing {
		return ratchet.Errorf(ratchet.ReasonStorageNotFound, "there is no database %s", path)
	}
	if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
		return ratchet.Errorf(ratchet.ReasonStorageCorrupt, "%s is gone, but its journal %s-wal is there: restore the file, or remove the journal to begin anew", path, path)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return ratchet.Errorf(ratchet.ReasonStorageNotFound, "there is no folder %s for the database", filepath.Dir(path))
	}
	return nil
}

func connectSQLite(file string, conns int, synchronous string, readOnly bool) (*sql.DB, error) {
	q := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(" + synchronous + ")", "foreign_keys(1)", "journal_size_limit(67108864)"},
	}
	if readOnly {
		q = url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)", "query_only(1)"}}
	}
	name := url.URL{Scheme: "file", Path: file, OmitHost: true, RawQuery: q.Encode()}
	base, err := sqlite3.NewConnector(name.String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(cachingConnector{base})
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// checkSQLite sees whether the file is what Ratchet can work with.
func checkSQLite(ctx context.Context, db *sql.DB, synchronous string) error {
	var journal string
	var level, tables, ours int
	err := db.QueryRowContext(ctx, "SELECT (SELECT count(*) FROM sqlite_schema WHERE type = 'table'), (SELECT count(*) FROM sqlite_schema WHERE name = 'goose_db_version')").Scan(&tables, &ours)
	if err == nil {
		err = db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&journal)
	}
	if err == nil {
		err = db.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&level)
	}
	if err != nil {
		return err
	}
	if tables > 0 && ours == 0 {
		return ratchet.Errorf(ratchet.ReasonStorageCorrupt, "the file is the database of another program: name another file")
	}
	if want := map[string]int{"OFF": 0, "NORMAL": 1, "FULL": 2, "EXTRA": 3}[synchronous]; journal != "wal" || level != want {
		return fmt.Errorf("SQLite took journal_mode %s and synchronous %d, want wal and %d", journal, level, want)
	}
	return nil
}

func closeSQLite(ro, db *sql.DB, lock *fileLock) error {
	var errs []error
	for _, d := range []*sql.DB{ro, db} { // the writer last: it takes the journal in
		if d != nil {
			errs = append(errs, d.Close())
		}
	}
	if lock != nil {
		errs = append(errs, lock.release())
	}
	return errors.Join(errs...)
}
