package pluginhost_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/pluginhost"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

// The test binary is also the launcher of plugins, and every plugin of these
// tests: which one, its name tells.
func TestMain(m *testing.M) {
	if err := sandbox.CloseInherited(); err != nil { // as main does
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if len(os.Args) > 1 && os.Args[1] == "plugin-launch" {
		fmt.Fprintln(os.Stderr, sandbox.Launch(os.Args[2:]))
		os.Exit(1)
	}
	if name, ok := strings.CutPrefix(filepath.Base(os.Args[0]), "ratchet-plugin-"); ok {
		bePlugin(name)
	}
	goleak.VerifyTestMain(m)
}

// A folder is a folder of plugins.
type folder struct {
	t   testing.TB
	dir string
}

func newFolder(t testing.TB) folder {
	t.Helper()
	return folder{t, t.TempDir()}
}

// add puts this binary there as plugins of these names.
func (f folder) add(names ...string) folder {
	f.t.Helper()
	self, err := os.Executable()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, name := range names {
		at := filepath.Join(f.dir, "ratchet-plugin-"+name)
		if os.Link(self, at) == nil {
			continue
		}
		data, err := os.ReadFile(self)
		if err != nil {
			f.t.Fatal(err)
		}
		f.write("ratchet-plugin-"+name, string(data))
	}
	return f
}

// write puts a file there that can be executed.
func (f folder) write(name, text string) {
	f.t.Helper()
	at := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o755); err != nil {
		f.t.Fatal(err)
	}
}

// A logbook keeps what is logged.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newHost runs a host until the test ends.
func newHost(t testing.TB, f folder, c pluginhost.Config) (*pluginhost.Host, *logbook) {
	t.Helper()
	book := &logbook{}
	if f.dir != "" {
		c.Dirs = append(c.Dirs, f.dir)
	}
	c.Log = slog.New(slog.NewJSONHandler(book, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.Version = "1.2.3"
	h := pluginhost.New(c)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		if t.Failed() {
			text := book.String()
			t.Log(text[:min(len(text), 5000)])
		}
	})
	return h, book
}

// settings are of an enabled plugin.
func settings(config string) ratchet.PluginSettings {
	return ratchet.PluginSettings{Enabled: true, Config: json.RawMessage(config)}
}

// enable enables a plugin, which must work.
func enable(t testing.TB, h *pluginhost.Host, name string, s ratchet.PluginSettings) {
	t.Helper()
	s, err := h.Settled(t.Context(), name, s)
	if err != nil {
		t.Fatalf("settle %s: %v", name, err)
	}
	if err := h.Set(t.Context(), name, s); err != nil {
		t.Fatalf("enable %s: %v", name, err)
	}
}

// one returns what the host says of a plugin.
func one(t testing.TB, h *pluginhost.Host, name string) ratchet.Plugin {
	t.Helper()
	for _, p := range h.Plugins(t.Context()) {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("there is no plugin %s", name)
	return ratchet.Plugin{}
}

// function calls one with an argument.
func function(t testing.TB, h *pluginhost.Host, name, fn, argument string) (string, error) {
	t.Helper()
	value, err := h.Function(t.Context(), name, fn, plugin.Call{Argument: json.RawMessage(argument), Task: "a-task"})
	return string(value), err
}

// wantReason checks an error's reason, and that its message has some words.
func wantReason(t testing.TB, err error, reason ratchet.Reason, words ...string) {
	t.Helper()
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok || e.Reason != reason {
		t.Fatalf("got %v, want an error of reason %s", err, reason)
	}
	for _, w := range words {
		if !strings.Contains(e.Message, w) {
			t.Errorf("the message %q does not say %q", e.Message, w)
		}
	}
}

// eventually waits for real processes.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	timer := time.NewTimer(30 * time.Second)
	defer timer.Stop()
	for !is() {
		select {
		case <-ticker.C:
		case <-timer.C:
			t.Fatalf("%s did not happen", what)
		}
	}
}
