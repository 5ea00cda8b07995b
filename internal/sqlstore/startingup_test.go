//go:build unix

package sqlstore_test

import (
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

// In front of a real PostgreSQL stands what says that it is starting up, three
// times, as one does that recovers from a crash.
func TestAPostgreSQLThatIsStartingUpIsWaitedFor(t *testing.T) {
	t.Parallel()
	database, err := url.Parse(storetest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	query := database.Query()
	server := filepath.Join(query.Get("host"), ".s.PGSQL.5432")
	dir := t.TempDir()
	front, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	var refused atomic.Int32
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := front.Accept()
			if err != nil {
				return
			}
			if refused.Load() < 3 {
				refused.Add(1)
				refuse(c)
				continue
			}
			all.Go(func() { pass(c, server) })
		}
	})
	query.Set("host", dir)
	database.RawQuery = query.Encode()
	t.Cleanup(func() {
		front.Close()
		all.Wait() // for the connections of the store, which is closed before
	})
	storetest.Open(t, sqlstore.Config{URL: database.String()})
	if n := refused.Load(); n != 3 {
		t.Errorf("got %d refusals, want 3", n)
	}
}

// refuse answers as PostgreSQL does while it starts up.
func refuse(c net.Conn) {
	defer c.Close()
	backend := pgproto3.NewBackend(c, c)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return
	}
	backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "57P03", Message: "the database system is starting up"})
	_ = backend.Flush()
}

// pass carries what two sides say until one hangs up.
func pass(c net.Conn, to string) {
	defer c.Close()
	server, err := net.Dial("unix", to)
	if err != nil {
		return
	}
	defer server.Close()
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, _ = io.Copy(c, server)
		c.Close()
	}()
	_, _ = io.Copy(server, c)
	server.Close()
	<-back
}
