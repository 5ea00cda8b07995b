// Package egress is the one door through which bytes leave Ratchet: an HTTP
// client that cannot be led to an internal address. It decides where a request
// may go and brings back a bounded answer; what a caller may ask for at all
// (how many requests, how many bytes, which credentials) is the caller's.
//
// Five rules stand between a URL and the wire, at the first request and at
// every redirect:
//
//  1. http and https only, no user name or password in the URL;
//  2. the host is in the request's [HostList] (permissions.net);
//  3. the port is 80 or 443, or the HostList names it beside the host;
//  4. the address is public, judged on the socket that is about to connect, so
//     that a name which resolves differently the second time gains nothing;
//  5. an operator's exception (Config.AllowCIDR, --allow-net) lifts rules 3 and 4
//     for its addresses, never rule 2.
//
// Rules 1 to 3 are applied to each request, rule 4 to each connection. A pooled
// connection may therefore serve another request: it was judged by the same
// rule 4, and it is found by scheme, host and port, which rules 1 to 3 have
// just admitted. Connections on ports that only an exception opens live in a
// pool of their own. HTTP/2 connections are not shared between hosts.
//
// A response that is kept ([Config].Cache) answers a hop after rules 1 to 3, so that
// nobody is told by it what they might not ask.
//
// There is no proxy and no cookie jar.
package egress

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/httpcache"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
)

// Config says how a Client behaves. The zero Config works.
type Config struct {
	// AllowCIDR are the operator's exceptions: networks that may be reached
	// although they are internal, on every port. Default: none.
	AllowCIDR []netip.Prefix
	// Ports that are open on public addresses; a request's HostList may open
	// others, host by host. Default: 80 and 443.
	Ports []uint16
	// UserAgent is sent when the request brings none. Default: "ratchet".
	UserAgent string

	DialTimeout   time.Duration // to resolve, and to connect; the TLS handshake gets the same again. Default: 10 s
	HeaderTimeout time.Duration // from the request sent to the response's headers, of an exchange whose Request sets no Timeout. Default: 30 s
	Timeout       time.Duration // of a whole exchange whose Request sets none. Default: 30 s
	MaxRedirects  int           // followed in one exchange; -1 means none. Default: 5
	MaxHeader     int64         // bytes of the headers of a request, and of a response. Default: 64 KB
	MaxBody       int64         // bytes of a decoded body where the Request sets no bound. Default: 10 MB
	MaxConns      int           // open connections to one host. Default: 512

	// Hosts leaves hosts alone that fail, and bounds the requests at once. Default:
	// every host is asked, however it answers.
	Hosts *resilience.Hosts

	// Cache keeps responses, for requests that name a Task. Default: none.
	Cache *httpcache.Cache

	// Resolver looks names up. Default: the system's.
	Resolver *net.Resolver
	// RootCAs are trusted for TLS. Default: the system's.
	RootCAs *x509.CertPool
}

// A Client makes guarded requests. It is safe for concurrent use.
type Client struct {
	cfg    Config
	guard  *guard
	public *http.Transport // to public and excepted addresses, on ports open to the request
	except *http.Transport // to excepted addresses only, on any port

	mu     sync.Mutex // orders Do's arrival and Close
	closed bool
	ends   map[uint64]context.CancelCauseFunc // of what is under way
	next   uint64
	active sync.WaitGroup
}

var errClosed = errors.New("the egress client is closed")

// New returns a Client of the Config.
func New(cfg Config) (*Client, error) {
	cfg.Ports = slices.Clone(cfg.Ports)
	if len(cfg.Ports) == 0 {
		cfg.Ports = []uint16{80, 443}
	}
	cfg.UserAgent = cmp.Or(cfg.UserAgent, "ratchet")
	cfg.DialTimeout = cmp.Or(cfg.DialTimeout, 10*time.Second)
	cfg.HeaderTimeout = cmp.Or(cfg.HeaderTimeout, 30*time.Second)
	cfg.Timeout = cmp.Or(cfg.Timeout, 30*time.Second)
	cfg.MaxRedirects = max(0, cmp.Or(cfg.MaxRedirects, 5))
	cfg.MaxHeader = cmp.Or(cfg.MaxHeader, int64(64*ratchet.KB))
	cfg.MaxBody = cmp.Or(cfg.MaxBody, int64(10*ratchet.MB))
	cfg.MaxConns = cmp.Or(cfg.MaxConns, 512)

	g, err := newGuard(cfg.AllowCIDR)
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, guard: g, ends: map[uint64]context.CancelCauseFunc{}}
	c.public = c.transport(g.judge)
	c.except = c.transport(g.judgeException)
	return c, nil
}

// transport returns a Transport whose every connection passed judge.
func (c *Client) transport(judge func(netip.Addr) *refusal) *http.Transport {
	return &http.Transport{
		Proxy:                  nil, // not even from the environment
		DialContext:            c.dialer(judge),
		TLSClientConfig:        &tls.Config{RootCAs: c.cfg.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    c.cfg.DialTimeout,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // decoded here, to count both sides of it
		MaxResponseHeaderBytes: c.cfg.MaxHeader,
		MaxConnsPerHost:        c.cfg.MaxConns,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        30 * time.Second,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// Close ends what is under way, waits for it, and closes every connection. It
// may be called more than once. Only a look-up that no DNS server answers can
// outlast it, by the resolver's own timeout (5 s an attempt, in resolv.conf).
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	for _, end := range c.ends {
		end(errClosed)
	}
	c.mu.Unlock()
	c.active.Wait()
	c.public.CloseIdleConnections()
	c.except.CloseIdleConnections()
}

// enter joins ctx to the Client's life. The caller calls leave when done.
func (c *Client) enter(ctx context.Context) (_ context.Context, leave func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, ratchet.Errorf(ratchet.ReasonServiceUnavailable, "%w", errClosed)
	}
	c.active.Add(1)
	c.next++
	id := c.next
	ctx, cancel := context.WithCancelCause(ctx)
	c.ends[id] = cancel
	return ctx, func() {
		cancel(nil)
		c.mu.Lock()
		delete(c.ends, id)
		c.mu.Unlock()
		c.active.Done()
	}, nil
}
