package httpcache

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Do answers the request with what is kept, or has it asked, and keeps the answer
// if it may.
func (c *Cache) Do(ctx context.Context, r Request, ask Asker) (*Response, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return c.pass(ctx, &r, ask)
	}
	control := parse(r.Header)
	if bypassed(&r, control) {
		return plain(ask(ctx, r.Header, false))
	}
	k := r.key()
	if r.Mode == ModeReload {
		c.misses.Add(1)
		return plain(c.fetch(ctx, k, &r, nil, ask, false))
	}
	found := c.find(k, &r)
	now := c.config.Now()
	switch verdict := judge(&r, control, found, now); {
	case verdict == good || verdict == goodForNow && c.refresh(ctx, k, r, found, ask):
		c.hits.Add(1)
		return found.answer(&r, now), nil
	case r.Mode == ModeOnlyIfCached:
		c.misses.Add(1)
		return nil, ErrNotKept
	case control.has("only-if-cached"): // 5.2.1.7
		c.misses.Add(1)
		return &Response{Status: http.StatusGatewayTimeout, StatusText: http.StatusText(http.StatusGatewayTimeout), Proto: "HTTP/1.1", Header: http.Header{}}, nil
	}
	res, err := c.fetch(ctx, k, &r, found, ask, false)
	if found != nil && failed(res, err) && mayAnswerForError(found, control, c.config.Now()) {
		c.hits.Add(1)
		return found.answer(&r, c.config.Now()), nil
	}
	if err == nil && res.Cached {
		c.hits.Add(1)
	} else {
		c.misses.Add(1)
	}
	return plain(res, err)
}

// plain takes the Unreached off an error.
func plain(res *Response, err error) (*Response, error) {
	if gone, ok := errors.AsType[*Unreached](err); ok {
		return nil, gone.Err
	}
	return res, err
}

// pass has a request asked that is never answered from the cache, and forgets what
// it may have changed, if it is one that changes anything and went well.
func (c *Cache) pass(ctx context.Context, r *Request, ask Asker) (*Response, error) {
	res, err := plain(ask(ctx, r.Header, false))
	if err != nil || r.Method == http.MethodOptions || res.Status >= 400 {
		return res, err
	}
	urls := []string{r.URL}
	if base, err := url.Parse(r.URL); err == nil {
		for _, name := range []string{"Location", "Content-Location"} {
			other, err := base.Parse(res.Header.Get(name))
			if err == nil && res.Header.Get(name) != "" && other.Scheme == base.Scheme && other.Host == base.Host {
				other.Fragment, other.RawFragment = "", ""
				urls = append(urls, other.String())
			}
		}
	}
	c.invalidate(r.Task, urls...)
	return res, nil
}

// bypassed reports whether the request is none of the cache's: it says so, it wants
// a part, or it has conditions of its own, whose answer is for it alone.
func bypassed(r *Request, control directives) bool {
	if r.Mode == ModeNoStore || control.has("no-store") || r.Header.Get("Range") != "" {
		return true
	}
	return (r.Mode == "" || r.Mode == ModeDefault) && slices.ContainsFunc(conditions(), func(name string) bool { return r.Header.Get(name) != "" })
}

// conditions are the headers by which, as the fetch standard has it, a request in
// the default mode becomes one in the mode no-store.
func conditions() []string {
	return []string{"If-Modified-Since", "If-None-Match", "If-Unmodified-Since", "If-Match", "If-Range"}
}

// A verdict is what may be done with a response that is kept.
type verdict int

const (
	useless    verdict = iota // there is none, or it must be asked about
	good                      // it is the answer
	goodForNow                // it is, while it is asked about
)

// judge says whether what is kept may be the answer (4.2).
func judge(r *Request, asks directives, s *stored, now time.Time) verdict {
	if s == nil || r.Mode == ModeNoCache {
		return useless
	}
	if r.Mode == ModeForceCache || r.Mode == ModeOnlyIfCached {
		return good
	}
	if asks.has("no-cache") || len(asks) == 0 && r.Header.Get("Pragma") == "no-cache" || s.control.has("no-cache") {
		return useless
	}
	age, lifetime := s.age(now), s.lifetime()
	if most, found := asks.span("max-age"); found && age > most {
		return useless
	}
	if least, found := asks.span("min-fresh"); found && lifetime-age < least {
		return useless
	}
	if age < lifetime {
		return good
	}
	if s.control.has("must-revalidate") {
		return useless
	}
	stale := age - lifetime
	if text, found := asks["max-stale"]; found {
		if most, ok := seconds(text); text == "" || ok && stale <= most {
			return good
		}
	}
	if most, found := s.control.span("stale-while-revalidate"); found && stale <= most {
		return goodForNow
	}
	return useless
}

// failed reports whether a server could not answer (RFC 5861, section 4).
func failed(res *Response, err error) bool {
	if err != nil {
		_, gone := errors.AsType[*Unreached](err)
		return gone
	}
	switch res.Status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// mayAnswerForError reports whether a stale response may stand for an error. What
// must be asked about first may not.
func mayAnswerForError(s *stored, asks directives, now time.Time) bool {
	if s.control.has("must-revalidate") || s.control.has("no-cache") {
		return false
	}
	stale := s.age(now) - s.lifetime()
	for _, d := range []directives{s.control, asks} {
		if most, found := d.span("stale-if-error"); found && stale <= most {
			return true
		}
	}
	return false
}

// answer is the response for whoever asks now.
func (s *stored) answer(r *Request, now time.Time) *Response {
	h := s.header.Clone()
	h.Set("Age", strconv.FormatInt(int64(s.age(now)/time.Second), 10)) // 5.1
	return s.as(r, h)
}

func (s *stored) as(r *Request, h http.Header) *Response {
	res := &Response{Status: s.status, StatusText: s.statusText, Proto: s.proto, Header: h, Body: s.body, Cached: true}
	if r.Method == http.MethodHead {
		res.Body = nil
	}
	return res
}

// fetch asks, under the condition that found, which may be nil, is no longer good,
// and keeps what comes.
func (c *Cache) fetch(ctx context.Context, k key, r *Request, found *stored, ask Asker, behind bool) (*Response, error) {
	mark, asked := c.mark(k), c.config.Now()
	header := r.Header
	if found != nil && found.validatable() {
		header = found.conditional(header)
	}
	res, err := ask(ctx, header, behind)
	if err != nil {
		return nil, err
	}
	received := c.config.Now()
	if res.Status == http.StatusNotModified && found != nil {
		if !found.same(res.Header) { // it is about another one
			return c.fetch(ctx, k, r, nil, ask, behind)
		}
		fresh := found.freshened(res.Header, asked, received)
		if fresh.control.has("no-store") {
			c.put(k, r, found, nil, mark)
		} else {
			c.put(k, r, found, fresh, mark)
		}
		return fresh.as(r, fresh.header.Clone()), nil
	}
	if res.Status >= 500 {
		return res, nil // what is kept may still be of use
	}
	c.put(k, r, found, c.keepable(r, res, asked, received), mark)
	return res, nil
}

// refresh has a stale response asked about in the background, unless that is being
// done. It reports whether that is so: if too much is being asked, whoever wants it
// waits for it.
func (c *Cache) refresh(ctx context.Context, k key, r Request, found *stored, ask Asker) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, under := c.behind[k]; under {
		return true
	}
	if c.ending || len(c.behind) >= c.config.Background {
		return false
	}
	c.behind[k] = struct{}{}
	r.Header = r.Header.Clone()
	ctx = context.WithoutCancel(ctx)
	c.active.Go(func() {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(c.life, cancel)()
		_, _ = c.fetch(ctx, k, &r, found, ask, true) // that it failed, the next one learns who asks
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.behind, k)
	})
	return true
}
