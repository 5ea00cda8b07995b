package egress

import (
	"context"
	"errors"
	"net/http"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/httpcache"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
)

// cacheModes are what Request.Cache may be.
func cacheModes() []httpcache.Mode {
	return []httpcache.Mode{
		"", httpcache.ModeDefault, httpcache.ModeNoStore, httpcache.ModeReload,
		httpcache.ModeNoCache, httpcache.ModeForceCache, httpcache.ModeOnlyIfCached,
	}
}

// asksAnew tells caches on the way what the request's mode asks of them, as the
// fetch standard does, unless the request says itself.
func (x *exchange) asksAnew() {
	switch x.req.Cache {
	case httpcache.ModeNoStore, httpcache.ModeReload:
		setDefault(x.header, "Pragma", "no-cache")
		setDefault(x.header, "Cache-Control", "no-cache")
	case httpcache.ModeNoCache:
		setDefault(x.header, "Cache-Control", "max-age=0")
	}
}

// answer has the hop answered by what is kept, or by its server.
func (x *exchange) answer(ctx context.Context, transport *http.Transport) (*hopped, error) {
	c := x.client.cfg.Cache
	if c == nil || x.req.Task == "" {
		if x.req.Cache == httpcache.ModeOnlyIfCached {
			return nil, errNotKept
		}
		return x.send(ctx, transport)
	}
	var received int64
	then := *x // as it is at this hop
	res, err := c.Do(ctx, httpcache.Request{
		Task: x.req.Task, Version: x.req.Version, Mode: x.req.Cache,
		Method: x.method, URL: x.url.String(), Header: x.header, MaxBody: x.req.MaxBody,
	}, func(ctx context.Context, header http.Header, behind bool) (*httpcache.Response, error) {
		if behind {
			return then.again(ctx, transport, header)
		}
		own := x.header
		x.header = header
		hop, err := x.send(ctx, transport)
		x.header = own
		if err != nil {
			return nil, unreached(ctx, err)
		}
		received = hop.received
		return &hop.Response, nil
	})
	if errors.Is(err, httpcache.ErrNotKept) {
		return nil, errNotKept
	}
	if err != nil {
		return nil, err
	}
	return &hopped{Response: *res, received: received}, nil
}

// errNotKept is what a request is told that goes out in no case.
var errNotKept = errors.New("nothing is kept for it")

// again makes the hop's request once more when whoever made it may have gone.
func (x exchange) again(ctx context.Context, transport *http.Transport, header http.Header) (*httpcache.Response, error) {
	ctx, leave, err := x.client.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, cancel := context.WithTimeoutCause(ctx, x.req.Timeout, errTimeout)
	defer cancel()
	x.header, x.trace = header, &trace{}
	hop, err := x.send(ctx, transport)
	if err != nil {
		return nil, unreached(ctx, err)
	}
	return &hop.Response, nil
}

// unreached tells failures of a host from what our own rules, or the task, ended:
// for the former an answer may stand in that is no longer fresh.
func unreached(ctx context.Context, err error) error {
	_, open := errors.AsType[*resilience.OpenError](err)
	waited := errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonTimeout})
	if open || waited || outcome(ctx, nil, err, 0) == resilience.Failure {
		return &httpcache.Unreached{Err: err}
	}
	return err
}
