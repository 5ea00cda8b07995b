package storetest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// errNoPostgres says that PostgreSQL is not installed.
var errNoPostgres = errors.New("PostgreSQL is not installed: no initdb in PATH or /usr/lib/postgresql/*/bin")

// shared is the one server of this process, started when it is first wanted.
var shared = sync.OnceValue(func() *server { return &server{ended: make(chan struct{})} })

// A server is a PostgreSQL in a folder of its own, which ends with this process.
type server struct {
	once   sync.Once
	err    error // why it was not started
	folder string
	cmd    *exec.Cmd
	ended  chan struct{}
	number atomic.Int64 // of the last database made
}

// Postgres returns the URL of a fresh database, whose schema is up to date, in a
// PostgreSQL server that is started for this process once, in a throw-away
// folder. The test is skipped if PostgreSQL is not installed.
func Postgres(t testing.TB) string {
	t.Helper()
	s := shared()
	s.once.Do(func() { s.err = s.begin(context.WithoutCancel(t.Context())) })
	if errors.Is(s.err, errNoPostgres) {
		t.Skip(s.err)
	}
	if s.err != nil {
		t.Fatalf("start PostgreSQL: %v", s.err)
	}
	name := fmt.Sprintf("test%d", s.number.Add(1))
	s.do(t, t.Context(), "CREATE DATABASE "+name+" TEMPLATE "+template)
	t.Cleanup(func() { s.do(t, context.WithoutCancel(t.Context()), "DROP DATABASE "+name+" WITH (FORCE)") })
	return s.url(name)
}

func (s *server) url(database string) string {
	return "postgres:///" + database + "?" + url.Values{"host": {s.folder}, "user": {"postgres"}}.Encode()
}

func (s *server) do(t testing.TB, ctx context.Context, sql string) { //nolint:revive // the test comes first
	t.Helper()
	c, err := pgx.Connect(ctx, s.url("postgres"))
	if err == nil {
		_, err = c.Exec(ctx, sql)
		err = errors.Join(err, c.Close(ctx))
	}
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// begin makes a server and starts it as a user that PostgreSQL accepts, which
// root is not.
func (s *server) begin(ctx context.Context) error {
	bin, err := postgresBin()
	if err != nil {
		return err
	}
	removeLeft()
	s.folder, err = os.MkdirTemp("/tmp", fmt.Sprintf("ratchet-pg-%d-", os.Getpid()))
	if err != nil {
		return err
	}
	attr, err := otherUser(s.folder)
	if err != nil {
		return err
	}
	data := filepath.Join(s.folder, "data")
	init := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync") //nolint:noctx // lives as long as the process
	init.SysProcAttr, init.Dir = attr, s.folder
	if out, err := init.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	fsync := "off" // nobody pulls the plug of a test
	if os.Getenv("RATCHET_TEST_FSYNC") != "" {
		fsync = "on"
	}
	s.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", s.folder, "-c", "listen_addresses=", "-c", "fsync="+fsync, "-c", "max_connections=300", "-c", "shared_buffers=64MB") //nolint:noctx // as above
	s.cmd.SysProcAttr, s.cmd.Dir = attr, s.folder
	return s.start(ctx)
}

// start starts the server and waits until it answers.
func (s *server) start(ctx context.Context) error {
	log, err := os.Create(filepath.Join(s.folder, "log"))
	if err != nil {
		return err
	}
	s.cmd.Stdout, s.cmd.Stderr = log, log
	started := make(chan error, 1)
	go func() {
		// The signal at the parent's death is at that of the thread: this one
		// stays for as long as the server does.
		runtime.LockOSThread()
		defer close(s.ended)
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait()
		}
		_ = log.Close()
	}()
	if err := <-started; err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); ; {
		c, err := pgx.Connect(ctx, s.url("postgres"))
		if err == nil {
			return errors.Join(c.Close(ctx), s.makeTemplate(ctx))
		}
		select {
		case <-s.ended:
			said, _ := os.ReadFile(filepath.Join(s.folder, "log"))
			return fmt.Errorf("it ended: %s", said)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("it does not answer: %w", err)
		}
	}
}

// template is the database that the others are copies of: to bring the schema up
// to date takes longer than most tests.
const template = "ratchet"

func (s *server) makeTemplate(ctx context.Context) error {
	c, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, "CREATE DATABASE "+template)
	if err := errors.Join(err, c.Close(ctx)); err != nil {
		return err
	}
	store, err := sqlstore.Open(ctx, sqlstore.Config{URL: s.url(template)})
	if err != nil {
		return err
	}
	return store.Close()
}

// stop stops the server and removes what it wrote.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
	<-s.ended
	_ = os.RemoveAll(s.folder)
}

// stopServers stops the server of this process, if one was started.
func stopServers() {
	if s := shared(); s.cmd != nil && s.cmd.Process != nil {
		s.stop()
	} else if s.folder != "" {
		_ = os.RemoveAll(s.folder)
	}
}

// removeLeft removes the folders of processes that were killed; their servers
// ended with them.
func removeLeft() {
	folders, _ := filepath.Glob("/tmp/ratchet-pg-*")
	for _, f := range folders {
		pid, err := strconv.Atoi(strings.Split(filepath.Base(f), "-")[2])
		if err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.RemoveAll(f)
		}
	}
}

// otherUser gives the folder to a user that PostgreSQL runs as; that is us,
// unless we are root.
func otherUser(folder string) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Getuid() != 0 {
		return attr, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, os.Chown(folder, uid, gid)
}

func postgresBin() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errNoPostgres
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}
