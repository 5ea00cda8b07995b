package pluginhost_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/ipc"
	"github.com/ratchet-runner/ratchet-go/plugin"
)

// stdio is a plugin's own end.
type stdio struct{}

func (stdio) Read(b []byte) (int, error)  { return os.Stdin.Read(b) }
func (stdio) Write(b []byte) (int, error) { return os.Stdout.Write(b) }
func (stdio) Close() error                { return nil }

// bad returns what a plugin does that breaks the rules once it is started, false
// if there is none of that name.
func bad(name string) (serve func(conn *ipc.Conn), manifest string, found bool) {
	plain := func(edit func(m *ratchet.PluginManifest)) string {
		p := plugin.Plugin{Name: name, Version: "1.0.0", Functions: map[string]plugin.Function{"any": {}}}
		m := p.Manifest()
		if edit != nil {
			edit(&m)
		}
		text, _ := json.Marshal(m) // a manifest marshals
		return string(text)
	}
	manifest = plain(nil)
	// ready is as far as all go who want to do their harm later.
	ready := func(conn *ipc.Conn) {
		_, _ = conn.Receive()
		_ = conn.Send(&ipc.PluginReady{Version: 1, Manifest: []byte(manifest)})
		_, _ = conn.Receive()
		_ = conn.Send(&ipc.PluginStarted{})
	}
	forever := func() { select {} }
	switch name {
	case "garbage":
		return func(*ipc.Conn) { fmt.Println("Hello, I am a plugin!"); forever() }, manifest, true
	case "garbage-later":
		return func(conn *ipc.Conn) {
			ready(conn)
			_, _ = conn.Receive()
			fmt.Println("debug: got a call")
			forever()
		}, manifest, true
	case "huge-frame":
		return func(conn *ipc.Conn) {
			ready(conn)
			_, _ = conn.Receive()
			_ = binary.Write(os.Stdout, binary.LittleEndian, uint32(4_000_000_000))
			_, _ = os.Stdout.Write([]byte{37})
			forever()
		}, manifest, true
	case "silent":
		return func(*ipc.Conn) { forever() }, manifest, true
	case "start-hangs":
		return func(conn *ipc.Conn) {
			_, _ = conn.Receive()
			_ = conn.Send(&ipc.PluginReady{Version: 1, Manifest: []byte(manifest)})
			forever()
		}, manifest, true
	case "wrong-version":
		return func(conn *ipc.Conn) {
			_, _ = conn.Receive()
			_ = conn.Send(&ipc.PluginReady{Version: 9, Manifest: []byte(manifest)})
			forever()
		}, manifest, true
	case "two-faced":
		return func(conn *ipc.Conn) {
			_, _ = conn.Receive()
			other := plain(func(m *ratchet.PluginManifest) { m.Needs.Network = true })
			_ = conn.Send(&ipc.PluginReady{Version: 1, Manifest: []byte(other)})
			forever()
		}, manifest, true
	case "unasked":
		return func(conn *ipc.Conn) {
			ready(conn)
			_, _ = conn.Receive()
			_ = conn.Send(&ipc.PluginReturn{ID: 4711})
			forever()
		}, manifest, true
	case "worker-talk":
		return func(conn *ipc.Conn) {
			ready(conn)
			_, _ = conn.Receive()
			_ = conn.Send(&ipc.Done{Exec: 1})
			forever()
		}, manifest, true
	case "deaf":
		return func(conn *ipc.Conn) { ready(conn); forever() }, manifest, true
	case "closes":
		return func(conn *ipc.Conn) {
			ready(conn)
			_, _ = conn.Receive()
			_ = os.Stdout.Close()
			forever()
		}, manifest, true
	case "too-new":
		return nil, plain(func(m *ratchet.PluginManifest) { m.Protocol = [2]int{2, 3} }), true
	case "impostor":
		return nil, plain(func(m *ratchet.PluginManifest) { m.Name = "somebody-else" }), true
	case "no-schema":
		return nil, plain(func(m *ratchet.PluginManifest) { m.ConfigSchema = json.RawMessage(`{"type":"nonsense"}`) }), true
	case "manifest-garbage":
		return nil, "I am not JSON", true
	case "manifest-huge":
		return nil, strings.Repeat(" ", 2<<20), true
	default:
		return nil, "", false
	}
}

// beBad is such a plugin. It does not return.
func beBad(name string) {
	serve, manifest, found := bad(name)
	if !found {
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "manifest" {
		_, _ = io.WriteString(os.Stdout, manifest)
		os.Exit(0)
	}
	conn, err := ipc.NewConn(stdio{})
	if err == nil {
		serve(conn)
	}
	os.Exit(1)
}

// manifestOnly are plugins that do not even say what they are.
func manifestOnly(name string) {
	switch name {
	case "manifest-hangs":
		select {}
	case "manifest-crashes":
		fmt.Fprintln(os.Stderr, "error: no idea who I am")
		os.Exit(9)
	}
}

// related are plugins that require others.
func related(name, version string, requires ...ratchet.PluginRequirement) func() plugin.Plugin {
	return func() plugin.Plugin {
		return plugin.Plugin{
			Name: name, Version: version, Requires: requires,
			Functions: map[string]plugin.Function{"one": plugin.Func(func(context.Context, any) (int, error) { return 1, nil })},
		}
	}
}
