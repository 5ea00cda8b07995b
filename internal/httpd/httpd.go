// Package httpd is the one HTTP server: who may speak to it, how much and how
// long, and how it begins and ends. What it serves are handlers that it is given.
package httpd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
)

// A Config says where and how a Server listens. The zero Config works.
type Config struct {
	// Address is where to listen. Default "127.0.0.1:8080".
	Address string
	// CertFile and KeyFile are PEM files, read again when they change. Without
	// them the server speaks plain HTTP.
	CertFile, KeyFile string
	// RequireKeys asks for an API key over the loopback interface too. Elsewhere
	// one is always needed, unless Insecure lets everybody in.
	RequireKeys bool
	Insecure    bool
	// Hosts are names, besides those of the loopback interface, by which a server
	// that asks for no keys is called. A page in a browser that was led here by a
	// name of its own is not served.
	Hosts []string
	// CORS says which pages of other sites may call.
	CORS CORS

	// MaxHeader is the most bytes of a request's headers. Default 64 KB.
	MaxHeader int
	// MaxBody is the most bytes of any request's body; handlers allow less.
	// Default 64 MB.
	MaxBody int64
	// MaxBodies is the most bytes of the bodies that are held at once, but for the
	// first 64 KB of each. Default 4 × MaxBody.
	MaxBodies int64
	// HeaderTimeout is how long the headers of a request may take, BodyTimeout how
	// long its body. Defaults 10 s and 60 s.
	HeaderTimeout, BodyTimeout time.Duration
	// WriteTimeout is how long a client may take to take an answer, from its first
	// byte. A stream sets its own for each event. Default 60 s.
	WriteTimeout time.Duration
	// IdleTimeout is how long a connection is kept without a request. Default 2 min.
	IdleTimeout time.Duration
	// MaxRequests is how many requests are served at once. Default 10,000.
	MaxRequests int
	// NoCompression sends answers as they are.
	NoCompression bool
	// Drain is how long the server goes on as before when it is to stop, but for
	// saying that it is not ready, so that load balancers notice. Default 0.
	Drain time.Duration
	// StopTimeout is how long requests may take to end when the server stops.
	// Default 30 s.
	StopTimeout time.Duration
	// Log gets a line for each request, and what goes wrong. Default: nothing is
	// logged.
	Log *slog.Logger
}

// CORS says which pages of other sites may call from a browser. The zero CORS is
// none.
type CORS struct {
	Origins     []string // "https://app.example.com", with "*" for a part of it, or "*" for all
	Credentials bool     // they may send cookies and the like
	MaxAge      time.Duration
}

// Parts are what a Server serves.
type Parts struct {
	// API serves all that the server itself does not. Default: nothing is there.
	API http.Handler
	// Public are paths, and all below those that end in "/", for which no key is
	// needed. Default: those of the API's description.
	Public []string
	// Keys tells whose a key is.
	Keys *auth.Authenticator
	// Health says how the parts of Ratchet are. Default: nothing is known.
	Health func(context.Context) Health
	// Ready says why no requests should come now; nil if they may. Default: always.
	Ready func(context.Context) error
	// Version is what /version shows.
	Version Version
	// Metrics serves /metrics. Default: it is not there.
	Metrics http.Handler
	// Stopping is called once when the server begins to stop, so that streams are
	// told.
	Stopping func()
}

// A Version says what runs.
type Version struct {
	Name    string `json:"name"` // default "ratchet"
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go,omitempty"`
	OS      string `json:"os,omitempty"`
	Arch    string `json:"arch,omitempty"`
	// Without lists the build tags of what was left out of the program.
	Without []string `json:"without,omitempty"`
}

// A Server is one HTTP server.
type Server struct {
	config   Config
	parts    Parts
	log      *slog.Logger
	http     *http.Server
	loopback bool // listens there only
	requests chan struct{}
	bodies   room
	stopping atomic.Bool

	mu          sync.Mutex
	listener    net.Listener
	certificate *certificate // nil: plain HTTP
}

// New returns a Server. It starts nothing. A server that would let anybody in
// from anywhere is refused.
func New(parts Parts, c Config) (*Server, error) {
	c.Address = cmp.Or(c.Address, "127.0.0.1:8080")
	c.MaxHeader = cmp.Or(max(c.MaxHeader, 0), 64<<10)
	c.MaxBody = cmp.Or(max(c.MaxBody, 0), 64<<20)
	c.MaxBodies = cmp.Or(max(c.MaxBodies, 0), 4*c.MaxBody)
	c.HeaderTimeout = cmp.Or(max(c.HeaderTimeout, 0), 10*time.Second)
	c.BodyTimeout = cmp.Or(max(c.BodyTimeout, 0), time.Minute)
	c.WriteTimeout = cmp.Or(max(c.WriteTimeout, 0), time.Minute)
	c.IdleTimeout = cmp.Or(max(c.IdleTimeout, 0), 2*time.Minute)
	c.MaxRequests = cmp.Or(max(c.MaxRequests, 0), 10_000)
	c.StopTimeout = cmp.Or(max(c.StopTimeout, 0), 30*time.Second)
	parts.Version.Name = cmp.Or(parts.Version.Name, "ratchet")
	s := &Server{config: c, parts: parts, log: c.Log, requests: make(chan struct{}, c.MaxRequests)}
	s.bodies.most = c.MaxBodies
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	handler, err := s.handler()
	if err != nil {
		return nil, err
	}
	s.http = &http.Server{
		Handler: handler, ReadHeaderTimeout: c.HeaderTimeout, IdleTimeout: c.IdleTimeout, MaxHeaderBytes: c.MaxHeader,
		ErrorLog:                     log.New(errorWriter{s.log}, "", 0),
		DisableGeneralOptionsHandler: true,
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: 250, WriteByteTimeout: c.WriteTimeout},
	}
	return s, nil
}

// check refuses what would open the server to people who should not come in.
func (s *Server) check() error {
	host, _, err := net.SplitHostPort(s.config.Address)
	if err != nil {
		return ratchet.Errorf(ratchet.ReasonConfig, "the address to listen on, %q, is not host:port", s.config.Address)
	}
	s.loopback = isLoopback(host)
	if !s.loopback && !s.config.RequireKeys && !s.config.Insecure {
		return ratchet.Errorf(ratchet.ReasonConfig, "%s can be reached from elsewhere, so API keys are required there: require them, or say that everybody may come in", s.config.Address)
	}
	if s.config.RequireKeys && s.parts.Keys == nil {
		return ratchet.Errorf(ratchet.ReasonConfig, "API keys are required, but nothing knows any")
	}
	all := slices.Contains(s.config.CORS.Origins, "*")
	if all && !s.config.RequireKeys {
		return ratchet.Errorf(ratchet.ReasonConfig, "pages of all sites may call (the origin \"*\") only where API keys are required")
	}
	if all && s.config.CORS.Credentials {
		return ratchet.Errorf(ratchet.ReasonConfig, "the origin \"*\" and credentials do not go together: name the sites")
	}
	return nil
}

// isLoopback reports whether a host is this machine's own interface.
func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}

// Listen opens the address, so that Run finds it open, and reads the certificate.
// It may be left out.
func (s *Server) Listen(ctx context.Context) (net.Addr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		if s.config.CertFile != "" || s.config.KeyFile != "" {
			s.certificate = &certificate{certFile: s.config.CertFile, keyFile: s.config.KeyFile, log: s.log}
			if err := s.certificate.load(); err != nil {
				return nil, err
			}
		}
		var config net.ListenConfig
		listener, err := config.Listen(ctx, "tcp", s.config.Address)
		if err != nil {
			return nil, ratchet.Errorf(ratchet.ReasonServiceInit, "listen on %s: %w", s.config.Address, err)
		}
		s.listener = listener
	}
	return s.listener.Addr(), nil
}

// Run serves until ctx ends, and then stops: it says that it is not ready, takes
// no more connections, tells streams, and gives running requests their time.
func (s *Server) Run(ctx context.Context) error {
	addr, err := s.Listen(ctx)
	if err != nil {
		return err
	}
	// Requests outlive ctx: they get time to end by themselves.
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	s.http.BaseContext = func(net.Listener) context.Context { return requests }
	served := make(chan error, 1)
	serve, scheme := s.http.Serve, "http"
	if s.certificate != nil {
		s.http.TLSConfig = s.certificate.config()
		serve, scheme = func(l net.Listener) error { return s.http.ServeTLS(l, "", "") }, "https"
	}
	go func() { served <- serve(s.listener) }()
	s.log.InfoContext(ctx, "listening", "address", scheme+"://"+addr.String())
	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", addr, err)
	case <-ctx.Done():
	}
	s.stop(requests, cut)
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", addr, err)
	}
	return nil
}

// stop ends the server in order.
func (s *Server) stop(requests context.Context, cut func()) {
	s.stopping.Store(true)
	if s.config.Drain > 0 {
		<-time.After(s.config.Drain)
	}
	if s.parts.Stopping != nil {
		s.parts.Stopping()
	}
	patience, done := context.WithTimeout(requests, s.config.StopTimeout)
	defer done()
	if err := s.http.Shutdown(patience); err == nil {
		return
	}
	cut() // what is left ends now, and has a moment to say so
	moment, done := context.WithTimeout(context.WithoutCancel(requests), time.Second)
	defer done()
	if err := s.http.Shutdown(moment); err != nil {
		s.log.Warn("requests were cut off", "error", err.Error())
		_ = s.http.Close() // the connections are given up either way
	}
}

// An errorWriter passes what net/http has to say on to the log: connections that
// went wrong before there was a request.
type errorWriter struct{ log *slog.Logger }

var _ io.Writer = errorWriter{}

func (w errorWriter) Write(p []byte) (int, error) {
	w.log.Debug("connection failed", "error", strings.TrimSpace(string(p)))
	return len(p), nil
}
