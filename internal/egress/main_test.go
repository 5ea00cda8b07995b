package egress_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
)

// The tests run in a user and network namespace of their own, where every
// address of the world leads to this process: nothing can leave the machine, and
// a client without a guard really reaches what a guarded one must not. Where the
// namespace cannot be had, the tests that need it say so and are skipped; the
// others use loopback, opened by an exception.
func TestMain(m *testing.M) {
	if code, done := reexecInNamespace(); done {
		os.Exit(code)
	}
	if noNamespace != "" {
		fmt.Fprintln(os.Stderr, "egress: the tests on internal addresses are skipped:", noNamespace)
	}
	goleak.VerifyTestMain(m)
}

// noNamespace says why there is no namespace; "" if the tests are inside.
var noNamespace = "only made by TestMain on Linux"

func needNamespace(t *testing.T) {
	t.Helper()
	if noNamespace != "" {
		t.Skip("needs a network namespace: " + noNamespace)
	}
}

// zone answers a name with addresses; nil means there is no such name.
type zone map[string]func() []string

func addrs(a ...string) func() []string { return func() []string { return a } }

// resolver returns a Resolver that asks a DNS server with the zone alone.
func resolver(t *testing.T, z zone) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { pc.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply, err := z.answer(buf[:n]); err == nil {
				_, _ = pc.WriteTo(reply, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

func (z zone) answer(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	q := m.Questions[0]
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	find := z[strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))]
	if find == nil {
		m.RCode = dnsmessage.RCodeNameError
		return m.Pack()
	}
	want4 := q.Type == dnsmessage.TypeA
	var all []string
	if want4 || q.Type == dnsmessage.TypeAAAA {
		all = find()
	}
	for _, s := range all {
		a, h := netip.MustParseAddr(s), dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}
		switch {
		case a.Is4() && want4:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
		case a.Is6() && !want4:
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	return m.Pack()
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// client returns a Client that ends with the test. Loopback is open to it unless
// the Config says otherwise.
func client(t *testing.T, cfg egress.Config) *egress.Client {
	t.Helper()
	if cfg.AllowCIDR == nil {
		cfg.AllowCIDR = loopback
	}
	c, err := egress.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// serve starts an HTTP server on 127.0.0.1 and returns its URL, without a path.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// named returns url with its host replaced by name.
func named(url, name string) string { return strings.Replace(url, "127.0.0.1", name, 1) }

func hosts(t *testing.T, list ...string) egress.HostList {
	t.Helper()
	l, err := egress.ParseHosts(list)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// wantError checks an error's reason and kind and that its message has the
// parts, and nothing of Go's own chains.
func wantError(t *testing.T, err error, reason ratchet.Reason, kind egress.Kind, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("got no error, want %s", reason)
		return
	}
	e := ratchet.AsError(err)
	if e.Reason != reason || egress.KindOf(err) != kind {
		t.Errorf("got %s/%s, want %s/%s: %v", e.Reason, egress.KindOf(err), reason, kind, err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got message %q, want %q in it", err, part)
		}
	}
	for _, leak := range []string{"dial tcp", `Get "`, "read tcp", "write tcp", "net/http", "->", "%!"} {
		if strings.Contains(err.Error(), leak) {
			t.Errorf("message %q leaks %q", err, leak)
		}
	}
}

func header(res *egress.Response, name string) string {
	for _, h := range res.Header {
		if h[0] == name {
			return h[1]
		}
	}
	return ""
}
