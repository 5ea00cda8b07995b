package sqlstore

import (
	"context"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
)

// Exec changes rows behind the store's back, for tests of what it then does.
func (s *Store) Exec(ctx context.Context, sql string, args ...any) error {
	return s.write(ctx, "test", func(tx *tx) error {
		_, err := tx.exec(ctx, sql, args...)
		return err
	})
}

// ExplainJobs returns how SQLite would find a page of the list of jobs, and count
// the list.
func (s *Store) ExplainJobs(ctx context.Context, q ratchet.Query) (page, count string, err error) {
	p, err := jobs().plan(sqlite, q)
	if err != nil {
		return "", "", err
	}
	sql, args := p.sql([]string{"*"})
	if page, err = s.explain(ctx, sql, args); err != nil {
		return "", "", err
	}
	sql, args = p.counting()
	count, err = s.explain(ctx, sql, args)
	return page, count, err
}

// ExplainDeliveries returns how SQLite would find the lanes in which deliveries
// wait, and one that ends.
func (s *Store) ExplainDeliveries(ctx context.Context) (lanes, end string, err error) {
	if lanes, err = s.explain(ctx, lanesWaiting(sqlite), nil); err != nil {
		return "", "", err
	}
	end, err = s.explain(ctx, endDelivery(), make([]any, 8))
	if err != nil {
		return "", "", err
	}
	many, err := s.explain(ctx, endTaken(4), make([]any, 10))
	return lanes, end + many, err
}

func (s *Store) explain(ctx context.Context, sql string, args []any) (string, error) {
	rs, err := s.reader().query(ctx, "EXPLAIN QUERY PLAN "+sql, args...)
	if err != nil {
		return "", err
	}
	defer rs.Close()
	var lines []string
	for rs.Next() {
		var id, parent, unused int
		var line string
		if err := rs.Scan(&id, &parent, &unused, &line); err != nil {
			return "", err
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; "), rs.Err()
}

// KeptStatements is how many statements a Rebinder keeps at most.
const KeptStatements = keptStatements

// A Rebinder keeps statements in the form for PostgreSQL.
type Rebinder = rebinder

// Rebind returns the statement in that form.
func (r *rebinder) Rebind(sql string) string { return r.rebind(sql) }

// Kept is how many statements are kept.
func (r *rebinder) Kept() int { return len(r.kept) }
