package inspector_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/ratchet-runner/ratchet-go/internal/inspector"
)

// listen returns a server with a worker, and the worker's end of its inspector.
func listen(t *testing.T) (s *inspector.Server, address string, worker net.Conn) {
	t.Helper()
	s, err := inspector.Listen(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = theirs.Close() })
	return s, s.Add(ours, "a worker", "file:///task/main.ts"), theirs
}

func get(t *testing.T, s *inspector.Server, path, host string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestDebuggersFindWorkersAndStrangersDoNot(t *testing.T) {
	t.Parallel()
	s, address, worker := listen(t)
	for _, host := range []string{"", "localhost:9229", "[::1]:9229"} {
		code, body := get(t, s, "/json/list", host)
		var all []struct {
			Title, Type, URL     string
			WebSocketDebuggerURL string
		}
		if err := json.Unmarshal([]byte(body), &all); code != 200 || err != nil || len(all) != 1 || all[0].Type != "node" || all[0].URL != "file:///task/main.ts" {
			t.Errorf("as %q: got %d, %s", host, code, body)
		}
	}
	// A site whose name leads to this machine.
	if code, body := get(t, s, "/json/list", "evil.example"); code != http.StatusForbidden || strings.Contains(body, "file:") {
		t.Errorf("got %d, %s", code, body)
	}
	if code, _ := get(t, s, "/nothing", ""); code != http.StatusNotFound {
		t.Errorf("got %d", code)
	}
	conn, res, err := websocket.Dial(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	if res.Body != nil {
		_ = res.Body.Close()
	}
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(`{"id":1,"method":"Debugger.enable"}`)); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(worker).ReadString('\n'); err != nil || line != "{\"id\":1,\"method\":\"Debugger.enable\"}\n" {
		t.Errorf("the worker got %q, %v", line, err)
	}
	if code, _ := get(t, s, address[strings.LastIndex(address, "/"):], ""); code != http.StatusConflict {
		t.Errorf("a second debugger got %d", code)
	}
	if _, err := io.WriteString(worker, "{\"method\":\"Ratchet.run\"}\n{\"id\":1,\"result\":{}}\n"); err != nil {
		t.Fatal(err)
	}
	if _, text, err := conn.Read(t.Context()); err != nil || string(text) != `{"id":1,"result":{}}` {
		t.Errorf("the debugger got %s, %v", text, err)
	}
	if err := s.Wait(t.Context()); err != nil {
		t.Errorf("the task may run: got %v", err)
	}
	_ = worker.Close()
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("of a worker that is gone: got %v", err)
	}
}

func TestASessionWithAWorkerThatEndsIsTold(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	s := inspector.NewSession(ours)
	go func() {
		_, _ = bufio.NewReader(theirs).ReadString('\n')
		_ = theirs.Close()
	}()
	if err := s.Call(t.Context(), "Profiler.stop", nil, nil); !errors.Is(err, inspector.ErrGone) {
		t.Errorf("got %v", err)
	}
	if err := s.Call(t.Context(), "Profiler.stop", nil, nil); !errors.Is(err, inspector.ErrGone) {
		t.Errorf("again: got %v", err)
	}
	s.Close()
}
