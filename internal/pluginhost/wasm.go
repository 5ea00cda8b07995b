//go:build !nowasm

package pluginhost

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"github.com/ratchet-runner/ratchet-go"
)

// A module is a plugin that runs within the server, in a machine of WebAssembly.
// It says and hears the same as a process, on the same files.
type module struct {
	cancel context.CancelFunc
	done   chan struct{}
	status string
	end    func() // of its files
}

// Kill ends it at once, in the midst of a loop as well.
func (m *module) Kill() {
	m.cancel()
	m.end()
}

// Wait waits for its end.
func (m *module) Wait() string {
	<-m.done
	return m.status
}

// PID is 0: it has no process.
func (*module) PID() int { return 0 }

// burns tells that a call that does not end costs the server's own time.
func (*module) burns() bool { return true }

// compiled keeps machine code of modules, as long as there is a host.
type compiled struct{ cache wazero.CompilationCache }

func newCompiled() *compiled { return &compiled{wazero.NewCompilationCache()} }

func (c *compiled) close(ctx context.Context) error { return c.cache.Close(ctx) }

// pageSize is that of WebAssembly.
const pageSize = 64 << 10

func (h *Host) spawnWASM(ctx context.Context, one file, needs ratchet.PluginNeeds, arg string) (child, transport, *lines, error) {
	code, err := os.ReadFile(one.path)
	if err != nil {
		return nil, nil, nil, err
	}
	memory := int64(max(needs.Memory, h.config.Memory))
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	machine := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().
		WithCloseOnContextDone(true).
		WithMemoryLimitPages(uint32(min(memory/pageSize, 65536))).
		WithCompilationCache(h.wasm.cache))
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, machine); err != nil {
		cancel()
		return nil, nil, nil, errors.Join(err, machine.Close(ctx))
	}
	program, err := machine.CompileModule(ctx, code)
	if err != nil {
		cancel()
		return nil, nil, nil, errors.Join(fmt.Errorf("%s is no WebAssembly that can be run: %w", one.path, err), machine.Close(ctx))
	}
	ours, theirs := net.Pipe()
	printed, prints := io.Pipe()
	m := &module{cancel: cancel, done: make(chan struct{}), end: func() {
		_ = theirs.Close() // neither of these can fail
		_ = prints.Close()
	}}
	config := wazero.NewModuleConfig().WithName("").WithArgs(filepath.Base(one.path), arg).
		WithStdin(theirs).WithStdout(theirs).WithStderr(prints).
		WithRandSource(rand.Reader).WithSysWalltime().WithSysNanotime().
		// Whoever waits for nothing waits for the next message instead.
		WithNanosleep(func(ns int64) { sleep(ctx, time.Duration(ns)) })
	if !h.begin(func() {
		defer close(m.done)
		defer m.end()
		defer cancel()
		_, err := machine.InstantiateModule(ctx, program, config)
		m.status = ending(err)
		if err := machine.Close(context.WithoutCancel(ctx)); err != nil {
			h.log.Error("a WebAssembly machine cannot be closed", "plugin", one.name, "error", err)
		}
	}) {
		m.Kill()
		return nil, nil, nil, errors.Join(errStopped, machine.Close(context.WithoutCancel(ctx)))
	}
	return m, ours, newLines(printed), nil
}

// sleep is what a module's sleep does: it ends with the module.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// ending says how a module ended, as a process would.
func ending(err error) string {
	exit, ok := errors.AsType[*sys.ExitError](err)
	switch {
	case err == nil, ok && exit.ExitCode() == 0:
		return "exit status 0"
	case ok && (exit.ExitCode() == sys.ExitCodeContextCanceled || exit.ExitCode() == sys.ExitCodeDeadlineExceeded):
		return "it was stopped"
	case ok:
		return fmt.Sprintf("exit status %d", exit.ExitCode())
	default:
		return limit(err.Error(), 300)
	}
}
