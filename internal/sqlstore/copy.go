package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
)

// How much goes into one statement of a copy.
const (
	copyRows  = 100
	copyBytes = 4 << 20
)

// Copy makes what is in one database also that of another, which is empty, in one
// transaction: all of it or nothing. Jobs that wait get their places in the queue
// there. told, unless nil, is called after each table with its name and rows.
func Copy(ctx context.Context, from, to *Store, told func(table string, rows int)) error {
	if err := from.still(ctx); err != nil {
		return err
	}
	tables, err := from.tables(ctx, from.reader())
	if err != nil {
		return wrap("list the tables", err)
	}
	return to.write(ctx, "copy the database", func(t *tx) error {
		for _, name := range tables {
			n, err := copyTable(ctx, from, t, name)
			if err != nil {
				return fmt.Errorf("table %s: %w", name, err)
			}
			if told != nil {
				told(name, n)
			}
		}
		waiting, err := column1[ratchet.JobID](ctx, t, "SELECT id FROM jobs WHERE state IN "+waitingStates+" ORDER BY id")
		if err != nil {
			return err
		}
		for _, id := range waiting {
			if err := enqueueAgain(ctx, t, id); err != nil {
				return fmt.Errorf("place in the queue of %s: %w", id, err)
			}
		}
		return nil
	})
}

// still sees to it that nothing runs in the database that is copied.
func (s *Store) still(ctx context.Context) error {
	if s.kind == sqlite { // it is ours alone: what runs was left behind by a server that died
		_, err := s.Recover(ctx)
		return err
	}
	var live int
	err := s.reader().queryRow(ctx, "SELECT count(*) FROM nodes WHERE beat_at > ?", stamp(now().Add(-ratchet.NodeDead))).Scan(&live)
	if err == nil && live > 0 {
		return ratchet.Errorf(ratchet.ReasonStorageLocked, "%d servers work on %s: stop them first", live, withoutPassword(s.cfg.URL))
	}
	if err != nil {
		return wrap("look for servers", err)
	}
	_, err = s.Rescue(ctx, ratchet.NodeDead)
	return err
}

// tables lists what is copied, in the order in which it was made: rows come after
// those that they refer to. The queue is made anew, and the nodes are those of the
// other database.
func (s *Store) tables(ctx context.Context, c conn) ([]string, error) {
	list := "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid"
	if s.kind == postgres {
		list = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relpersistence = 'p' AND relnamespace = current_schema()::regnamespace ORDER BY oid"
	}
	all, err := column1[string](ctx, c, list)
	return slices.DeleteFunc(all, func(name string) bool {
		return name == "nodes" || strings.HasPrefix(name, "river_") || strings.HasPrefix(name, "goose_") || strings.HasPrefix(name, "sqlite_")
	}), err
}

// columnsOf are a table's columns and their types, in the words of its database.
func columnsOf(ctx context.Context, c conn, table string) (names, types []string, err error) {
	list := "SELECT name, type FROM pragma_table_info(?) ORDER BY cid"
	if c.dialect() == postgres {
		list = "SELECT column_name::text, udt_name::text FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ? ORDER BY ordinal_position"
	}
	rs, err := c.query(ctx, list, table)
	if err != nil {
		return nil, nil, err
	}
	defer rs.Close()
	for rs.Next() {
		var name, kind string
		if err := rs.Scan(&name, &kind); err != nil {
			return nil, nil, err
		}
		names, types = append(names, name), append(types, strings.ToLower(kind))
	}
	return names, types, rs.Err()
}

// copyTable copies the rows of one table, and says how many there were.
func copyTable(ctx context.Context, from *Store, t *tx, table string) (n int, err error) {
	var there int
	if err := t.queryRow(ctx, "SELECT count(*) FROM "+table).Scan(&there); err != nil {
		return 0, err
	}
	if there > 0 {
		return 0, ratchet.Errorf(ratchet.ReasonAlreadyExists, "the database to copy to is not empty: it has %d rows in %s", there, table)
	}
	names, types, err := columnsOf(ctx, t, table)
	if err != nil {
		return 0, err
	}
	rs, err := from.reader().query(ctx, "SELECT "+strings.Join(names, ", ")+" FROM "+table)
	if err != nil {
		return 0, err
	}
	defer rs.Close()
	b := batch{ctx: ctx, t: t, head: "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") VALUES ", columns: len(names)}
	for rs.Next() {
		row, dst := make([]any, len(names)), make([]any, len(names))
		for i := range row {
			dst[i] = &row[i]
		}
		if err := rs.Scan(dst...); err != nil {
			return n, err
		}
		for i, v := range row {
			row[i] = t.dialect().foreign(types[i], v)
		}
		if err := b.add(row); err != nil {
			return n, err
		}
		n++
	}
	if err := rs.Err(); err != nil {
		return n, err
	}
	return n, b.flush()
}

// foreign turns a value as the other database gives it into one for a column of
// the type here.
func (d dialect) foreign(kind string, v any) any {
	switch v := v.(type) {
	case []byte:
		if kind == "uuid" && len(v) == 16 {
			return [16]byte(v)
		}
	case int64:
		if kind == "bool" {
			return v != 0
		}
	case bool:
		if d == sqlite && v {
			return 1
		} else if d == sqlite {
			return 0
		}
	case [16]byte:
		if d == sqlite {
			return v[:]
		}
	}
	return v
}

// A batch inserts rows, several in a statement.
type batch struct {
	ctx     context.Context //nolint:containedctx // of the copy, which makes the batch
	t       *tx
	head    string
	columns int
	args    []any
	bytes   int
}

func (b *batch) add(row []any) error {
	b.args = append(b.args, row...)
	for _, v := range row {
		switch v := v.(type) {
		case string:
			b.bytes += len(v)
		case []byte:
			b.bytes += len(v)
		}
	}
	if b.bytes < copyBytes && len(b.args) < copyRows*b.columns {
		return nil
	}
	return b.flush()
}

func (b *batch) flush() error {
	if err := b.ctx.Err(); err != nil || len(b.args) == 0 {
		return err
	}
	one := "(" + placeholders(b.columns) + ")"
	rows := strings.TrimSuffix(strings.Repeat(one+", ", len(b.args)/b.columns), ", ")
	_, err := b.t.exec(b.ctx, b.head+rows, b.args...)
	b.args, b.bytes = b.args[:0], 0
	return err
}
