package sqlstore

import (
	"context"
	"database/sql/driver"
	"strings"
)

// cachedStatements is how many prepared statements a connection keeps.
const cachedStatements = 256

// A cachingConnector keeps the prepared statements of each of its connections:
// parsing them again and again is half of what SQLite does for small writes.
type cachingConnector struct{ driver.Connector }

// Connect implements driver.Connector.
func (c cachingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	base, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	full, ok := base.(fullConn)
	if !ok { // another driver than the one we know: slower, not wrong
		return base, nil
	}
	return &cachingConn{fullConn: full, kept: map[string]*keptStmt{}}, nil
}

// fullConn is what a connection of the driver can do.
type fullConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// A keptStmt is a prepared statement. While its rows are read it is not used for
// anything else.
type keptStmt struct {
	driver.Stmt
	busy   bool
	forget bool // close it when its rows are
}

type cachingConn struct {
	fullConn
	kept  map[string]*keptStmt
	order []string // oldest first
}

// get returns the statement, prepared; kept is false if the caller must close it.
func (c *cachingConn) get(ctx context.Context, query string) (s *keptStmt, kept bool, err error) {
	s, found := c.kept[query]
	if found && !s.busy {
		return s, true, nil
	}
	fresh, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, false, err
	}
	s = &keptStmt{Stmt: fresh}
	if found {
		return s, false, nil
	}
	if len(c.order) >= cachedStatements {
		c.drop(c.order[0])
		c.order = c.order[1:]
	}
	c.kept[query] = s
	c.order = append(c.order, query)
	return s, true, nil
}

func (c *cachingConn) drop(query string) {
	old := c.kept[query]
	delete(c.kept, query)
	if old.busy {
		old.forget = true
		return
	}
	_ = old.Close() // it has given its results; what could fail is of no one's interest
}

// worthKeeping reports whether a statement comes again. Those without values are
// mostly PRAGMAs and scripts of several statements.
func worthKeeping(query string, args []driver.NamedValue) bool {
	return len(args) > 0 || strings.HasPrefix(query, "SAVEPOINT ") || strings.HasPrefix(query, "RELEASE ") ||
		strings.HasPrefix(query, "UPDATE ") && !strings.Contains(query, ";")
}

// ExecContext implements driver.ExecerContext.
func (c *cachingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if !worthKeeping(query, args) {
		return c.fullConn.ExecContext(ctx, query, args)
	}
	s, kept, err := c.get(ctx, query)
	if err != nil {
		return nil, err
	}
	if !kept {
		defer func() { _ = s.Close() }()
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args) //nolint:forcetypeassert // this driver's have it
}

// QueryContext implements driver.QueryerContext.
func (c *cachingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if !worthKeeping(query, args) {
		return c.fullConn.QueryContext(ctx, query, args)
	}
	s, kept, err := c.get(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args) //nolint:forcetypeassert // this driver's have it
	if err != nil {
		if !kept {
			_ = s.Close()
		}
		return nil, err
	}
	s.busy = true
	s.forget = !kept
	return &cachedRows{r, s}, nil
}

// Close implements driver.Conn.
func (c *cachingConn) Close() error {
	for _, s := range c.kept {
		_ = s.Close()
	}
	return c.fullConn.Close()
}

type cachedRows struct {
	driver.Rows
	stmt *keptStmt
}

// Close implements driver.Rows.
func (r *cachedRows) Close() error {
	err := r.Rows.Close()
	r.stmt.busy = false
	if r.stmt.forget {
		_ = r.stmt.Close()
	}
	return err
}

// ColumnTypeDatabaseTypeName implements driver.RowsColumnTypeDatabaseTypeName.
func (r *cachedRows) ColumnTypeDatabaseTypeName(i int) string {
	named, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName)
	if !ok {
		return ""
	}
	return named.ColumnTypeDatabaseTypeName(i)
}
