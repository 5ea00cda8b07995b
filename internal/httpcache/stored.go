package httpcache

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/redact"
)

// An entry is all that is kept for a URL in a task's part of the cache. It is not
// changed, but replaced.
type entry struct {
	task     string
	variants []*stored // the last one kept first
}

// mostVariants bounds the responses that are kept for a URL.
const mostVariants = 32

// A stored is a response that is kept, and what a request must have in common with
// the one that it answered. It is not changed, but replaced.
type stored struct {
	version  string
	method   string
	needs    map[string]string // values of headers of the request, by canonical name
	asked    time.Time
	received time.Time

	status     int
	statusText string
	proto      string
	header     http.Header
	control    directives // of the header
	body       []byte
}

// matches reports whether the response answers such a request. A response to GET
// answers HEAD too.
func (s *stored) matches(r *Request) bool {
	if s.version != r.Version || s.method != r.Method && r.Method != http.MethodHead {
		return false
	}
	for name, value := range s.needs {
		if selecting(r.Header, name) != value {
			return false
		}
	}
	for name := range r.Header {
		if _, known := s.needs[name]; !known && identifying(name) {
			return false // it had no such credentials
		}
	}
	return true
}

// selection is what another request must have in common with r to be given the
// response (4.1): what Vary names, and, because servers forget to say so, whatever
// shows who is asking. ok is false if no other request can have it.
func selection(r *Request, h http.Header) (values map[string]string, ok bool) {
	values = map[string]string{}
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if name == "*" {
				return nil, false
			}
			if name != "" {
				values[name] = selecting(r.Header, name)
			}
		}
	}
	for name := range r.Header {
		if identifying(name) {
			values[name] = selecting(r.Header, name)
		}
	}
	return values, true
}

func selecting(h http.Header, name string) string {
	values := slices.Clone(h[name])
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	return strings.Join(values, ", ")
}

// keepable is the response as it is kept; nil if it may not be (section 3), or
// would never be of use.
func (c *Cache) keepable(r *Request, res *Response, asked, received time.Time) *stored {
	control := parse(res.Header)
	if res.Partial || res.Status < 200 || res.Status == http.StatusPartialContent || res.Status == http.StatusNotModified ||
		res.Status >= 500 || control.has("no-store") || int64(len(res.Body)) > int64(c.config.MaxBody) {
		return nil
	}
	values, ok := selection(r, res.Header)
	if !ok {
		return nil
	}
	s := &stored{
		version: r.Version, method: r.Method, needs: values, asked: asked, received: received,
		status: res.Status, statusText: res.StatusText, proto: res.Proto, header: storable(res.Header), control: control, body: res.Body,
	}
	if s.keepFor(received) <= 0 {
		return nil
	}
	return s
}

// storable leaves out what is about the connection (3.1).
func storable(h http.Header) http.Header {
	kept := h.Clone()
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			kept.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"} {
		kept.Del(name)
	}
	return kept
}

// Bounds of how long a response is kept: one that can be validated for some time
// after it went stale, for it is worth its body.
const (
	keepValidated = 24 * time.Hour
	keepMost      = 30 * 24 * time.Hour
)

// keepFor is for how long from now on the response may be of use.
func (s *stored) keepFor(now time.Time) time.Duration {
	left := s.lifetime() - s.age(now)
	revalidate, _ := s.control.span("stale-while-revalidate")
	onError, _ := s.control.span("stale-if-error")
	left += max(revalidate, onError)
	if s.validatable() {
		left = max(left, keepValidated)
	}
	return min(left, keepMost)
}

func (s *stored) lifetime() time.Duration { return lifetime(s.header, s.control, s.received) }

func (s *stored) validatable() bool {
	return s.header.Get("Etag") != "" || s.header.Get("Last-Modified") != ""
}

// conditional is a request's header that asks whether the response is still good
// (4.3.1).
func (s *stored) conditional(h http.Header) http.Header {
	h = h.Clone()
	if tag := s.header.Get("Etag"); tag != "" {
		h.Set("If-None-Match", tag)
	}
	if t := s.header.Get("Last-Modified"); t != "" {
		h.Set("If-Modified-Since", t)
	}
	return h
}

// freshened is the response with what a newer one without a body says of it (3.2,
// 4.3.4). What describes the body as it came stays, for the body stays.
func (s *stored) freshened(h http.Header, asked, received time.Time) *stored {
	fresh := *s
	fresh.header = s.header.Clone()
	fresh.header.Del("Age") // it was that of then
	for name, values := range storable(h) {
		switch name {
		case "Content-Length", "Content-Encoding", "Content-Range", "Content-Type", "Vary":
		default:
			fresh.header[name] = values
		}
	}
	fresh.control, fresh.asked, fresh.received = parse(fresh.header), asked, received
	return &fresh
}

// same reports whether a response without a body is about the one kept (4.3.4):
// strong or weak, its tag must be the same, if it has one.
func (s *stored) same(h http.Header) bool {
	tag := h.Get("Etag")
	return tag == "" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(s.header.Get("Etag"), "W/")
}

func (s *stored) size() int {
	n := len(s.body) + len(s.version) + 512
	for name, values := range s.header {
		n += 2*len(name) + 64
		for _, v := range values {
			n += len(v) + 16
		}
	}
	for name, value := range s.needs {
		n += len(name) + len(value) + 64
	}
	return n
}

// find returns what is kept for the request, if anything.
func (c *Cache) find(k key, r *Request) *stored {
	e, ok := c.entries.Get(k)
	if !ok {
		return nil
	}
	for _, s := range e.variants {
		if s.matches(r) && int64(len(s.body)) <= r.MaxBody {
			return s
		}
	}
	return nil
}

// mark notes what has changed so far of an entry; put does nothing after another
// change.
func (c *Cache) mark(k key) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changes[k[0]]
}

// put replaces old by s, each of which may be nil, unless anything was purged since
// the mark.
func (c *Cache) put(k key, r *Request, old, s *stored, mark uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if mark != c.changes[k[0]] || old == nil && s == nil {
		return
	}
	e := &entry{task: r.Task}
	if s != nil {
		e.variants = append(e.variants, s)
	}
	if kept, ok := c.entries.Get(k); ok {
		for _, v := range kept.variants {
			replaced := s != nil && v.version == s.version && v.method == s.method && maps.Equal(v.needs, s.needs)
			if v != old && !replaced && len(e.variants) < mostVariants {
				e.variants = append(e.variants, v)
			}
		}
	}
	c.keep(k, e)
}

// keep puts the entry where it is found; one that is too large as a whole loses
// what was kept first.
func (c *Cache) keep(k key, e *entry) {
	now, size, ttl := c.config.Now(), 0, time.Duration(0)
	for i, s := range e.variants {
		if size += s.size(); i > 0 && size > int(c.config.Size/4)-1024 {
			size -= s.size()
			e.variants = e.variants[:i]
			break
		}
		ttl = max(ttl, s.keepFor(now))
	}
	c.entries.Put(k, e, size, ttl) // forgets it if there is nothing
}

// invalidate forgets what is kept for URLs that a request may have changed (4.4).
func (c *Cache) invalidate(task string, urls ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, u := range urls {
		k := keyOf(task, u)
		c.changes[k[0]]++
		c.entries.Put(k, nil, 0, 0)
	}
}

// identifying reports whether a request's header shows who is asking.
func identifying(name string) bool {
	return name == "Authorization" || name == "Cookie" || redact.SecretHeader(strings.ToLower(name))
}
