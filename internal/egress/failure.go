package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// A Kind tells failures of one ratchet.Reason apart, for programs.
type Kind string

// Which rule refused (EGRESS_REFUSED).
const (
	KindHost        Kind = "host"        // not in the HostList
	KindPort        Kind = "port"        // neither a usual port nor one the HostList names
	KindAddress     Kind = "address"     // internal
	KindScheme      Kind = "scheme"      // a redirect to something else than http and https
	KindCredentials Kind = "credentials" // a redirect to an URL with a user name or password
)

// What failed (NETWORK_ERROR), or took too long (TIMEOUT).
const (
	KindDNS         Kind = "dns"         // the name does not resolve
	KindPlace       Kind = "place"       // too many requests to the host are under way (TIMEOUT)
	KindConnect     Kind = "connect"     // refused
	KindUnreachable Kind = "unreachable" // no route
	KindTLS         Kind = "tls"         // the handshake, or the certificate
	KindHeaders     Kind = "headers"     // of the response: too many or, for a TIMEOUT, none
	KindBody        Kind = "body"        // of the response (TIMEOUT, BODY_TOO_LARGE)
	KindReset       Kind = "reset"       // the connection broke
	KindClosed      Kind = "closed"      // the server hung up
	KindEncoding    Kind = "encoding"    // the body is not the gzip it claims to be
	KindRedirect    Kind = "redirect"    // one that was not wanted, or leads nowhere
	KindProtocol    Kind = "protocol"    // not HTTP
	KindCache       Kind = "cache"       // cache: "only-if-cached", and nothing is kept
)

// detail is how an Error carries its Kind: as the message of its first Detail.
func detail(kind Kind, got, expected string) ratchet.Detail {
	return ratchet.Detail{Pointer: "/url", Message: string(kind), Got: got, Expected: expected}
}

// What ends a context: Request.Timeout, and Config.HeaderTimeout.
var (
	errTimeout = errors.New("the request's timeout passed")
	errHeaders = errors.New("the wait for the response's headers took too long")
)

// A netFault is a failure already in words.
type netFault struct {
	kind Kind
	text string
}

func (f *netFault) Error() string { return f.text }

func fault(kind Kind, format string, args ...any) error {
	return &netFault{kind, fmt.Sprintf(format, args...)}
}

func invalid(pointer, format string, args ...any) error {
	e := ratchet.Errorf(ratchet.ReasonValidation, format, args...)
	return e.WithDetails(ratchet.Detail{Pointer: pointer, Message: e.Message})
}

// label names the exchange in messages, and the hop it is at.
func (x *exchange) label() string {
	if x.hops == 0 {
		return "fetch " + x.first
	}
	return "fetch " + x.first + ": redirect to " + display(x.url)
}

// failure turns what ended a hop into the error that Do returns.
func (x *exchange) failure(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*ratchet.Error](err); ok {
		return e
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		return x.refused(r)
	}
	if errors.Is(err, errBodyTooLarge) {
		return ratchet.Errorf(ratchet.ReasonBodyTooLarge,
			"%s: the response body is larger than the limit of %s; raise it with --max-fetch-body or \"limits.fetchBody\" in the task's metadata.json", x.label(), ratchet.Size(x.req.MaxBody)).
			WithDetails(detail(KindBody, "", "at most "+ratchet.Size(x.req.MaxBody).String()))
	}
	if errors.Is(err, errNotKept) {
		return x.network(KindCache, "the request says cache: \"only-if-cached\", and no response is kept that would answer it")
	}
	if ctx.Err() != nil {
		return x.ended(context.Cause(ctx))
	}
	if t, ok := errors.AsType[net.Error](err); ok && t.Timeout() && !errors.Is(err, syscall.ETIMEDOUT) {
		return x.slow()
	}
	kind, text := x.explain(err)
	return x.network(kind, text)
}

func (x *exchange) network(kind Kind, text string) error {
	return ratchet.Errorf(ratchet.ReasonNetwork, "%s: %s", x.label(), text).
		WithDetails(detail(kind, x.target.name, ""))
}

// refused words a refusal for the hop that met it.
func (x *exchange) refused(r *refusal) error {
	t, text, remedy, flag := x.target, r.text, r.remedy, r.flag
	switch {
	case r.kind == KindPort:
		flag = t.hostPort()
		text = fmt.Sprintf("port %d is not open (only %s)", t.port, portList(x.client.cfg.Ports))
		remedy = fmt.Sprintf("add %q to the task's permissions.net or run with --allow-net %s", flag, flag)
	case r.what != "" && t.raw == r.subject:
		text = fmt.Sprintf("%s is %s", r.subject, r.what)
	case r.what != "" && t.addr.IsValid():
		text = fmt.Sprintf("%s is %s, %s", t.raw, r.subject, r.what)
	case r.what != "":
		text = fmt.Sprintf("%s resolves to %s, %s", t.name, r.subject, r.what)
	}
	if remedy != "" {
		text += "; " + remedy
	}
	return ratchet.Errorf(ratchet.ReasonEgressRefused, "%s: refused: %s", x.label(), text).
		WithDetails(detail(r.kind, r.subject, flag))
}

func portList(ports []uint16) string {
	texts := make([]string, len(ports))
	for i, p := range ports {
		texts[i] = fmt.Sprint(p)
	}
	return strings.Join(texts, ", ")
}

// ended words the end of the exchange's context.
func (x *exchange) ended(cause error) error {
	switch {
	case cause == errTimeout:
		return x.timeout("timed out after %s %s; raise it with --timeout or \"timeout\" in the task's metadata.json", plain(x.req.Timeout), x.doing())
	case errors.Is(cause, context.DeadlineExceeded):
		return x.timeout("the deadline passed %s", x.doing())
	case cause == errClosed:
		return ratchet.Errorf(ratchet.ReasonServiceUnavailable, "%s: %w", x.label(), cause)
	}
	return fmt.Errorf("%s: %w", x.label(), cause)
}

// slow words a timeout of one stage.
func (x *exchange) slow() error {
	if x.trace.stage() == KindDNS {
		return x.timeout("the DNS server did not answer for %s", x.target.name)
	}
	return x.timeout("gave up after %s %s", plain(x.client.cfg.DialTimeout), x.doing())
}

// plain writes a span as people do: "1m", not "1m0s".
func plain(d time.Duration) string {
	return ratchet.Duration(d.Round(time.Millisecond)).String()
}

func (x *exchange) timeout(format string, args ...any) error {
	return ratchet.Errorf(ratchet.ReasonTimeout, "%s: %s", x.label(), fmt.Sprintf(format, args...)).
		WithDetails(detail(x.trace.stage(), x.target.name, ""))
}

func (x *exchange) doing() string {
	switch x.trace.stage() {
	case KindDNS:
		return "looking up " + x.target.name
	case KindTLS:
		return "in the TLS handshake with " + x.target.name
	case KindHeaders:
		return "waiting for the response's headers"
	case KindBody:
		return "reading the response's body"
	}
	return "connecting to " + x.target.hostPort()
}

// explain returns the kind of a network error, and what a reader can do with.
func (x *exchange) explain(err error) (Kind, string) {
	host, stage := x.target.name, x.trace.stage()
	if f, ok := errors.AsType[*netFault](err); ok {
		return f.kind, f.text
	}
	if d, ok := errors.AsType[*net.DNSError](err); ok {
		if d.IsNotFound {
			return KindDNS, fmt.Sprintf("no such host: %s does not resolve", host)
		}
		if d.Err == "server misbehaving" {
			return KindDNS, fmt.Sprintf("looking up %s failed: the DNS server gives no proper answer", host)
		}
		return KindDNS, fmt.Sprintf("looking up %s failed: the DNS server cannot be asked", host)
	}
	if text := explainTLS(err, stage, x.target); text != "" {
		return KindTLS, text
	}
	during := "before it answered"
	if stage == KindBody {
		during = "in the middle of the response's body"
	}
	switch {
	case errors.Is(err, errBadGzip):
		return KindEncoding, "the response says Content-Encoding: gzip, but its body is damaged or not gzip"
	case errors.Is(err, syscall.ECONNREFUSED):
		return KindConnect, fmt.Sprintf("connection refused: nothing listens on %s", x.target.hostPort())
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return KindReset, fmt.Sprintf("%s reset the connection %s", host, during)
	case errors.Is(err, syscall.ETIMEDOUT): // the kernel's own, after many unanswered segments
		return KindUnreachable, fmt.Sprintf("%s no longer answers", host)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return KindUnreachable, fmt.Sprintf("there is no route to %s", host)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return KindClosed, fmt.Sprintf("%s closed the connection %s", host, during)
	}
	return explainHTTP(err, x)
}

// explainHTTP words what net/http says in text only.
func explainHTTP(err error, x *exchange) (Kind, string) {
	text := innermost(err)
	switch {
	case strings.Contains(text, "response headers exceeded"), strings.Contains(text, "response header list larger"):
		return KindHeaders, fmt.Sprintf("the response's headers are larger than %s", ratchet.Size(x.client.cfg.MaxHeader))
	case strings.Contains(text, "server closed idle connection"):
		return KindClosed, fmt.Sprintf("%s closed the connection before it answered", x.target.name)
	case strings.HasPrefix(text, "connection error:"): // also what a flood of headers ends in
		return KindProtocol, fmt.Sprintf("%s broke the rules of HTTP/2, or sent more than %s of headers", x.target.name, ratchet.Size(x.client.cfg.MaxHeader))
	case strings.HasPrefix(text, "stream error:"):
		return KindReset, fmt.Sprintf("%s broke off the HTTP/2 stream", x.target.name)
	}
	return KindProtocol, fmt.Sprintf("the answer of %s is not HTTP as it should be: %s", x.target.name, text)
}

// explainTLS words a failure of TLS, "" if err is another.
func explainTLS(err error, stage Kind, t target) string {
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fmt.Sprintf("TLS: the certificate of %s is signed by an authority that is not trusted here", t.name)
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return fmt.Sprintf("TLS: the certificate that %s shows is for another host", t.name)
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return fmt.Sprintf("TLS: the certificate of %s has expired or is not valid yet", t.name)
		}
		return fmt.Sprintf("TLS: the certificate of %s is not valid", t.name)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return fmt.Sprintf("TLS: %s does not speak TLS", t.hostPort())
	}
	if e, ok := errors.AsType[*net.OpError](err); ok && e.Op == "remote error" {
		return fmt.Sprintf("TLS: %s ended the session: %s", t.name, innermost(e))
	}
	if stage == KindTLS {
		return fmt.Sprintf("TLS: the handshake with %s failed: %s", t.name, innermost(err))
	}
	return ""
}

// innermost returns the text of the last error in the chain, without the name of
// the Go package that made it.
func innermost(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			break
		}
		err = inner
	}
	text := err.Error()
	for _, prefix := range []string{"net/http: ", "http: ", "http2: ", "tls: ", "x509: ", "HTTP/1.x transport connection broken: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return cut(text)
}
