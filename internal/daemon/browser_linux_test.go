package daemon_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
)

// The pages are looked at by a browser, since only one of those knows whether
// their policy lets them work: scripts run, nothing is asked of another host, and
// nothing is complained about.
func TestABrowserShowsThePages(t *testing.T) {
	t.Parallel()
	s := ratchettest.Start(t)
	b := openBrowser(t)
	for _, c := range []struct{ name, path, script, want string }{
		{"docs", "/docs", `document.body.innerText`, "Submit a job"},
		{"graphiql", "/graphql", `(() => {
			const run = document.querySelector(".graphiql-execute-button")
			const result = document.querySelector(".result-window")
			if (run && !window.pressed) { window.pressed = true; run.click() }
			return result ? result.innerText : ""
		})()`, `"status": "HEALTHY"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := b.open(t, s.URL+c.path)
			p.until(t, c.script, c.want)
			for _, line := range p.complaints {
				t.Error(line)
			}
			for _, asked := range p.asked {
				if !strings.HasPrefix(asked, s.URL) && !strings.HasPrefix(asked, "data:") && !strings.HasPrefix(asked, "blob:"+s.URL) {
					t.Errorf("the page asks %s", asked)
				}
			}
		})
	}
}

// A browser is Chromium without a window, by its DevTools protocol.
type browser struct {
	conn *websocket.Conn
	next int
	page *page // that is open
}

type page struct {
	b          *browser
	session    string
	complaints []string
	asked      []string // URLs
}

// browserPatience bounds how long a page may take to show what it should.
const browserPatience = time.Minute

func openBrowser(t *testing.T) *browser {
	t.Helper()
	var path string
	for _, name := range []string{"chromium-headless-shell", "chromium", "google-chrome"} {
		if path, _ = exec.LookPath(name); path != "" {
			break
		}
	}
	if path == "" {
		t.Skip("no browser looks at the pages: neither chromium-headless-shell nor chromium is installed")
	}
	cmd := exec.CommandContext(t.Context(), path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--disable-background-networking", "--remote-debugging-port=0", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stderr)
	address := regexp.MustCompile(`ws://\S+`)
	var at string
	for at == "" {
		line, err := lines.ReadString('\n')
		at = address.FindString(line)
		if err != nil {
			t.Fatalf("the browser does not start: %s%v", line, err)
		}
	}
	drained := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, lines); close(drained) }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-drained
		_ = cmd.Wait()
	})
	conn, _, err := websocket.Dial(t.Context(), at, nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(64 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &browser{conn: conn}
}

// call sends a command and returns its result; what happens meanwhile is noted.
func (b *browser) call(t *testing.T, session, method string, params map[string]any, result any) {
	t.Helper()
	b.next++
	message, err := json.Marshal(map[string]any{"id": b.next, "method": method, "sessionId": session, "params": params})
	if session == "" {
		message, err = json.Marshal(map[string]any{"id": b.next, "method": method, "params": params})
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), browserPatience)
	defer cancel()
	if err := b.conn.Write(ctx, websocket.MessageText, message); err != nil {
		t.Fatal(err)
	}
	for {
		_, text, err := b.conn.Read(ctx)
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		var m struct {
			ID            int
			Method        string
			Result, Error json.RawMessage
			Params        json.RawMessage
		}
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		switch {
		case m.ID == b.next && m.Error != nil:
			t.Fatalf("%s: %s", method, m.Error)
		case m.ID == b.next:
			if result != nil {
				if err := json.Unmarshal(m.Result, result); err != nil {
					t.Fatal(err)
				}
			}
			return
		default:
			b.noticed(m.Method, m.Params)
		}
	}
}

func (b *browser) noticed(method string, params json.RawMessage) {
	if b.page == nil {
		return
	}
	var e struct {
		Type             string
		Entry            struct{ Level, Text, URL string }
		Request          struct{ URL string }
		Args             []struct{ Value, Description json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	_ = json.Unmarshal(params, &e) // of others than these three nothing is read
	switch {
	case method == "Network.requestWillBeSent":
		b.page.asked = append(b.page.asked, e.Request.URL)
	case method == "Log.entryAdded" && e.Entry.Level == "error":
		b.page.complaints = append(b.page.complaints, fmt.Sprintf("the browser says: %s (%s)", e.Entry.Text, e.Entry.URL))
	case method == "Runtime.exceptionThrown":
		b.page.complaints = append(b.page.complaints, "a script throws: "+string(e.ExceptionDetails))
	}
}

func (b *browser) open(t *testing.T, url string) *page {
	t.Helper()
	var target struct{ TargetID string }
	b.call(t, "", "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call(t, "", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.page = &page{b: b, session: attached.SessionID}
	for _, domain := range []string{"Log", "Runtime", "Network", "Page"} {
		b.call(t, attached.SessionID, domain+".enable", map[string]any{}, nil)
	}
	b.call(t, attached.SessionID, "Page.navigate", map[string]any{"url": url}, nil)
	return b.page
}

// until asks the page again and again until the script's text contains what is
// wanted.
func (p *page) until(t *testing.T, script, want string) {
	t.Helper()
	var got string
	for deadline := time.Now().Add(browserPatience); time.Now().Before(deadline); {
		var answer struct {
			Result struct{ Value string }
		}
		// The page itself waits between two looks, not the test.
		p.b.call(t, p.session, "Runtime.evaluate", map[string]any{
			"expression": "new Promise(done => setTimeout(done, 50)).then(() => " + script + ")", "awaitPromise": true, "returnByValue": true,
		}, &answer)
		if got = answer.Result.Value; strings.Contains(got, want) {
			return
		}
	}
	t.Fatalf("the page shows\n%.1000s\nwhere %s is wanted; %s", got, want, strings.Join(p.complaints, "\n"))
}
