package httpcache_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/httpcache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is a server, a cache before it, and a clock.
type world struct {
	*testing.T
	cache *httpcache.Cache
	url   string
	asked atomic.Int64
	later atomic.Int64 // how far the clock was put forward
	down  atomic.Bool  // the server cannot be reached
	seen  chan http.Header
}

func newWorld(t *testing.T, c httpcache.Config, serve http.HandlerFunc) *world {
	t.Helper()
	w := &world{T: t, seen: make(chan http.Header, 100)}
	c.Now = func() time.Time { return time.Now().Add(time.Duration(w.later.Load())) }
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.asked.Add(1)
		w.seen <- r.Header.Clone()
		rw.Header().Set("Date", c.Now().UTC().Format(http.TimeFormat))
		serve(rw, r)
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
	var err error
	if w.cache, err = httpcache.New(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.cache.Close)
	return w
}

// do asks as one hop of a task's request does.
func (w *world) do(r httpcache.Request) (*httpcache.Response, error) {
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	if !strings.HasPrefix(r.URL, "http") {
		r.URL = w.url + r.URL
	}
	if r.Header == nil {
		r.Header = http.Header{}
	}
	if r.Task == "" {
		r.Task, r.Version = "prices", "v1"
	}
	r.MaxBody = max(r.MaxBody, 1<<20)
	return w.cache.Do(w.Context(), r, func(ctx context.Context, h http.Header, _ bool) (*httpcache.Response, error) {
		if w.down.Load() {
			return nil, &httpcache.Unreached{Err: errDown}
		}
		req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, nil)
		if err != nil {
			return nil, err
		}
		req.Header = h
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return &httpcache.Response{Status: res.StatusCode, Header: res.Header, Body: body}, err
	})
}

var errDown = errors.New("down")

// A step is a request, and what must come of it.
type step struct {
	after   time.Duration // since the one before
	request httpcache.Request
	down    bool

	status int // 0: 200; -1: an error
	body   string
	cached bool
	asked  int64 // how often the server was asked so far
}

func (w *world) walk(steps ...step) {
	w.Helper()
	for i, s := range steps {
		w.later.Add(int64(s.after))
		w.down.Store(s.down)
		res, err := w.do(s.request)
		if err != nil || s.status == -1 {
			if s.status != -1 || err == nil {
				w.Fatalf("step %d: got %v, %v", i+1, res, err)
			}
			if n := w.asked.Load(); n != s.asked {
				w.Fatalf("step %d: the server was asked %d times, want %d", i+1, n, s.asked)
			}
			continue
		}
		status := max(s.status, 200)
		if n := w.asked.Load(); res.Status != status || string(res.Body) != s.body || res.Cached != s.cached || n != s.asked {
			w.Fatalf("step %d: got %d %q, cached %t, after %d requests; want %d %q, %t, %d", i+1, res.Status, res.Body, res.Cached, n, status, s.body, s.cached, s.asked)
		}
	}
}

// counting answers with a number and the headers, in pairs.
func counting(pairs ...string) func() http.HandlerFunc {
	return func() http.HandlerFunc {
		var n atomic.Int64
		return func(w http.ResponseWriter, r *http.Request) {
			count := n.Add(1)
			for i := 0; i < len(pairs); i += 2 {
				w.Header().Add(pairs[i], strings.ReplaceAll(pairs[i+1], "{{later}}", time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)))
			}
			if r.Header.Get("If-None-Match") != "" && r.Header.Get("If-None-Match") == w.Header().Get("Etag") ||
				r.Header.Get("If-Modified-Since") != "" && w.Header().Get("Etag") == "" {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			_, _ = fmt.Fprint(w, count)
		}
	}
}

func get(pairs ...string) httpcache.Request {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return httpcache.Request{Header: h}
}

func with(mode httpcache.Mode) httpcache.Request { return httpcache.Request{Mode: mode} }

const tag = `"one"`

func TestResponsesAreKeptAsTheRFCSays(t *testing.T) {
	t.Parallel()
	const minute = time.Minute
	for _, c := range []struct {
		name  string
		serve func() http.HandlerFunc
		steps []step
	}{
		{"fresh for max-age, then asked for again", counting("Cache-Control", "max-age=60"), []step{
			{body: "1", asked: 1}, {after: 59 * time.Second, body: "1", cached: true, asked: 1}, {after: 2 * time.Second, body: "2", asked: 2},
		}},
		{"max-age comes before Expires", counting("Cache-Control", "max-age=60", "Expires", "Thu, 01 Jan 1970 00:00:00 GMT"), []step{{body: "1", asked: 1}, {body: "1", cached: true, asked: 1}}},
		{"s-maxage is for shared caches", counting("Cache-Control", "s-maxage=60"), []step{{body: "1", asked: 1}, {body: "2", asked: 2}}},
		{"Expires", counting("Expires", "{{later}}"), []step{{body: "1", asked: 1}, {body: "1", cached: true, asked: 1}, {after: 2 * minute, body: "2", asked: 2}}},
		{"an Expires that is no date is over", counting("Expires", "0"), []step{{body: "1", asked: 1}, {body: "2", asked: 2}}},
		{"a max-age that is no number is over", counting("Cache-Control", "max-age=1h"), []step{{body: "1", asked: 1}, {body: "2", asked: 2}}},
		{"of two max-ages the shorter", counting("Cache-Control", "max-age=600", "Cache-Control", "max-age=1"), []step{{body: "1", asked: 1}, {after: minute, body: "2", asked: 2}}},
		{"a directive in a quoted string is none", counting("Cache-Control", `community="a, no-store", max-age=60`), []step{{body: "1", asked: 1}, {body: "1", cached: true, asked: 1}}},
		{"names in any case", counting("Cache-Control", `MAX-AGE="60"`), []step{{body: "1", asked: 1}, {body: "1", cached: true, asked: 1}}},
		{"Age counts", counting("Cache-Control", "max-age=60", "Age", "50"), []step{{body: "1", asked: 1}, {after: 9 * time.Second, body: "1", cached: true, asked: 1}, {after: 2 * time.Second, body: "2", asked: 2}}},
		{"nothing is guessed without an explicit time", counting("Last-Modified", "Thu, 01 Jan 1970 00:00:00 GMT"), []step{{body: "1", asked: 1}, {body: "1", cached: true, asked: 2}}},
		{"nothing is kept that says nothing", counting(), []step{{body: "1", asked: 1}, {body: "2", asked: 2}}},
		{"no-store", counting("Cache-Control", "no-store, max-age=60", "Etag", tag), []step{{body: "1", asked: 1}, {body: "2", asked: 2}}},
		{"private is fine", counting("Cache-Control", "private, max-age=60"), []step{{body: "1", asked: 1}, {body: "1", cached: true, asked: 1}}},
		{"no-cache is kept and asked about", counting("Cache-Control", "no-cache, max-age=60", "Etag", tag), []step{{body: "1", asked: 1}, {body: "1", cached: true, asked: 2}}},
		{"a tag", counting("Cache-Control", "max-age=1", "Etag", tag), []step{{body: "1", asked: 1}, {after: minute, body: "1", cached: true, asked: 2}, {body: "1", cached: true, asked: 2}}},
		{"Vary: *", counting("Cache-Control", "max-age=60", "Vary", "*"), []step{{body: "1", asked: 1}, {body: "2", asked: 2}}},
		{"Vary", counting("Cache-Control", "max-age=60", "Vary", "Accept-Language, X-Other"), []step{
			{request: get("Accept-Language", "de"), body: "1", asked: 1},
			{request: get("Accept-Language", "en"), body: "2", asked: 2},
			{request: get("Accept-Language", " de"), body: "1", cached: true, asked: 2},
			{request: get("Accept-Language", "en"), body: "2", cached: true, asked: 2},
			{request: get(), body: "3", asked: 3},
		}},
		{"who asks counts, whether Vary says so or not", counting("Cache-Control", "max-age=60"), []step{
			{request: get("Authorization", "Bearer a"), body: "1", asked: 1},
			{request: get("Authorization", "Bearer b"), body: "2", asked: 2},
			{request: get("X-Api-Key", "c"), body: "3", asked: 3},
			{request: get("Cookie", "id=d"), body: "4", asked: 4},
			{body: "5", asked: 5},
			{request: get("Authorization", "Bearer a"), body: "1", cached: true, asked: 5},
			{body: "5", cached: true, asked: 5},
		}},
		{"request no-store", counting("Cache-Control", "max-age=60"), []step{{request: get("Cache-Control", "no-store"), body: "1", asked: 1}, {body: "2", asked: 2}}},
		{"request no-cache", counting("Cache-Control", "max-age=60", "Etag", tag), []step{{body: "1", asked: 1}, {request: get("Cache-Control", "no-cache"), body: "1", cached: true, asked: 2}, {request: get("Pragma", "no-cache"), body: "1", cached: true, asked: 3}}},
		{"request max-age", counting("Cache-Control", "max-age=60"), []step{{body: "1", asked: 1}, {after: 10 * time.Second, request: get("Cache-Control", "max-age=20"), body: "1", cached: true, asked: 1}, {request: get("Cache-Control", "max-age=5"), body: "2", asked: 2}}},
		{"request min-fresh", counting("Cache-Control", "max-age=60"), []step{{body: "1", asked: 1}, {request: get("Cache-Control", "min-fresh=50"), body: "1", cached: true, asked: 1}, {request: get("Cache-Control", "min-fresh=70"), body: "2", asked: 2}}},
		{"request max-stale", counting("Cache-Control", "max-age=60", "Etag", `"x"`), []step{
			{body: "1", asked: 1},
			{after: 90 * time.Second, request: get("Cache-Control", "max-stale=60"), body: "1", cached: true, asked: 1},
			{request: get("Cache-Control", "max-stale"), body: "1", cached: true, asked: 1},
			{request: get("Cache-Control", "max-stale=10"), body: "1", cached: true, asked: 2},
		}},
		{"must-revalidate is not served stale", counting("Cache-Control", "max-age=60, must-revalidate, stale-if-error=600", "Etag", tag), []step{
			{body: "1", asked: 1},
			{after: 2 * minute, request: get("Cache-Control", "max-stale"), body: "1", cached: true, asked: 2},
			{after: 2 * minute, down: true, status: -1, asked: 2},
		}},
		{"request only-if-cached", counting("Cache-Control", "max-age=60"), []step{{request: get("Cache-Control", "only-if-cached"), status: 504, asked: 0}, {body: "1", asked: 1}, {request: get("Cache-Control", "only-if-cached"), body: "1", cached: true, asked: 1}}},
		{"a part is neither asked of the cache nor kept", counting("Cache-Control", "max-age=60"), []step{{request: get("Range", "bytes=0-0"), body: "1", asked: 1}, {body: "2", asked: 2}, {request: get("Range", "bytes=0-0"), body: "3", asked: 3}}},
		{"own conditions", counting("Cache-Control", "max-age=60", "Etag", tag), []step{{body: "1", asked: 1}, {request: get("If-None-Match", tag), status: 304, asked: 2}}},
		{"stale-if-error, of the response", counting("Cache-Control", "max-age=60, stale-if-error=600"), []step{
			{body: "1", asked: 1}, {after: 2 * minute, down: true, body: "1", cached: true, asked: 1}, {after: 10 * minute, down: true, status: -1, asked: 1},
		}},
		{"stale-if-error, of the request", counting("Cache-Control", "max-age=60", "Etag", tag), []step{
			{body: "1", asked: 1}, {after: 2 * minute, down: true, request: get("Cache-Control", "stale-if-error=600"), body: "1", cached: true, asked: 1}, {down: true, status: -1, asked: 1},
		}},
		{"HEAD is answered by a response to GET", counting("Cache-Control", "max-age=60"), []step{{body: "1", asked: 1}, {request: httpcache.Request{Method: http.MethodHead}, cached: true, asked: 1}}},
		{"GET is not answered by a response to HEAD", counting("Cache-Control", "max-age=60"), []step{{request: httpcache.Request{Method: http.MethodHead}, asked: 1}, {request: httpcache.Request{Method: http.MethodHead}, cached: true, asked: 1}, {body: "2", asked: 2}}},
		{"mode no-store", counting("Cache-Control", "max-age=60"), []step{{request: with(httpcache.ModeNoStore), body: "1", asked: 1}, {body: "2", asked: 2}, {request: with(httpcache.ModeNoStore), body: "3", asked: 3}, {body: "2", cached: true, asked: 3}}},
		{"mode reload", counting("Cache-Control", "max-age=60"), []step{{body: "1", asked: 1}, {request: with(httpcache.ModeReload), body: "2", asked: 2}, {body: "2", cached: true, asked: 2}}},
		{"mode no-cache", counting("Cache-Control", "max-age=60", "Etag", tag), []step{{body: "1", asked: 1}, {request: with(httpcache.ModeNoCache), body: "1", cached: true, asked: 2}}},
		{"mode force-cache", counting("Etag", tag), []step{{request: with(httpcache.ModeForceCache), body: "1", asked: 1}, {after: time.Hour, request: with(httpcache.ModeForceCache), body: "1", cached: true, asked: 1}}},
		{"mode only-if-cached", counting("Etag", tag), []step{{request: with(httpcache.ModeOnlyIfCached), status: -1}, {body: "1", asked: 1}, {after: time.Hour, request: with(httpcache.ModeOnlyIfCached), body: "1", cached: true, asked: 1}}},
		{"tasks are told nothing of each other", counting("Cache-Control", "max-age=60"), []step{
			{request: httpcache.Request{Task: "a", Version: "v1"}, body: "1", asked: 1},
			{request: httpcache.Request{Task: "b", Version: "v1"}, body: "2", asked: 2},
			{request: httpcache.Request{Task: "a", Version: "v2"}, body: "3", asked: 3},
			{request: httpcache.Request{Task: "a", Version: "v1"}, body: "1", cached: true, asked: 3},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			newWorld(t, httpcache.Config{}, c.serve()).walk(c.steps...)
		})
	}
}

func TestAnAnswerFromTheCacheSaysHowOldItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, httpcache.Config{}, counting("Cache-Control", "max-age=60", "Connection", "X-Hop", "X-Hop", "1")())
	w.walk(step{body: "1", asked: 1})
	w.later.Add(int64(30 * time.Second))
	res, err := w.do(httpcache.Request{})
	if err != nil || res.Header.Get("Age") < "29" || res.Header.Get("Age") > "31" {
		t.Errorf("got Age %q, %v", res.Header.Get("Age"), err)
	}
	if res.Header.Get("X-Hop") != "" {
		t.Error("what is about one connection was kept")
	}
}

func TestA304RenewsWhatIsKept(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	w := newWorld(t, httpcache.Config{}, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Answer", fmt.Sprint(n.Add(1)))
		switch {
		case n.Load() == 4: // it is about another one
			h.Set("Etag", `"three"`)
			w.WriteHeader(http.StatusNotModified)
			return
		case strings.HasSuffix(r.Header.Get("If-None-Match"), tag):
			h.Set("Cache-Control", "max-age=3600")
			h.Set("Etag", "W/"+tag)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Cache-Control", "max-age=60")
		h.Set("Etag", tag)
		h.Set("Content-Type", "text/x")
		_, _ = fmt.Fprint(w, n.Load())
	})
	w.walk(step{body: "1", asked: 1}, step{after: 2 * time.Minute, body: "1", cached: true, asked: 2}, step{after: 30 * time.Minute, body: "1", cached: true, asked: 2})
	res, err := w.do(httpcache.Request{})
	if err != nil || res.Header.Get("X-Answer") != "2" || res.Header.Get("Content-Type") != "text/x" || res.Status != http.StatusOK {
		t.Fatalf("got %+v, %v", res, err)
	}
	w.walk(step{after: time.Hour, body: "1", cached: true, asked: 3}, step{after: 2 * time.Hour, body: "5", asked: 5})
	if h := <-w.seen; h.Get("If-None-Match") != "" {
		t.Error("the first request had a condition")
	}
}

func TestWhatMayHaveChangedIsForgotten(t *testing.T) {
	t.Parallel()
	post := func(path string) httpcache.Request { return httpcache.Request{Method: http.MethodPost, URL: path} }
	var n atomic.Int64
	w := newWorld(t, httpcache.Config{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		if r.Method != http.MethodGet {
			switch r.URL.Path {
			case "/fails":
				w.WriteHeader(http.StatusConflict)
			case "/new":
				w.Header().Set("Location", "/a")
				w.WriteHeader(http.StatusCreated)
			case "/other":
				w.Header().Set("Location", "http://other.example/a")
				w.WriteHeader(http.StatusCreated)
			}
			return
		}
		_, _ = fmt.Fprint(w, n.Add(1))
	})
	a := httpcache.Request{URL: "/a"}
	w.walk(
		step{request: a, body: "1", asked: 1}, step{request: post("/b"), asked: 2}, step{request: a, body: "1", cached: true, asked: 2},
		step{request: post("/a"), asked: 3}, step{request: a, body: "2", asked: 4},
		step{request: post("/new"), status: 201, asked: 5}, step{request: a, body: "3", asked: 6},
		step{request: post("/fails"), status: 409, asked: 7}, step{request: post("/other"), status: 201, asked: 8},
		step{request: httpcache.Request{Method: http.MethodOptions, URL: "/a"}, asked: 9}, step{request: a, body: "3", cached: true, asked: 9},
	)
	w.cache.Purge("prices")
	w.walk(step{request: a, body: "4", asked: 10})
	w.cache.Purge("another")
	w.walk(step{request: a, body: "4", cached: true, asked: 10})
}

func TestAResponseThatWasOnItsWayWhenItsTaskWasPurgedIsNotKept(t *testing.T) {
	t.Parallel()
	var w *world
	w = newWorld(t, httpcache.Config{}, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Cache-Control", "max-age=600")
		if w.asked.Load() == 1 {
			w.cache.Purge("prices")
		}
	})
	w.walk(step{asked: 1}, step{asked: 2}, step{cached: true, asked: 2})
}

func TestErrorsDoNotReplaceWhatIsKept(t *testing.T) {
	t.Parallel()
	status := atomic.Int64{}
	status.Store(200)
	w := newWorld(t, httpcache.Config{}, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Cache-Control", "max-age=60, stale-if-error=600")
		rw.WriteHeader(int(status.Load()))
		_, _ = fmt.Fprint(rw, status.Load())
	})
	w.walk(step{body: "200", asked: 1})
	status.Store(503)
	w.walk(step{after: 2 * time.Minute, body: "200", cached: true, asked: 2}, step{after: time.Hour, status: 503, body: "503", asked: 3})
	status.Store(404)
	w.walk(step{status: 404, body: "404", asked: 4}, step{status: 404, body: "404", cached: true, asked: 4})
}

func TestAStaleResponseIsUsedWhileItIsAskedForAnew(t *testing.T) {
	t.Parallel()
	hold, held := make(chan struct{}), make(chan struct{}, 10)
	var n atomic.Int64
	w := newWorld(t, httpcache.Config{Background: 1}, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Cache-Control", "max-age=60, stale-while-revalidate=600")
		if n.Add(1) == 3 {
			held <- struct{}{}
			<-hold
		}
		_, _ = fmt.Fprint(rw, n.Load())
	})
	other := httpcache.Request{URL: "/other"}
	w.walk(step{body: "1", asked: 1}, step{request: other, body: "2", asked: 2})
	w.later.Add(int64(2 * time.Minute))
	for range 10 { // and asks for it once
		if res, err := w.do(httpcache.Request{}); err != nil || string(res.Body) != "1" {
			t.Fatalf("got %v, %v", res, err)
		}
	}
	<-held
	// No more than so many at once: whoever comes then waits for the new one.
	if res, err := w.do(other); err != nil || string(res.Body) != "4" {
		t.Fatalf("got %v, %v", res, err)
	}
	close(hold)
	for { // until the new one is there
		if res, err := w.do(httpcache.Request{}); err != nil || string(res.Body) == "4" && !res.Cached {
			t.Fatalf("got %v, %v", res, err)
		} else if string(res.Body) != "1" {
			break
		}
	}
	if n := w.asked.Load(); n != 4 {
		t.Errorf("the server was asked %d times, want 4", n)
	}
}

func TestCloseEndsWhatIsAskedForInTheBackground(t *testing.T) {
	t.Parallel()
	began := make(chan struct{})
	c, err := httpcache.New(t.Context(), httpcache.Config{})
	if err != nil {
		t.Fatal(err)
	}
	r := httpcache.Request{Task: "a", Method: http.MethodGet, URL: "http://a.example/", MaxBody: 100}
	stale := http.Header{"Cache-Control": {"stale-while-revalidate=600"}}
	for range 2 {
		_, err = c.Do(t.Context(), r, func(ctx context.Context, _ http.Header, behind bool) (*httpcache.Response, error) {
			if behind {
				close(began)
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return &httpcache.Response{Status: 200, Header: stale}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	<-began
	c.Close()
}

func TestWhatIsTooLargeIsNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, httpcache.Config{Size: 400 * ratchet.KB, MaxBody: 10 * ratchet.KB}, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Cache-Control", "max-age=60")
		rw.Header().Set("Vary", "X-N")
		n := 9000
		if r.URL.Path == "/large" {
			n = 11000
		}
		_, _ = rw.Write(make([]byte, n))
	})
	for i, cached := range []bool{false, true} {
		if res, err := w.do(httpcache.Request{}); err != nil || res.Cached != cached {
			t.Errorf("%d: got %t, %v", i, res.Cached, err)
		}
		if res, err := w.do(httpcache.Request{URL: "/large"}); err != nil || res.Cached {
			t.Errorf("%d: a large one: got %t, %v", i, res.Cached, err)
		}
	}
	// One that may not be taken whole is no answer.
	if res, err := w.cache.Do(t.Context(), httpcache.Request{Task: "prices", Version: "v1", Method: "GET", URL: w.url, MaxBody: 10}, func(context.Context, http.Header, bool) (*httpcache.Response, error) {
		return nil, errDown
	}); !errors.Is(err, errDown) {
		t.Errorf("got %v, %v", res, err)
	}
	// Nor does a URL with many answers take it all.
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() { _, _ = w.do(get("X-N", fmt.Sprint(i))) })
		all.Go(func() { _, _ = w.do(httpcache.Request{URL: fmt.Sprintf("/%d", i)}) })
		if i%10 == 9 {
			all.Wait()
			for len(w.seen) > 0 {
				<-w.seen
			}
		}
	}
	all.Wait()
	if d := w.cache.Describe(); d.Size > d.MaxSize || d.Entries == 0 || d.Name != "responses" {
		t.Errorf("got %+v", d)
	}
}
