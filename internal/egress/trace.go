package egress

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A trace notes how far a hop got, and when. Its hooks may run after the hop has
// ended: a connection begun for one request can serve the next.
type trace struct {
	body atomic.Bool // the body is being read

	mu     sync.Mutex
	when   [marks]time.Time
	reused bool
	addr   netip.AddrPort

	wrote func() (stop func() bool) // called when the request is written, unless the answer is there already
	stop  func() bool               // what it returned
	done  bool                      // the answer is there
}

// The marks of a trace, in the order in which a hop passes them.
const (
	dnsStart = iota
	dnsDone
	connectStart
	connectDone
	tlsStart
	tlsDone
	gotConn
	wroteRequest
	firstByte
	marks
)

func (t *trace) mark(i int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.when[i].IsZero() {
		t.when[i] = time.Now()
	}
}

func (t *trace) with(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { t.mark(dnsStart) },
		DNSDone: func(info httptrace.DNSDoneInfo) {
			if info.Err == nil { // a look-up that timed out is where the hop still is
				t.mark(dnsDone)
			}
		},
		ConnectStart: func(string, string) { t.mark(connectStart) },
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				t.mark(connectDone)
			}
		},
		TLSHandshakeStart:    func() { t.mark(tlsStart) },
		TLSHandshakeDone:     func(tls.ConnectionState, error) { t.mark(tlsDone) },
		GotConn:              t.gotConn,
		WroteRequest:         func(httptrace.WroteRequestInfo) { t.mark(wroteRequest); t.await() },
		GotFirstResponseByte: func() { t.mark(firstByte) },
	})
}

// await begins the wait for the answer, anew if the request had to be written
// again.
func (t *trace) await() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wrote == nil || t.done {
		return
	}
	if t.stop != nil {
		t.stop()
	}
	t.stop = t.wrote()
}

// answered ends the wait.
func (t *trace) answered() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done = true
	if t.stop != nil {
		t.stop()
	}
}

func (t *trace) gotConn(info httptrace.GotConnInfo) {
	t.mark(gotConn)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reused = info.Reused
	if ap, err := netip.ParseAddrPort(info.Conn.RemoteAddr().String()); err == nil {
		t.addr = netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
}

// stage is what the hop was at, as a Kind.
func (t *trace) stage() Kind {
	if t == nil {
		return KindConnect
	}
	if t.body.Load() {
		return KindBody
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case !t.when[gotConn].IsZero():
		return KindHeaders
	case !t.when[tlsStart].IsZero():
		return KindTLS
	case !t.when[dnsStart].IsZero() && t.when[dnsDone].IsZero():
		return KindDNS
	}
	return KindConnect
}

func (t *trace) timings() Timings {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.reused {
		return Timings{Reused: true, FirstByte: t.span(wroteRequest, firstByte)}
	}
	return Timings{
		DNS:       t.span(dnsStart, dnsDone),
		Connect:   t.span(connectStart, connectDone),
		TLS:       t.span(tlsStart, tlsDone),
		FirstByte: t.span(wroteRequest, firstByte),
	}
}

func (t *trace) span(from, to int) time.Duration {
	if t.when[from].IsZero() || t.when[to].IsZero() {
		return 0
	}
	return max(0, t.when[to].Sub(t.when[from]))
}

func (t *trace) remote() netip.AddrPort {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.addr
}
