package sqlstore

import (
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

	"github.com/ratchet-runner/ratchet-go"
)

// A Status says what database there is and how it is.
type Status struct {
	Database string         `json:"database"` // "sqlite" or "postgres"
	Location string         `json:"location"` // the file, or the URL without a password
	Schema   Schema         `json:"schema"`
	Size     ratchet.Size   `json:"size"`
	Rows     map[string]int `json:"rows"` // by table
	// Damage is what a quick look at a SQLite file found wrong; empty if nothing.
	Damage []string `json:"damage,omitempty"`
}

// countedTables are those whose rows a Status counts.
func countedTables() []string {
	return []string{"tasks", "versions", "blobs", "jobs", "executions", "schedules", "keys", "nodes"}
}

// Status looks at the database. It counts rows, which takes its time where there
// are many.
func (s *Store) Status(ctx context.Context) (*Status, error) {
	st := &Status{Database: "sqlite", Location: s.file, Rows: map[string]int{}}
	size := "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
	if s.kind == postgres {
		st.Database, st.Location = "postgres", withoutPassword(s.cfg.URL)
		size = "SELECT pg_database_size(current_database())"
	}
	var err error
	if st.Schema, err = s.Schema(ctx); err != nil {
		return nil, err
	}
	c := s.reader()
	if err := c.queryRow(ctx, size).Scan(scanInt[ratchet.Size]{&st.Size}); err != nil {
		return nil, wrap("measure the database", err)
	}
	if st.Schema.Version == st.Schema.Newest {
		for _, name := range countedTables() {
			var n int
			if err := c.queryRow(ctx, "SELECT count(*) FROM "+name).Scan(&n); err != nil {
				return nil, wrap("count "+name, err)
			}
			st.Rows[name] = n
		}
	}
	if s.kind == sqlite {
		st.Damage, err = damageOf(ctx, s.ro, "quick_check")
	}
	return st, wrap("look at the database", err)
}

// withoutPassword returns a database's URL as it may be shown.
func withoutPassword(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "postgres"
	}
	q := u.Query()
	q.Del("password")
	q.Del("sslpassword")
	u.RawQuery = q.Encode()
	return u.Redacted()
}

// damageOf returns what the check, a pragma, finds wrong in a SQLite file.
func damageOf(ctx context.Context, db *sql.DB, check string) ([]string, error) {
	rs, err := db.QueryContext(ctx, "PRAGMA "+check)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var found []string
	for rs.Next() {
		var line string
		if err := rs.Scan(&line); err != nil {
			return nil, err
		}
		if line != "ok" {
			found = append(found, line)
		}
	}
	return found, rs.Err()
}

// Backup writes a copy of the database at url, as it is at one moment, to a new
// file. A server that has it open goes on meanwhile. PostgreSQL has its own tool
// for that.
func Backup(ctx context.Context, url, path string) (err error) {
	if isPostgres(url) {
		return ratchet.Errorf(ratchet.ReasonUsage, "a PostgreSQL database is backed up with its own tool: pg_dump --format=custom --file=%s %s", path, withoutPassword(url))
	}
	// The file is not opened but by SQLite: to close it would end the locks of a
	// store that this process has.
	file, err := filepath.EvalSymlinks(strings.TrimPrefix(strings.TrimPrefix(url, "sqlite:"), "//"))
	if errors.Is(err, fs.ErrNotExist) {
		return missingSQLite(url, true)
	}
	if err == nil {
		file, err = filepath.Abs(file)
	}
	if err != nil {
		return wrap("back up", err)
	}
	if err := absent(path); err != nil {
		return err
	}
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return wrap("back up", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removed(part))
		}
	}()
	if err := vacuumInto(ctx, file, part); err != nil {
		return wrap("back up to "+path, err)
	}
	if err := checkBackup(ctx, part); err != nil {
		return err
	}
	if err := os.Chmod(part, 0o600); err != nil { // it holds what tasks must not tell others
		return wrap("back up to "+path, err)
	}
	return wrap("back up to "+path, settle(part, path))
}

// vacuumInto copies a SQLite file, which others may be writing to. It takes a
// connection of its own: the readers' may not even write another file.
func vacuumInto(ctx context.Context, file, to string) error {
	name := url.URL{Scheme: "file", Path: file, OmitHost: true, RawQuery: "mode=ro&_pragma=busy_timeout(10000)"}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
	return errors.Join(err, db.Close())
}

// absent refuses a path where something is.
func absent(path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return ratchet.Errorf(ratchet.ReasonAlreadyExists, "%s is there already: name another file, or ask for it to be overwritten", path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return wrap("look at "+path, err)
}

func removed(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// settle gives a complete file its name, durably.
func settle(part, path string) error {
	f, err := os.Open(part)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(part, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Restore makes the SQLite file what the backup is, after a check of the backup.
// What is at file is only replaced if overwrite says so, and never while a
// process has it open.
func Restore(ctx context.Context, backup, file string, overwrite bool) (err error) {
	file = strings.TrimPrefix(strings.TrimPrefix(file, "sqlite:"), "//")
	if isPostgres(file) {
		return ratchet.Errorf(ratchet.ReasonUsage, "a PostgreSQL database is restored with its own tool: pg_restore --dbname=%s", withoutPassword(file))
	}
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	if same(backup, file) {
		return ratchet.Errorf(ratchet.ReasonUsage, "%s is the database itself, not a backup", backup)
	}
	if err := checkBackup(ctx, backup); err != nil {
		return err
	}
	if !overwrite {
		if err := absent(file); err != nil {
			return err
		}
	}
	lock, err := lockFile(ctx, file)
	if err != nil {
		return wrap("restore "+file, err)
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	part := file + ".part"
	if err := copyFile(backup, part); err != nil {
		return wrap("restore "+file, errors.Join(err, removed(part)))
	}
	// The journal of the old file must not meet the new one. Without its file it
	// is refused, so a restore that is cut off here is noticed.
	if err := errors.Join(removed(file), removed(file+"-wal"), removed(file+"-shm")); err != nil {
		return wrap("restore "+file, err)
	}
	return wrap("restore "+file, settle(part, file))
}

func same(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close(), in.Close())
}

// checkBackup refuses a file that is not a whole database of ours which this
// program can read.
func checkBackup(ctx context.Context, path string) error {
	real, err := findSQLite(path, true)
	if err != nil {
		return wrap("look at the backup", err)
	}
	if info, err := os.Stat(real + "-wal"); err == nil && info.Size() > 0 {
		return ratchet.Errorf(ratchet.ReasonStorageCorrupt, "%s is a live database or a copy of one, with a journal beside it: make a backup with \"ratchet db backup\"", path)
	}
	name := url.URL{Scheme: "file", Path: real, OmitHost: true, RawQuery: "mode=ro&immutable=1"}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return wrap("open the backup", err)
	}
	return errors.Join(checkContent(ctx, db, path), wrap("close the backup", db.Close()))
}

func checkContent(ctx context.Context, db *sql.DB, path string) error {
	damage, err := damageOf(ctx, db, "integrity_check")
	if err == nil && len(damage) > 0 {
		return ratchet.Errorf(ratchet.ReasonStorageCorrupt, "%s is damaged: %s", path, damage[0])
	}
	if err != nil {
		return wrap("check "+path, err)
	}
	var version int64
	if err := db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version").Scan(&version); err != nil {
		return ratchet.Errorf(ratchet.ReasonStorageCorrupt, "%s is not a database of Ratchet: %w", path, err)
	}
	newest, err := newestSchema()
	if err != nil {
		return err
	}
	if version > newest {
		return ratchet.Errorf(ratchet.ReasonStorageSchemaNewer, "a newer Ratchet has written %s (schema %d, this program knows %d): use that one", path, version, newest)
	}
	return nil
}

// newestSchema is the schema that this program knows.
func newestSchema() (newest int64, err error) {
	files, err := fs.ReadDir(sqliteMigrations, "migrations/sqlite")
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		var n int64
		if _, err := fmt.Sscanf(f.Name(), "%d_", &n); err != nil {
			return 0, fmt.Errorf("migration %s: %w", f.Name(), err)
		}
		newest = max(newest, n)
	}
	return newest, nil
}
