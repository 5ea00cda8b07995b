package delivery_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/delivery"
	"github.com/ratchet-runner/ratchet-go/internal/destination"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/secret"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A rig is a Runner with a real store, a real client that may ask loopback, and
// whatever the test wants beside.
type rig struct {
	*sqlstore.Store
	runner *delivery.Runner
	task   *ratchet.Task
	box    *secret.Box
	env    map[string]string
	root   string
	out    *safeBuffer

	ends chan ratchet.DeliveryEnd // every end as it was written
	stop func()
}

// A watched store tells of the ends that it wrote.
type watched struct {
	*sqlstore.Store
	ends chan ratchet.DeliveryEnd
}

func (w watched) EndDeliveries(ctx context.Context, ends []ratchet.DeliveryEnd) error {
	err := w.Store.EndDeliveries(ctx, ends)
	if err == nil {
		for _, e := range ends {
			w.ends <- e
		}
	}
	return err
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// Open decrypts.
func (r *rig) Open(sealed, context []byte) ([]byte, error) { return r.box.Open(sealed, context) }

// Env is the environment of all tasks.
func (r *rig) Env(_ context.Context, task ratchet.TaskID, name string) (string, bool, error) {
	if task.IsZero() {
		name = "SERVER_" + name
	}
	v, found := r.env[name]
	return v, found, nil
}

type settings struct {
	egress  egress.Config
	config  delivery.Config
	plugins delivery.Plugin
}

// newRig builds a rig and starts it.
func newRig(t *testing.T, change ...func(*settings)) *rig {
	t.Helper()
	r := &rig{env: map[string]string{}, root: t.TempDir() + "/deliveries", out: &safeBuffer{}, ends: make(chan ratchet.DeliveryEnd, 100_000)}
	r.Store = storetest.Open(t, sqlstore.Config{URL: storetest.SQLite(t), OnDelivery: func() { r.runner.Wake() }})
	key := secret.NewKey()
	var err error
	if r.box, err = secret.New(key); err != nil {
		t.Fatal(err)
	}
	s := settings{
		egress: egress.Config{AllowCIDR: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		config: delivery.Config{Root: r.root, Environment: "test", Stdout: r.out, Stderr: r.out, SoftStop: 200 * time.Millisecond},
	}
	for _, c := range change {
		c(&s)
	}
	client, err := egress.New(s.egress)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	r.runner = delivery.New(watched{r.Store, r.ends}, client, r, s.plugins, s.config)
	r.task = storetest.Task(t, r.Store, "report")
	r.start(t)
	return r
}

// start runs the runner until stop is called, or the test ends.
func (r *rig) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.runner.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the runner ended with %v", err)
		}
	})
	t.Cleanup(r.stop)
}

// finish has a job completed with destinations, their secrets sealed.
func (r *rig) finish(t *testing.T, to ...ratchet.Destination) *ratchet.Job {
	t.Helper()
	for i, wrong := range [][]ratchet.Detail{destination.CheckAll(to, destination.Where{})} {
		if len(wrong) > 0 {
			t.Fatalf("destination %d: %+v", i, wrong)
		}
	}
	sealed, err := destination.Seal(destination.Prepare(to), r.box)
	if err != nil {
		t.Fatal(err)
	}
	j := storetest.Submit(t, r.Store, storetest.NewJob(r.task, func(j *ratchet.Job) { j.Destinations = sealed }))
	c := storetest.Claim(t, r.Store, j.ID, 1)
	done, err := r.Finish(t.Context(), c.Lease, storetest.Ended(c, `{"sum": 3, "rows": [{"a": 1}]}`, nil))
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// end waits for the next attempt that was written.
func (r *rig) end(t *testing.T) ratchet.DeliveryEnd {
	t.Helper()
	select {
	case e := <-r.ends:
		return e
	case <-time.After(20 * time.Second):
		t.Fatal("no attempt ended within 20 s")
		return ratchet.DeliveryEnd{}
	}
}

// deliver finishes a job with one destination and waits for its first attempt.
func (r *rig) deliver(t *testing.T, to ratchet.Destination) ratchet.DeliveryEnd {
	t.Helper()
	r.finish(t, to)
	return r.end(t)
}

// A request is what a receiver got.
type request struct {
	method, path string
	header       http.Header
	body         string
}

// receiver is a server on loopback; answer may be nil.
func receiver(t *testing.T, answer http.HandlerFunc) (url string, got chan request) {
	t.Helper()
	got = make(chan request, 100_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return
		}
		got <- request{q.Method, q.URL.RequestURI(), q.Header, string(body)}
		if answer != nil {
			answer(w, q)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func hook(url string, change ...func(*ratchet.Destination)) ratchet.Destination {
	d := ratchet.Destination{Type: ratchet.DestinationWebhook, URL: url}
	for _, c := range change {
		c(&d)
	}
	return d
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func says(e *ratchet.Error, text string) bool { return e != nil && strings.Contains(e.Message, text) }
