package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// withPostgres runs f with the URL of a database in a PostgreSQL of its own, which
// flushes every commit to the disk, as it does unless told otherwise.
func withPostgres(ctx context.Context, f func(url string) error) error {
	bin, err := exec.LookPath("initdb")
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
		if len(found) == 0 {
			return errors.New("PostgreSQL is not installed: no initdb in PATH or /usr/lib/postgresql/*/bin")
		}
		bin = slices.Max(found)
	}
	if bin, err = filepath.EvalSymlinks(bin); err != nil { // not all that is beside it may be in PATH
		return err
	}
	return in(func(dir string) error {
		attr, err := unprivileged(dir)
		if err != nil {
			return err
		}
		data := filepath.Join(dir, "data")
		initdb := exec.CommandContext(ctx, bin, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
		initdb.SysProcAttr, initdb.Dir = attr, dir
		if out, err := initdb.CombinedOutput(); err != nil {
			return fmt.Errorf("initdb: %w: %s", err, out)
		}
		log, err := os.Create(filepath.Join(dir, "log"))
		if err != nil {
			return err
		}
		defer log.Close()
		const port = "5432"                                                                                                                                          // of the name of a socket, not of the machine
		cmd := exec.Command(filepath.Join(filepath.Dir(bin), "postgres"), "-D", data, "-k", dir, "-p", port, "-c", "listen_addresses=", "-c", "max_connections=200") //nolint:noctx // ended below
		cmd.SysProcAttr, cmd.Dir, cmd.Stdout, cmd.Stderr = attr, dir, log, log
		if err := cmd.Start(); err != nil {
			return err
		}
		err = serving(ctx, filepath.Join(filepath.Dir(bin), "pg_isready"), "-q", "-h", dir, "-p", port)
		if err == nil {
			err = f("postgres:///postgres?" + url.Values{"host": {dir}, "user": {"postgres"}}.Encode())
		}
		return errors.Join(err, ended(cmd, syscall.SIGQUIT))
	})
}

// serving waits until the command says that a server serves.
func serving(ctx context.Context, name string, args ...string) error {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := exec.CommandContext(ctx, name, args...).Run()
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}
