package egress

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/httpcache"
)

// A Response is the answer of the last hop, its body read whole.
type Response struct {
	Status     int
	StatusText string
	// Header holds lower-case names in alphabetical order; the values of a name
	// keep the order in which they came. Content-Encoding and Content-Length
	// describe the body as it was sent.
	Header     [][2]string
	Body       []byte // decoded, if it was sent as gzip
	URL        string // of the last hop, without the fragment
	Redirected bool
	Proto      string // "HTTP/1.1", "HTTP/2.0"
	Cached     bool   // Body was kept from an earlier request; Address and Timings may be empty

	// For the ledger of an execution.
	Address   netip.AddrPort // what the last hop was connected to
	Exception bool           // Address is open by the operator's exception only
	Redirects int            // hops before the last
	Sent      int64          // bytes of request bodies, over all hops
	Received  int64          // bytes of the last hop's body as it was sent
	Timings   Timings
}

// Timings are spans of the last hop, 0 for what did not happen, except Total.
type Timings struct {
	Reused    bool          // the connection was there already
	DNS       time.Duration // to resolve the host
	Connect   time.Duration // to open the connection
	TLS       time.Duration // to agree on keys
	FirstByte time.Duration // from the request written to the first byte of the answer
	Total     time.Duration // of the whole exchange, all hops
}

// Do makes the request and returns its final response, whatever its status.
//
// A failure is a *ratchet.Error: VALIDATION_ERROR (the Request itself),
// EGRESS_REFUSED (a rule, and what lifts it), NETWORK_ERROR, TIMEOUT, CIRCUIT_OPEN,
// TOO_MANY_REDIRECTS or BODY_TOO_LARGE; the message of its first Detail, a [Kind],
// tells them apart more finely.
// The exception is a ctx that was cancelled: its cause comes back, wrapped.
func (c *Client) Do(ctx context.Context, req Request) (*Response, error) {
	start := time.Now()
	x, err := c.exchange(req)
	if err != nil {
		return nil, err
	}
	ctx, leave, err := c.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, cancel := context.WithTimeoutCause(ctx, x.req.Timeout, errTimeout)
	defer cancel()
	for {
		res, next, err := x.hop(ctx)
		if err != nil {
			return nil, x.failure(ctx, err)
		}
		if next == nil {
			res.Timings.Total = time.Since(start)
			return res, nil
		}
		if err := x.follow(res.Status, next); err != nil {
			return nil, err
		}
	}
}

// hop makes one request, or has it answered with what is kept. next is the URL to
// go on to, nil at the end.
func (x *exchange) hop(ctx context.Context) (res *Response, next *url.URL, err error) {
	transport, refused := x.admit()
	if refused != nil {
		return nil, nil, refused
	}
	x.trace = &trace{}
	hr, err := x.answer(ctx, transport)
	if err != nil {
		return nil, nil, err
	}
	if next, err = x.location(&hr.Response); err != nil {
		return nil, nil, err
	}
	if next != nil {
		return &Response{Status: hr.Status}, next, nil
	}
	return x.response(hr), nil, nil
}

// A hopped is what came back from one hop.
type hopped struct {
	httpcache.Response
	received int64 // bytes of Body as it was sent
}

// send makes one request, by the transport.
func (x *exchange) send(ctx context.Context, transport *http.Transport) (hop *hopped, err error) {
	done, err := x.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer func(ctx context.Context, began time.Time) { done(outcome(ctx, hop, err, time.Since(began))) }(ctx, time.Now())
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if x.headers > 0 {
		x.trace.wrote = func() func() bool {
			return time.AfterFunc(x.headers, func() { cancel(errHeaders) }).Stop
		}
	}
	r, err := x.request(x.trace.with(ctx))
	if err != nil {
		return nil, err
	}
	hr, err := transport.RoundTrip(r)
	x.trace.answered()
	if err != nil && context.Cause(ctx) == errHeaders {
		return nil, x.timeout("gave up after %s %s", plain(x.headers), x.doing())
	}
	if err != nil {
		return nil, err
	}
	defer hr.Body.Close()
	x.sent += int64(len(x.body))
	if x.req.Cut {
		defer time.AfterFunc(cutTime, func() { cancel(errCut) }).Stop()
	}
	return x.read(hr)
}

// read takes over hr, its body read whole unless it leads elsewhere.
func (x *exchange) read(hr *http.Response) (hop *hopped, err error) {
	hop = &hopped{Response: httpcache.Response{
		Status:     hr.StatusCode,
		StatusText: strings.TrimSpace(strings.TrimPrefix(hr.Status, hr.Status[:min(3, len(hr.Status))])),
		Proto:      hr.Proto, Header: hr.Header,
	}}
	next, err := x.location(&hop.Response)
	if err != nil {
		return nil, err
	}
	if next != nil && (hr.ContentLength < 0 || hr.ContentLength > 2048) { // as little as net/http, to keep the connection
		hop.Partial = true
		return hop, nil
	}
	x.trace.body.Store(true)
	if x.req.Cut {
		hop.Body, hop.Partial = beginning(hr.Body, x.req.MaxBody), true
		hop.received = int64(len(hop.Body))
		return hop, nil
	}
	hop.Body, hop.received, err = readBody(hr, x.req.MaxBody)
	if next != nil && err != nil {
		hop.Body, hop.Partial, err = nil, true, nil // it leads elsewhere all the same
	}
	if err != nil {
		return nil, err
	}
	return hop, nil
}

// response is the last hop's.
func (x *exchange) response(hop *hopped) *Response {
	res := &Response{
		Status: hop.Status, StatusText: hop.StatusText, Header: flatten(hop.Header), Body: hop.Body, Cached: hop.Cached,
		URL: x.url.String(), Redirected: x.hops > 0, Redirects: x.hops, Proto: hop.Proto,
		Sent: x.sent, Received: hop.received,
		Timings: x.trace.timings(), Address: x.trace.remote(),
	}
	res.Exception = res.Address.IsValid() && (!x.portOpen() || x.client.guard.classify(res.Address.Addr()) != nil)
	return res
}

func flatten(h http.Header) [][2]string {
	flat := make([][2]string, 0, len(h))
	for name, values := range h {
		for _, v := range values {
			flat = append(flat, [2]string{strings.ToLower(name), v})
		}
	}
	slices.SortStableFunc(flat, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return flat
}

// location returns where hr redirects to, nil if it is the final response.
func (x *exchange) location(hr *httpcache.Response) (*url.URL, error) {
	switch hr.Status {
	case 301, 302, 303, 307, 308:
	default:
		return nil, nil
	}
	text := hr.Header.Get("Location")
	if text == "" || x.req.Redirect == RedirectManual {
		return nil, nil
	}
	next, err := x.url.Parse(text)
	if err != nil {
		return nil, fault(KindRedirect, "the server redirects to %q, which is not a valid URL", displayText(text))
	}
	if x.req.Redirect == RedirectError {
		return nil, fault(KindRedirect, "the server redirects to %s, and the request says redirect: \"error\"", display(next))
	}
	return next, nil
}

// follow turns x to the next hop as the fetch standard's "HTTP-redirect fetch"
// does.
func (x *exchange) follow(status int, next *url.URL) error {
	if x.hops == x.client.cfg.MaxRedirects {
		return ratchet.Errorf(ratchet.ReasonTooManyRedirect, "fetch %s: more than %d redirects, the last to %s", x.first, x.hops, display(next)).
			WithDetails(detail(KindRedirect, display(next), ""))
	}
	from := x.target.origin(x.url.Scheme)
	x.hops++
	x.url = next
	next.Fragment, next.RawFragment = "", ""
	if next.Scheme != "http" && next.Scheme != "https" {
		return x.refused(&refusal{
			kind: KindScheme, subject: next.Scheme,
			text: "only http and https may be followed",
		})
	}
	if next.User != nil {
		return x.refused(&refusal{
			kind: KindCredentials, subject: next.Hostname(),
			text: "the URL carries a user name or password",
		})
	}
	var err error
	if x.target, err = locate(next); err != nil {
		return x.network(KindRedirect, "the server redirects to an URL that is not valid: "+err.Error())
	}
	x.header = x.header.Clone() // the last hop's may still be on its way out
	if (status == 301 || status == 302) && x.method == http.MethodPost ||
		status == 303 && x.method != http.MethodGet && x.method != http.MethodHead {
		x.method, x.body = http.MethodGet, nil
		drop(x.header, "Content-Encoding", "Content-Language", "Content-Location", "Content-Type")
	}
	if x.target.origin(next.Scheme) != from {
		drop(x.header, "Authorization", "Cookie", "Cookie2", "Www-Authenticate")
	}
	return nil
}

func drop(h http.Header, names ...string) {
	for _, name := range names {
		h.Del(name)
	}
}
