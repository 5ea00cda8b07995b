package egress

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// What Request.Redirect may be, as in the fetch standard.
const (
	RedirectFollow = "follow" // the default
	RedirectError  = "error"  // a redirect is an error
	RedirectManual = "manual" // a redirect is the response
)

// A Request is one exchange asked for, redirects included.
type Request struct {
	Method string // default GET; GET, post, Patch … in any case
	URL    string // absolute, http or https, without user name and password
	// Header holds names and values in order; a name may come more than once.
	// What belongs to the connection is not the caller's and is left out:
	// Accept-Encoding, Connection, Content-Length, Expect, Keep-Alive, Proxy-*,
	// TE, Trailer, Transfer-Encoding, Upgrade. Host must be the URL's own.
	Header   [][2]string
	Body     []byte // not with GET and HEAD; not to be changed afterwards
	Redirect string // RedirectFollow, RedirectError or RedirectManual

	Hosts   HostList // the hosts it may go to, redirects included
	MaxBody int64    // bytes of the decoded body; 0: Config.MaxBody
	// Cut says that what matters is the status: no more is read of the body than
	// MaxBody, or than comes within two seconds, and nothing that is wrong with it
	// is a failure. It is not decoded.
	Cut     bool
	Timeout time.Duration // from start to the body's last byte; 0: Config.Timeout, and Config.HeaderTimeout
}

// An exchange is a Request under way: what the next hop sends, and what the hops
// so far have used.
type exchange struct {
	client  *Client
	req     Request
	first   string // the URL asked for, as messages show it
	method  string
	header  http.Header
	body    []byte
	url     *url.URL
	target  target
	hops    int           // redirects followed
	headers time.Duration // to wait for a response's headers; 0: no less than for all
	trace   *trace
	sent    int64
}

// exchange checks the Request; any fault is a VALIDATION_ERROR.
func (c *Client) exchange(req Request) (*exchange, error) {
	req.MaxBody = orElse(req.MaxBody, c.cfg.MaxBody)
	req.Redirect = orElse(req.Redirect, RedirectFollow)
	x := &exchange{client: c, body: req.Body}
	if req.Timeout == 0 {
		req.Timeout, x.headers = c.cfg.Timeout, c.cfg.HeaderTimeout
	}
	x.req = req
	u, err := url.Parse(strings.TrimSpace(req.URL))
	if err != nil {
		return nil, invalid("/url", "fetch: %q is not a valid URL", displayText(req.URL))
	}
	x.url, x.first = u, display(u)
	if u.Scheme != "http" && u.Scheme != "https" {
		if u.Scheme == "" {
			return nil, invalid("/url", "fetch: %q is not an absolute URL: write https:// and the host before it", displayText(req.URL))
		}
		return nil, invalid("/url", "fetch %s: the scheme %q is not supported: only http and https are", x.first, u.Scheme)
	}
	if u.User != nil {
		return nil, invalid("/url", "fetch %s: the URL carries a user name or password: send an Authorization header instead", x.first)
	}
	if x.target, err = locate(u); err != nil {
		return nil, invalid("/url", "fetch %s: not a valid URL: %v", x.first, err)
	}
	u.Fragment, u.RawFragment = "", ""
	if !slices.Contains([]string{RedirectFollow, RedirectError, RedirectManual}, req.Redirect) {
		return nil, invalid("/redirect", "fetch %s: redirect %q is none of follow, error, manual", x.first, req.Redirect)
	}
	if req.MaxBody < 0 || req.Timeout < 0 {
		return nil, invalid("", "fetch %s: a negative limit", x.first)
	}
	if err := x.setMethod(); err != nil {
		return nil, err
	}
	return x, x.setHeader()
}

func (x *exchange) setMethod() error {
	m := orElse(x.req.Method, http.MethodGet)
	if !httpguts.ValidHeaderFieldName(m) { // both are an RFC 9110 token
		return invalid("/method", "fetch %s: %q is not an HTTP method", x.first, cut(m))
	}
	switch upper := strings.ToUpper(m); upper {
	case "CONNECT", "TRACE", "TRACK":
		return invalid("/method", "fetch %s: the method %s is not allowed", x.first, upper)
	case "GET", "HEAD":
		if len(x.body) > 0 {
			return invalid("/body", "fetch %s: a %s request cannot have a body", x.first, upper)
		}
		x.method = upper
	case "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		x.method = upper
	default:
		x.method = m
	}
	return nil
}

// setHeader copies the caller's headers, less those of the connection, and adds
// the defaults of the fetch standard.
func (x *exchange) setHeader() error {
	x.header = http.Header{}
	size := int64(0)
	for _, h := range x.req.Header {
		name, value := http.CanonicalHeaderKey(h[0]), strings.Trim(h[1], " \t\r\n")
		if !httpguts.ValidHeaderFieldName(name) {
			return invalid("/headers", "fetch %s: %q is not a header name", x.first, cut(h[0]))
		}
		if !httpguts.ValidHeaderFieldValue(value) {
			return invalid("/headers", "fetch %s: the value of header %s has a line break or another control character", x.first, name)
		}
		if size += int64(len(name) + len(value) + 4); size > x.client.cfg.MaxHeader {
			return invalid("/headers", "fetch %s: the headers are larger than %s", x.first, ratchet.Size(x.client.cfg.MaxHeader))
		}
		if name == "Host" && !strings.EqualFold(value, x.url.Host) && !strings.EqualFold(value, x.target.hostPort()) {
			return invalid("/headers", "fetch %s: header Host cannot be set to another host (%s)", x.first, cut(value))
		}
		if !ofConnection(name) {
			x.header.Add(name, value)
		}
	}
	setDefault(x.header, "Accept", "*/*")
	setDefault(x.header, "User-Agent", x.client.cfg.UserAgent)
	x.header.Set("Accept-Encoding", "gzip")
	if x.header.Get("Range") != "" { // a range of the coded bytes could not be decoded
		x.header.Set("Accept-Encoding", "identity")
	}
	return nil
}

// ofConnection reports whether the header is the transport's to set.
func ofConnection(name string) bool {
	switch name {
	case "Accept-Encoding", "Connection", "Content-Length", "Expect", "Host", "Keep-Alive",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return strings.HasPrefix(name, "Proxy-")
}

// request returns the hop's HTTP request.
func (x *exchange) request(ctx context.Context) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, x.method, x.url.String(), bytes.NewReader(x.body))
	if err != nil {
		return nil, invalid("/url", "fetch %s: not a valid URL", x.first)
	}
	r.Header = x.header
	return r, nil
}

// admit applies the rules on host and port, and that on addresses if the host is
// one, and returns the transport that applies the last one to the connection.
func (x *exchange) admit() (*http.Transport, *refusal) {
	t, c := x.target, x.client
	if !x.req.Hosts.admits(t) {
		return nil, refuseHost(t, x.req.Hosts)
	}
	judge, transport := c.guard.judge, c.public
	if !x.portOpen() {
		judge, transport = c.guard.judgeException, c.except
	}
	if t.addr.IsValid() {
		if r := judge(t.addr); r != nil {
			return nil, r
		}
	}
	return transport, nil
}

// portOpen reports whether the port is open without an exception.
func (x *exchange) portOpen() bool {
	return slices.Contains(x.client.cfg.Ports, x.target.port) || x.req.Hosts.opens(x.target)
}

func refuseHost(t target, hosts HostList) *refusal {
	r := &refusal{kind: KindHost, subject: t.name, flag: t.name}
	for _, e := range hosts.entries {
		if e.matches(t) { // listed, but on another port
			r.subject, r.flag = t.hostPort(), t.hostPort()
		}
	}
	r.text = fmt.Sprintf("host %q is not in the task's permissions.net (%s)", r.subject, hosts)
	r.remedy = "add it there or run with --allow-net " + r.flag
	return r
}

func setDefault(h http.Header, name, value string) {
	if len(h[name]) == 0 {
		h.Set(name, value)
	}
}

func orElse[T comparable](v, other T) T {
	var zero T
	if v == zero {
		return other
	}
	return v
}

// display returns u as messages show it: without what may be secret (the query,
// a password) and of bounded length.
func display(u *url.URL) string {
	v := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	if u.Opaque != "" {
		v = url.URL{Scheme: u.Scheme, Opaque: u.Opaque}
	}
	s := cut(v.String())
	if u.RawQuery != "" {
		s += "?…"
	}
	return s
}

// displayText is display for a text that may be no URL.
func displayText(s string) string {
	s, _, secret := strings.Cut(s, "?")
	if scheme, rest, ok := strings.Cut(s, "//"); ok {
		s = scheme + "//" + rest[strings.LastIndexByte(rest, '@')+1:]
	}
	if s = cut(s); secret {
		s += "?…"
	}
	return s
}

// cut bounds a text that goes into a message.
func cut(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
