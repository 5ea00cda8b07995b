package ipc_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/ipc"
)

// one is a transport of a single frame.
type oneFrame struct{ bytes.Buffer }

func (*oneFrame) Close() error { return nil }

func protocolPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/plugin-protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// What a plugin is written from says what is sent.
func TestThePageOfThePluginProtocolListsEachMessageAsItIs(t *testing.T) {
	t.Parallel()
	page := protocolPage(t)
	messages := []ipc.Message{
		&ipc.PluginHello{}, &ipc.PluginReady{}, &ipc.PluginStart{}, &ipc.PluginStarted{}, &ipc.PluginCall{},
		&ipc.PluginReturn{}, &ipc.PluginCancel{}, &ipc.PluginLog{}, &ipc.PluginStop{},
	}
	for _, m := range messages {
		var wire oneFrame
		conn, err := ipc.NewConn(&wire)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Send(m); err != nil {
			t.Fatal(err)
		}
		frame := wire.Bytes()
		name := strings.TrimPrefix(reflect.TypeOf(m).Elem().Name(), "Plugin")
		row := regexp.MustCompile(fmt.Sprintf(`\| %d \| %s \| (?:server|plugin) \| ([^|]*) \|`, frame[4], name)).FindStringSubmatch(page)
		if row == nil {
			t.Errorf("the page has no message %s of kind %d", name, frame[4])
			continue
		}
		fields := strings.Count(row[1], "`") / 2
		if got := int(frame[5] & 0x1f); frame[5]>>5 != 4 || got != fields {
			t.Errorf("%s: the page has %d fields, the message %d", name, fields, got)
		}
	}
	for _, op := range []string{
		ipc.PluginOpHook, ipc.PluginOpSubmit, ipc.PluginOpFunction, ipc.PluginOpDeliver, ipc.PluginOpTransform, ipc.PluginOpSources,
		ipc.PluginOpSource, ipc.PluginOpEvents, ipc.PluginOpConfig, ipc.PluginOpHealth, ipc.PluginOpMetrics,
	} {
		if !strings.Contains(page, "\n| `"+op+"` |") {
			t.Errorf("the page has no operation %q", op)
		}
	}
	if want := fmt.Sprintf("%d,%03d,%03d", ipc.MaxFrame/1_000_000, ipc.MaxFrame/1000%1000, ipc.MaxFrame%1000); !strings.Contains(page, want) {
		t.Errorf("the page does not say that a frame has at most %s bytes", want)
	}
}

func TestTheExamplesOfThePluginProtocolAreFrames(t *testing.T) {
	t.Parallel()
	examples := regexp.MustCompile("(?m)^```\n([0-9a-f ]+)\n```$").FindAllStringSubmatch(protocolPage(t), -1)
	want := []ipc.Message{
		&ipc.PluginHello{Min: 1, Max: 1, Ratchet: "1.2.3"},
		&ipc.PluginReady{Manifest: []byte("{}"), Error: "too old"},
	}
	if len(examples) != len(want) {
		t.Fatalf("got %d examples", len(examples))
	}
	for i, example := range examples {
		data, err := hex.DecodeString(strings.ReplaceAll(example[1], " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		conn, err := ipc.NewConn(&oneFrame{*bytes.NewBuffer(data)})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := conn.Receive(); err != nil || !reflect.DeepEqual(got, want[i]) {
			t.Errorf("got %+v, %v, want %+v", got, err, want[i])
		}
		var wire oneFrame
		if conn, err = ipc.NewConn(&wire); err != nil {
			t.Fatal(err)
		}
		if err := conn.Send(want[i]); err != nil || !bytes.Equal(wire.Bytes(), data) {
			t.Errorf("sent %x, %v, the page has %x", wire.Bytes(), err, data)
		}
	}
}
