package config

import (
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A Server says where and how the server listens.
type Server struct {
	BindAddress string
	Port        int
	Hosts       []string
	PublicURL   string // without "/" at its end
	TLS         TLS
	CORS        CORS

	MaxBody       ratchet.Size
	MaxHeader     ratchet.Size
	HeaderTimeout time.Duration
	BodyTimeout   time.Duration
	WriteTimeout  time.Duration
	IdleTimeout   time.Duration
	MaxRequests   int
	Compress      bool
	Metrics       bool
	StopTimeout   time.Duration
}

// TLS names the files of a certificate. Both are read again when they change.
type TLS struct{ CertFile, KeyFile string }

// CORS says which other sites' pages may call the API from a browser.
type CORS struct {
	AllowedOrigins   []string
	AllowCredentials bool
	MaxAge           time.Duration
}

func (s *Server) settings() []setting {
	return []setting{
		text(&s.BindAddress, "bind_address", "127.0.0.1", "The address to listen on; 0.0.0.0 or :: for all of this machine. Other than loopback it needs an API key (ratchet key create)."),
		number(&s.Port, "port", 8080, 0, 65535, "The port to listen on. 0 lets the system choose one."),
		list(&s.Hosts, "hosts", "", "host names", nil, "Names by which a server that asks for no keys may be called, besides localhost. A page in a browser that was led here by another name is not served."),
		publicURL(&s.PublicURL, "public_url", "How others reach the server, where a proxy stands before it: what the URLs of hooks begin with, such as https://example.com/ratchet. Empty: the address that it listens on."),
		text(&s.TLS.CertFile, "tls.cert_file", "", "A PEM file with the certificate and those of its issuers. It and the key are read again when they change. Empty: plain HTTP."),
		text(&s.TLS.KeyFile, "tls.key_file", "", "A PEM file with the private key of the certificate."),
		list(&s.CORS.AllowedOrigins, "cors.allowed_origins", "", `origins such as "https://app.example.com", or "*"`, isOrigin, "Sites whose pages may call the API from a browser. Empty: none but the server's own. \"*\", all of them, counts only where keys are required."),
		toggle(&s.CORS.AllowCredentials, "cors.allow_credentials", false, `Whether such pages may send cookies and client certificates. Not together with "*".`),
		span(&s.CORS.MaxAge, "cors.max_age", "1h", 0, 24*time.Hour, "How long a browser may remember the answer."),
		size(&s.MaxBody, "max_body", "16MB", ratchet.KB, ratchet.GB, "The largest body of a request; of an upload of a task, four times that. The bodies held at once may take 16 times that together; those beyond are told to come again."),
		size(&s.MaxHeader, "max_header", "64KB", 4*ratchet.KB, 16*ratchet.MB, "The most that the headers of a request may take."),
		span(&s.HeaderTimeout, "header_timeout", "10s", time.Second, time.Hour, "How long a client may take to send the headers of a request."),
		span(&s.BodyTimeout, "body_timeout", "60s", time.Second, 24*time.Hour, "How long a client may take to send a whole request."),
		span(&s.WriteTimeout, "write_timeout", "60s", time.Second, 24*time.Hour, "How long a client may take to take an answer, from its first byte."),
		span(&s.IdleTimeout, "idle_timeout", "2m", time.Second, 24*time.Hour, "How long a connection is kept without a request."),
		number(&s.MaxRequests, "max_requests", 10_000, 1, 1_000_000, "How many requests are served at once; those beyond are told to come again."),
		toggle(&s.Compress, "compress", true, "Whether answers are compressed for clients that ask for it."),
		toggle(&s.Metrics, "metrics", true, "Whether /metrics is served, in the format of Prometheus."),
		span(&s.StopTimeout, "stop_timeout", "30s", 0, time.Hour, "How long running executions get to end by themselves when the server stops. What is not finished then goes back to the queue without burning an attempt."),
	}
}

// Loopback reports whether only this machine reaches the address.
func (s *Server) Loopback() bool {
	if s.BindAddress == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(s.BindAddress)
	return err == nil && addr.Unmap().IsLoopback()
}

// publicURL is a URL that others are appended to.
func publicURL(p *string, name, doc string) setting {
	s := text(p, name, "", doc)
	s.Wants = `an http or https URL without a query, such as "https://example.com/ratchet"`
	s.set = func(text string) error {
		u, err := url.Parse(text)
		if text != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.ContainsAny(text, "?# ")) {
			return s.wrong(text)
		}
		*p = strings.TrimRight(text, "/")
		return nil
	}
	return s
}

// isOrigin reports whether the text is scheme://host, or "*".
func isOrigin(text string) bool {
	if text == "*" {
		return true
	}
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.Path == "" && u.RawQuery == "" && u.User == nil
}
