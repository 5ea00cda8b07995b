package client_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ratchet-runner/ratchet-go/client"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/daemon"
	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
)

func TestMain(m *testing.M) { ratchettest.Main(m) }

// greet logs a line and greets, or does what its input says instead.
const greet = `export default async ({ name, fail, wait }) => {
  console.log("greeting " + name);
  if (fail) throw new Error(fail);
  if (wait) await new Promise((done) => setTimeout(done, wait));
  return { greeting: "hello " + name };
}`

// greetZip is the task as a zip, of the version.
func greetZip(t testing.TB, version string) []byte {
	return ratchettest.Zip(t, "greet", map[string]string{
		"metadata.json":     `{"name": "greet", "version": "` + version + `", "permissions": {"env": ["TOKEN"]}, "retry": {"maxAttempts": 1}}`,
		"input.schema.json": `{"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}`,
		"main.js":           greet,
	})
}

// newServer starts a server that has the task greet.
func newServer(t testing.TB, options ...ratchettest.Option) (*ratchettest.Server, *client.Client) {
	t.Helper()
	s := ratchettest.Start(t, options...)
	c := newClient(t, s.URL, client.Options{})
	if _, err := c.RegisterTask(t.Context(), greetZip(t, "1.0.0"), false); err != nil {
		t.Fatal(err)
	}
	return s, c
}

func newClient(t testing.TB, url string, o client.Options) *client.Client {
	t.Helper()
	c, err := client.New(url, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A transport passes requests on, unless refuse answers them.
type transport struct {
	refuse func(*http.Request) *http.Response // nil: passes it on

	mu   sync.Mutex
	done []exchange
}

type exchange struct {
	method, path string
	status       int
}

func (tr *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var resp *http.Response
	if tr.refuse != nil {
		resp = tr.refuse(r)
	}
	if resp == nil {
		var err error
		if resp, err = http.DefaultTransport.RoundTrip(r); err != nil {
			return nil, err
		}
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.done = append(tr.done, exchange{r.Method, r.URL.EscapedPath(), resp.StatusCode})
	return resp, nil
}

func (tr *transport) exchanges() []exchange {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return append([]exchange(nil), tr.done...)
}

// serve starts a server for an example: what a test would do with a *testing.T.
func serve() (url string, stop func()) {
	dir, err := os.MkdirTemp("", "ratchet-example-")
	if err != nil {
		panic(err)
	}
	c := config.Default()
	c.Server.Port, c.Data.Dir = 0, dir
	ctx, cancel := context.WithCancel(context.Background())
	d, err := daemon.New(ctx, c, daemon.Options{Worker: ratchettest.Command()})
	if err != nil {
		panic(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	<-d.Ready()
	cl, err := client.New(d.URL(), client.Options{})
	if err == nil {
		_, err = cl.RegisterTask(ctx, addition(), false)
	}
	if err != nil {
		panic(err)
	}
	return d.URL(), func() {
		cancel()
		err := <-ended
		if err = firstOf(err, os.RemoveAll(dir)); err != nil {
			panic(err)
		}
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// matches reports whether a path is of a pattern with {parameters}.
func matches(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] != got[i] && !strings.HasPrefix(want[i], "{") {
			return false
		}
	}
	return true
}

func examples(parts ...string) string {
	return filepath.Join(append([]string{"..", "examples"}, parts...)...)
}
