package plugins_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func TestMain(m *testing.M) { ratchettest.Main(m) }

// serve starts a server with one of the examples, built as anybody would.
func serve(t *testing.T, name string, r ratchet.PluginRequest) *ratchettest.Server {
	t.Helper()
	dir := t.TempDir()
	ratchettest.BuildPlugin(t, dir, name, "./"+name)
	s := ratchettest.Start(t, ratchettest.WithPlugins(dir))
	p := s.Enable(name, r)
	if p.Status != ratchet.PluginActive || p.Kind != ratchet.PluginExecutable || p.PID == 0 {
		t.Fatalf("got %s, a plugin that is %s: %s", p.Kind, p.Status, p.Problem)
	}
	s.Register("add", `(i) => i.a + i.b`)
	s.Register("fail", `() => { throw Object.assign(new Error("no <stock>"), {retryable: false}) }`)
	return s
}

func run(s *ratchettest.Server, task, input string) *ratchet.Job {
	return s.Wait(s.Submit(ratchet.JobRequest{Task: task, Input: json.RawMessage(input), MaxAttempts: 1}).ID)
}

// eventually waits for what other processes do.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func TestLoggingWritesEventsIntoAFileThatIsRotated(t *testing.T) {
	t.Parallel()
	s := serve(t, "logging", ratchet.PluginRequest{Config: json.RawMessage(`{"maxSize": 2000, "keep": 2}`)})
	const jobs = 12
	for i := range jobs {
		run(s, "add", fmt.Sprintf(`{"a": %d, "b": 1}`, i))
	}
	last := run(s, "fail", `{}`)
	file := filepath.Join(s.Dir, "plugins", "logging.data", "events.jsonl")
	var ends []ratchet.Event
	eventually(t, "the last job's end is in the file", func() bool {
		ends = nil
		for _, name := range []string{file + ".2", file + ".1", file} {
			ends = append(ends, events(t, name)...)
		}
		return len(ends) > 0 && ends[len(ends)-1].Job == last.ID && ends[len(ends)-1].State == ratchet.JobFailed
	})
	if e := ends[len(ends)-1].Error; e == nil || e.Message != "Error: no <stock>" {
		t.Errorf("got %+v, want what the task threw", e)
	}
	for _, name := range []string{file, file + ".1", file + ".2"} {
		if info, err := os.Stat(name); err != nil || info.Size() > 2000 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if _, err := os.Stat(file + ".3"); !os.IsNotExist(err) {
		t.Errorf("got %v, want two old files and no more", err)
	}
	for i := 1; i < len(ends); i++ {
		if ends[i].ID <= ends[i-1].ID {
			t.Errorf("event %s comes after %s", ends[i].ID, ends[i-1].ID)
		}
	}
}

// events are those in a file, each a line.
func events(t *testing.T, name string) (all []ratchet.Event) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var e ratchet.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%s: %q: %v", name, lines.Text(), err)
		}
		all = append(all, e)
	}
	return all
}

func TestMetricsServesNumbersToPrometheus(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "metrics", ratchet.PluginRequest{Config: json.RawMessage(fmt.Sprintf(`{"address": %q}`, address))})
	for range 3 {
		run(s, "add", `{"a": 1, "b": 1}`)
	}
	run(s, "fail", `{}`)
	want := []string{
		`ratchet_plugin_jobs_total{task="add",state="completed"} 3`, `ratchet_plugin_jobs_total{task="fail",state="failed"} 1`,
		`ratchet_plugin_attempts_total{task="add",state="completed"} 3`, `ratchet_plugin_attempt_duration_seconds_count{task="add"} 3`,
		`# TYPE ratchet_plugin_attempt_duration_seconds histogram`,
	}
	var text string
	eventually(t, "every number is there", func() bool {
		resp, err := http.Get("http://" + address + "/metrics")
		if err != nil {
			t.Fatalf("read the metrics: %v", err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		text = string(body)
		for _, line := range want {
			if !strings.Contains(text, line+"\n") {
				return false
			}
		}
		return true
	})
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := http.Get("http://" + address + "/metrics"); err == nil {
		t.Error("the plugin outlived its server")
	}
}

func TestNotificationTellsSlackOfJobsThatFailed(t *testing.T) {
	t.Parallel()
	got := make(chan string, 10)
	refusals := 1 // Slack has a bad moment first
	slack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if refusals > 0 {
			refusals--
			http.Error(w, "rate_limited", http.StatusTooManyRequests)
			return
		}
		got <- r.URL.Path + " " + string(body)
	}))
	t.Cleanup(slack.Close)
	s := serve(t, "notification", ratchet.PluginRequest{Config: json.RawMessage(fmt.Sprintf(`{"url": "%s/services/T0/B0/x", "channel": "#ops"}`, slack.URL))})
	run(s, "add", `{"a": 1, "b": 1}`)
	failed := run(s, "fail", `{}`)
	var message string
	select {
	case message = <-got:
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was sent")
	}
	for _, part := range []string{"/services/T0/B0/x ", `"channel":"#ops"`, `"text":"fail failed: Error: no \u0026lt;stock\u0026gt;"`, failed.ID.String(), "EXECUTION_FAILED", `"blocks":[`} {
		if !strings.Contains(message, part) {
			t.Errorf("got %s, want %s in it", message, part)
		}
	}
	if len(got) > 0 {
		t.Errorf("got %s besides", <-got)
	}

	// The webhook is a secret: nobody gets it back.
	p, err := s.Service().GetPlugin.Call(s.Context(), service.PluginRef{Plugin: "notification"})
	if err != nil || strings.Contains(string(p.Config), "services") || !strings.Contains(string(p.Config), "#ops") {
		t.Errorf("got %s, %v", p.Config, err)
	}
}

func TestMaskingIsAPluginInJavaScript(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatal("Node is needed: the SDK in JavaScript is tested with it")
	}
	dir := t.TempDir()
	copyAll(t, "masking", filepath.Join(dir, "masking"))
	copyAll(t, "../../sdk/javascript", filepath.Join(dir, "masking", "node_modules", "ratchet-plugin"))
	s := ratchettest.Start(t, ratchettest.WithPlugins(dir))
	s.Enable("masking", ratchet.PluginRequest{Config: json.RawMessage(`{"mask": "[address]", "exempt": ["mail"]}`)})
	s.Register("echo", `(i) => i`)
	s.Register("mail", `(i) => i`)
	metadata := `{"name": "ask", "version": "1.0.0", "permissions": {"plugins": ["masking"]}}`
	archive := ratchettest.Zip(t, "ask", map[string]string{"metadata.json": metadata, "main.js": `async () => await ratchet.plugins.masking.mask("to ada@example.com")`})
	if _, err := s.Service().RegisterTask.Call(s.Context(), service.RegisterTask{Archive: archive}); err != nil {
		t.Fatal(err)
	}
	input := `{"note":"ask Ada <ada@example.com>","all":["a.b+c@x-y.example.org",7]}`
	if j := run(s, "echo", input); string(j.Output) != `{"note":"ask Ada <[address]>","all":["[address]",7]}` || strings.Contains(string(j.Input), "@") {
		t.Errorf("got %s of %s", j.Output, j.Input)
	}
	if j := run(s, "mail", input); string(j.Output) != input {
		t.Errorf("exempt: got %s", j.Output)
	}
	if j := run(s, "ask", `{}`); string(j.Output) != `"to [address]"` {
		t.Errorf("from a task: got %s, %+v", j.Output, j.Error)
	}
}

// copyAll copies the files of a folder.
func copyAll(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

func TestLoggingHasTheLastEventWhenTheServerHasStopped(t *testing.T) {
	t.Parallel()
	s := serve(t, "logging", ratchet.PluginRequest{})
	var last *ratchet.Job
	for range 20 {
		last = run(s, "add", `{"a": 1, "b": 1}`)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	all := events(t, filepath.Join(s.Dir, "plugins", "logging.data", "events.jsonl"))
	if len(all) == 0 || all[len(all)-1].Job != last.ID || all[len(all)-1].State != ratchet.JobCompleted {
		t.Errorf("got %d events, the last %+v, want that %s is completed", len(all), all[max(0, len(all)-1):], last.ID)
	}
}
