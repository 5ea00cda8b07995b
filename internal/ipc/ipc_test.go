package ipc_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ratchet-runner/ratchet-go/internal/ipc"
)

func messages() []ipc.Message {
	failure := &ipc.Failure{Kind: "threw", Name: "TypeError", Message: "no", Stack: "    at f (main.js:1:2)\n", Extra: []byte(`{"code":1}`), Size: 3}
	return []ipc.Message{
		&ipc.Hello{Version: ipc.Version},
		&ipc.Ready{Engine: "e", Sandbox: []byte(`{"level":"strict"}`)},
		&ipc.Bind{File: "main.js", Kind: "script", Source: []byte("x"), Bytecode: []byte{1, 2}, Memory: 1 << 27, Recursion: 5000, Resident: 2},
		&ipc.Bound{Bytecode: []byte{3}, Failure: failure},
		&ipc.Run{Exec: 7, Input: []byte(`{"a":"\u0000"}`), Context: []byte(`{}`), CPU: 5, Output: 6, Timeline: &ipc.Timeline{Seed: 1, Start: 2, Replay: true}},
		&ipc.Cancel{Exec: 7},
		&ipc.Request{Exec: 7, Call: 9, Op: "fetch", Head: []byte(`{}`), Body: bytes.Repeat([]byte("b"), 200_000), At: 3},
		&ipc.Reply{Exec: 7, Call: 9, Failed: true, Head: []byte(`{}`), Body: []byte{0, 255}, At: 4},
		&ipc.Log{Exec: 7, At: 1, Level: "info", Message: "line\n", Fields: []byte(`{}`)},
		&ipc.Progress{Exec: 7, Value: 0.5, Message: "half"},
		&ipc.Done{Exec: 7, Output: []byte(`{}`), CPU: 1, PeakMemory: 2, Unhandled: []string{"lost"}, Taken: []ipc.Taken{{Call: 1, At: 2}}},
		&ipc.Done{Exec: 8, Failure: failure},
	}
}

func pair(t testing.TB) (*ipc.Conn, *ipc.Conn) {
	t.Helper()
	a, b := net.Pipe()
	ca, err := ipc.NewConn(a)
	if err != nil {
		t.Fatal(err)
	}
	cb, err := ipc.NewConn(b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ca.Close(); cb.Close() })
	return ca, cb
}

func TestMessagesArriveAsTheyWereSent(t *testing.T) {
	t.Parallel()
	a, b := pair(t)
	sent := make(chan error, 1)
	go func() {
		for _, m := range messages() {
			if err := a.Send(m); err != nil {
				sent <- err
				return
			}
		}
		sent <- a.Close()
	}()
	for _, want := range messages() {
		got, err := b.Receive()
		if err != nil {
			t.Fatalf("receive %T: %v", want, err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), ignoreBlank()); diff != "" {
			t.Errorf("%T differs (-sent +received):\n%s", want, diff)
		}
	}
	if _, err := b.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last message got %v, want EOF", err)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// ignoreBlank passes over the fields named _, which only carry the encoding.
func ignoreBlank() cmp.Option {
	return cmp.FilterPath(func(p cmp.Path) bool {
		f, ok := p.Last().(cmp.StructField)
		return ok && f.Name() == "_"
	}, cmp.Ignore())
}

// stream reads from bytes and swallows what is written.
type stream struct{ io.Reader }

func (stream) Write(b []byte) (int, error) { return len(b), nil }
func (stream) Close() error                { return nil }

func receive(t testing.TB, b []byte) error {
	t.Helper()
	c, err := ipc.NewConn(stream{bytes.NewReader(b)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Receive()
	return err
}

func TestBadFramesAreErrors(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{
		"length zero":           {0, 0, 0, 0, 1},
		"length over the bound": {255, 255, 255, 255, 1},
		"unknown kind":          {2, 0, 0, 0, 99, 0x80},
		"cut off in the head":   {2, 0, 0},
		"cut off in the body":   {9, 0, 0, 0, 1, 0x81},
		"not CBOR":              {2, 0, 0, 0, 1, 0xff},
		"wrong number of items": {2, 0, 0, 0, 5, 0x80},
		"nested too deep":       {8, 0, 0, 0, 1, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x01},
	} {
		if err := receive(t, b); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// Not parallel: it measures the whole process.
func TestAFrameThatOnlyClaimsToBeLargeAllocatesLittle(t *testing.T) {
	frame := append([]byte{0, 0, 0, 4, byte(ipc.KindDone)}, make([]byte, 1000)...) // claims 64 MB, holds 1 kB
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := receive(t, frame); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("got %v, want an unexpected EOF", err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("allocated %d bytes for a frame of 1 kB", grown)
	}
}

func TestAMessageLargerThanAFrameIsRefusedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	c, err := ipc.NewConn(stream{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Send(&ipc.Reply{Body: make([]byte, ipc.MaxFrame)}); !errors.Is(err, ipc.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

func FuzzReceive(f *testing.F) {
	for _, m := range messages() {
		var b bytes.Buffer
		c, err := ipc.NewConn(struct {
			io.Reader
			io.Writer
			io.Closer
		}{nil, &b, io.NopCloser(nil)})
		if err != nil {
			f.Fatal(err)
		}
		if err := c.Send(m); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ipc.NewConn(stream{bytes.NewReader(b)})
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			m, err := c.Receive()
			if err != nil {
				return
			}
			if m == nil {
				t.Fatal("no message and no error")
			}
		}
	})
}

func BenchmarkRoundTrip(b *testing.B) {
	x, y := pair(b)
	go func() {
		for {
			m, err := y.Receive()
			if err != nil {
				return
			}
			if y.Send(m) != nil {
				return
			}
		}
	}()
	m := &ipc.Run{Exec: 1, Input: make([]byte, 200), Context: make([]byte, 200)}
	for b.Loop() {
		if err := x.Send(m); err != nil {
			b.Fatal(err)
		}
		if _, err := x.Receive(); err != nil {
			b.Fatal(err)
		}
	}
}
