package egress_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
)

func TestRequestArrivesAsAsked(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got, body = r, string(b)
		w.Header()["X-B"] = []string{"2", "1"}
		w.Header().Set("X-A", "0")
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
		w.WriteHeader(418)
		fmt.Fprint(w, "short and stout")
	})
	c := client(t, egress.Config{UserAgent: "ratchet-test"})
	req := egress.Request{
		Method: "patch", URL: url + "/a%2Fb?q=1#frag", Body: []byte("hi"),
		Header: [][2]string{
			{"x-many", "1"},
			{"X-Many", " 2 "},
			{"Connection", "close"},
			{"content-length", "99"},
			{"Transfer-Encoding", "chunked"},
			{"Expect", "100-continue"},
			{"Accept-Encoding", "br"},
			{"Proxy-Authorization", "x"},
			{"Upgrade", "h2c"},
			{"Host", strings.TrimPrefix(url, "http://")},
		},
	}
	res, err := c.Do(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if got.Method != "PATCH" || got.RequestURI != "/a%2Fb?q=1" || body != "hi" {
		t.Errorf("got %s %s %q", got.Method, got.RequestURI, body)
	}
	want := http.Header{
		"X-Many": {"1", "2"}, "Accept": {"*/*"}, "Accept-Encoding": {"gzip"},
		"User-Agent": {"ratchet-test"}, "Content-Length": {"2"},
	}
	if fmt.Sprint(got.Header) != fmt.Sprint(want) {
		t.Errorf("got headers %v, want %v", got.Header, want)
	}
	if res.Status != 418 || res.StatusText != "I'm a teapot" || string(res.Body) != "short and stout" || res.Proto != "HTTP/1.1" ||
		res.URL != url+"/a%2Fb?q=1" || res.Redirected || res.Sent != 2 || res.Received != 15 {
		t.Errorf("got %+v", res)
	}
	var flat []string
	for _, h := range res.Header {
		if strings.HasPrefix(h[0], "x-") {
			flat = append(flat, h[0]+"="+h[1])
		}
	}
	if !slices.Equal(flat, []string{"x-a=0", "x-b=2", "x-b=1"}) {
		t.Errorf("got headers %v", res.Header)
	}
	if res.Address.Addr().String() != "127.0.0.1" || !res.Exception || res.Timings.Reused || res.Timings.Connect <= 0 || res.Timings.Total < res.Timings.FirstByte {
		t.Errorf("ledger: got %v %v %+v", res.Address, res.Exception, res.Timings)
	}
	if res, err = c.Do(t.Context(), egress.Request{URL: url}); err != nil || !res.Timings.Reused || got.Header.Get("Cookie") != "" || got.Method != "GET" {
		t.Errorf("second request: got %+v, %v; cookie %q", res, err, got.Header.Get("Cookie"))
	}
}

func TestInvalidRequestsAreNamed(t *testing.T) {
	t.Parallel()
	c := client(t, egress.Config{})
	ok := "http://example.test/"
	for _, tt := range []struct {
		req  egress.Request
		want string
	}{
		{egress.Request{URL: ""}, "not an absolute URL"},
		{egress.Request{URL: "/path"}, "not an absolute URL"},
		{egress.Request{URL: "example.com"}, "not an absolute URL"},
		{egress.Request{URL: "file:///etc/passwd"}, `scheme "file"`},
		{egress.Request{URL: "gopher://127.0.0.1:70/"}, `scheme "gopher"`},
		{egress.Request{URL: "data:text/plain,x"}, `scheme "data"`},
		{egress.Request{URL: "http:example.com"}, "names no host"},
		{egress.Request{URL: "http:///x"}, "names no host"},
		{egress.Request{URL: "http://:80/"}, "not a host name"},
		{egress.Request{URL: "http://./"}, "not a host name"},
		{egress.Request{URL: "http://a b/"}, "not a valid URL"},
		{egress.Request{URL: "http://a..b/"}, "not a host name"},
		{egress.Request{URL: "http://a!b/"}, "not a host name"},
		{egress.Request{URL: `http://127.0.0.1:80\@public.test/`}, "not a valid URL"},
		{egress.Request{URL: "http://256.0.0.1/"}, "not an IPv4 address"},
		{egress.Request{URL: "http://99999999999999999999/"}, "not an IPv4 address"},
		{egress.Request{URL: "http://0xfffffffffffffffffffff/"}, "not an IPv4 address"},
		{egress.Request{URL: "http://09.1/"}, "not an IPv4 address"},
		{egress.Request{URL: "http://[::g]/"}, "not a valid URL"},
		{egress.Request{URL: "http://[127.0.0.1]/"}, "not a valid URL"},
		{egress.Request{URL: "http://example.test:0/"}, "port 0"},
		{egress.Request{URL: "http://example.test:70000/"}, "port 70000"},
		{egress.Request{URL: "http://user:hunter2@example.test/"}, "Authorization"},
		{egress.Request{URL: ok, Method: "GE T"}, "not an HTTP method"},
		{egress.Request{URL: ok, Method: "trace"}, "TRACE is not allowed"},
		{egress.Request{URL: ok, Method: "CONNECT"}, "CONNECT is not allowed"},
		{egress.Request{URL: ok, Body: []byte("x")}, "GET request cannot have a body"},
		{egress.Request{URL: ok, Redirect: "maybe"}, `redirect "maybe"`},
		{egress.Request{URL: ok, MaxBody: -1}, "negative"},
		{egress.Request{URL: ok, Header: [][2]string{{"a b", "x"}}}, `"a b" is not a header name`},
		{egress.Request{URL: ok, Header: [][2]string{{"", "x"}}}, "not a header name"},
		{egress.Request{URL: ok, Header: [][2]string{{"X", "a\r\nY: b"}}}, "X has a line break"},
		{egress.Request{URL: ok, Header: [][2]string{{"X", "a\x00"}}}, "control character"},
		{egress.Request{URL: ok, Header: [][2]string{{"X", strings.Repeat("a", 1<<17)}}}, "larger than 64KB"},
		{egress.Request{URL: ok, Header: [][2]string{{"host", "other.test"}}}, "other.test"},
	} {
		_, err := c.Do(t.Context(), tt.req)
		wantError(t, err, ratchet.ReasonValidation, "", "fetch", tt.want)
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("message leaks the password: %v", err)
		}
	}
	_, err := c.Do(t.Context(), egress.Request{URL: "http://u:hunter2@a b/?token=hunter2"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want an error without the password", err)
	}
}

func TestRefusalsSayWhichRuleAndWhatLiftsIt(t *testing.T) {
	t.Parallel()
	c := client(t, egress.Config{
		AllowCIDR: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")},
		Resolver:  resolver(t, zone{"internal.test": addrs("10.0.0.5"), "public.test": addrs("93.184.216.34")}),
	})
	listed := hosts(t, "a.com", "b.com", "*.c.com:8443")
	for _, tt := range []struct {
		url  string
		list egress.HostList
		kind egress.Kind
		want string
	}{
		{url: "http://127.0.0.1:9000/", kind: egress.KindAddress, want: "fetch http://127.0.0.1:9000/: refused: 127.0.0.1 is a loopback address; an operator can allow it with --allow-net 127.0.0.0/8"},
		{url: "http://127.0.0.1/x?secret=1", kind: egress.KindAddress, want: "fetch http://127.0.0.1/x?…: refused: 127.0.0.1 is a loopback address; an operator can allow it with --allow-net 127.0.0.0/8"},
		{url: "http://2130706433/", kind: egress.KindAddress, want: "fetch http://2130706433/: refused: 2130706433 is 127.0.0.1, a loopback address; an operator can allow it with --allow-net 127.0.0.0/8"},
		{url: "http://internal.test/", kind: egress.KindAddress, want: "fetch http://internal.test/: refused: internal.test resolves to 10.0.0.5, a private address; an operator can allow it with --allow-net 10.0.0.5"},
		{url: "http://internal.test:9000/", kind: egress.KindAddress, want: "fetch http://internal.test:9000/: refused: internal.test resolves to 10.0.0.5, a private address; an operator can allow it with --allow-net 10.0.0.5"},
		{url: "http://[::1]/", kind: egress.KindAddress, want: "fetch http://[::1]/: refused: ::1 is a loopback address; an operator can allow it with --allow-net ::1"},
		{url: "http://[::ffff:127.0.0.1]/", kind: egress.KindAddress, want: "fetch http://[::ffff:127.0.0.1]/: refused: ::ffff:127.0.0.1 is an IPv4-mapped address; write 127.0.0.1"},
		{url: "http://[fe80::1%25lo]/", kind: egress.KindAddress, want: "fetch http://[fe80::1%25lo]/: refused: fe80::1%lo is an address of one interface of this host"},
		{url: "http://public.test:6379/", kind: egress.KindPort, want: `fetch http://public.test:6379/: refused: port 6379 is not open (only 80, 443); add "public.test:6379" to the task's permissions.net or run with --allow-net public.test:6379`},
		{url: "http://93.184.216.34:22/", kind: egress.KindPort, want: `fetch http://93.184.216.34:22/: refused: port 22 is not open (only 80, 443); add "93.184.216.34:22" to the task's permissions.net or run with --allow-net 93.184.216.34:22`},
		{url: "https://x.test/", list: listed, kind: egress.KindHost, want: `fetch https://x.test/: refused: host "x.test" is not in the task's permissions.net (a.com, b.com, *.c.com:8443); add it there or run with --allow-net x.test`},
		{url: "https://d.c.com/", list: listed, kind: egress.KindHost, want: `fetch https://d.c.com/: refused: host "d.c.com:443" is not in the task's permissions.net (a.com, b.com, *.c.com:8443); add it there or run with --allow-net d.c.com:443`},
		{url: "http://10.1.0.5/", list: listed, kind: egress.KindHost, want: `fetch http://10.1.0.5/: refused: host "10.1.0.5" is not in the task's permissions.net (a.com, b.com, *.c.com:8443); add it there or run with --allow-net 10.1.0.5`},
	} {
		_, err := c.Do(t.Context(), egress.Request{URL: tt.url, Hosts: tt.list})
		wantError(t, err, ratchet.ReasonEgressRefused, tt.kind)
		if err != nil && err.Error() != tt.want {
			t.Errorf("got  %s\nwant %s", err, tt.want)
		}
	}
	none, err := egress.ParseHosts([]string{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Do(t.Context(), egress.Request{URL: "https://a.com/", Hosts: none})
	wantError(t, err, ratchet.ReasonEgressRefused, egress.KindHost, "permissions.net (none)")
}

func TestManyRequestsRunAtOnce(t *testing.T) {
	t.Parallel()
	const n = 100
	var arrived sync.WaitGroup
	arrived.Add(n)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		arrived.Done()
		arrived.Wait() // answers only once all are here
		fmt.Fprint(w, r.URL.Query().Get("i"))
	})
	c := client(t, egress.Config{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			res, err := c.Do(t.Context(), egress.Request{URL: fmt.Sprintf("%s/?i=%d", url, i)})
			if err != nil || string(res.Body) != fmt.Sprint(i) {
				t.Errorf("request %d: got %+v, %v", i, res, err)
			}
		})
	}
	group.Wait()
}

func TestPooledConnectionsObeyTheRequestsOwnHostList(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	url := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	c := client(t, egress.Config{Resolver: resolver(t, zone{"a.test": addrs("127.0.0.1")})})
	if _, err := c.Do(t.Context(), egress.Request{URL: named(url, "a.test"), Hosts: hosts(t, "a.test")}); err != nil {
		t.Fatal(err)
	}
	_, err := c.Do(t.Context(), egress.Request{URL: named(url, "a.test"), Hosts: hosts(t, "b.test")})
	wantError(t, err, ratchet.ReasonEgressRefused, egress.KindHost)
	if hits.Load() != 1 {
		t.Errorf("got %d requests, want 1", hits.Load())
	}
}

// tlsServer returns an HTTP/2 server, a Config that trusts it, and its URL.
func tlsServer(t *testing.T, cfg egress.Config, h http.HandlerFunc) (*httptest.Server, egress.Config) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = discard
	s.StartTLS()
	t.Cleanup(s.Close)
	cfg.RootCAs = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return s, cfg
}

func TestHTTP2IsSpokenAndNeverSharedBetweenHosts(t *testing.T) {
	t.Parallel()
	s, cfg := tlsServer(t, egress.Config{}, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto, r.Host, r.RemoteAddr) })
	// The certificate of httptest is for example.com and its sub-domains: a client
	// that coalesces would use one connection for both.
	cfg.Resolver = resolver(t, zone{"a.example.com": addrs("127.0.0.1"), "b.example.com": addrs("127.0.0.1")})
	c := client(t, cfg)
	seen := map[string]bool{}
	for _, host := range []string{"a.example.com", "b.example.com", "a.example.com"} {
		res, err := c.Do(t.Context(), egress.Request{URL: named(s.URL, host), Hosts: hosts(t, host)})
		if err != nil {
			t.Fatal(err)
		}
		if res.Proto != "HTTP/2.0" || !strings.HasPrefix(string(res.Body), "HTTP/2.0"+host) || res.StatusText != "OK" {
			t.Errorf("got %+v %s", res, res.Body)
		}
		seen[string(res.Body)] = true
	}
	if len(seen) != 2 {
		t.Errorf("got %v, want one connection a host", seen)
	}
	_, err := c.Do(t.Context(), egress.Request{URL: named(s.URL, "b.example.com"), Hosts: hosts(t, "a.example.com")})
	wantError(t, err, ratchet.ReasonEgressRefused, egress.KindHost)
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	c := client(t, egress.Config{})
	failed := make(chan error)
	go func() {
		_, err := c.Do(t.Context(), egress.Request{URL: url})
		failed <- err
	}()
	<-arrived
	go c.Close()
	wantError(t, <-failed, ratchet.ReasonServiceUnavailable, "", "closed")
	c.Close()
	_, err := c.Do(t.Context(), egress.Request{URL: url})
	wantError(t, err, ratchet.ReasonServiceUnavailable, "", "closed")
}

func TestCloseLeavesNoConnection(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(closed)
		}
	}
	s.Start()
	defer s.Close()
	c := client(t, egress.Config{Ports: []uint16{1}})
	if _, err := c.Do(t.Context(), egress.Request{URL: s.URL, Hosts: hosts(t, "127.0.0.1:"+s.URL[strings.LastIndexByte(s.URL, ':')+1:])}); err != nil {
		t.Fatal(err)
	}
	c.Close()
	select {
	case <-closed:
	case <-time.After(10 * time.Second): // an idle connection would end after 30
		t.Error("the connection is still open")
	}
}

func TestCallerCancelsAndItsCauseComesBack(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 2)
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	c := client(t, egress.Config{})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the task was cancelled")
	go func() { <-arrived; cancel(why) }()
	if _, err := c.Do(ctx, egress.Request{URL: url}); !errors.Is(err, why) || !strings.HasPrefix(err.Error(), "fetch "+url+": ") {
		t.Errorf("got %v, want the cause", err)
	}
	ctx, stop := context.WithDeadline(t.Context(), time.Now().Add(300*time.Millisecond))
	defer stop()
	_, err := c.Do(ctx, egress.Request{URL: url})
	wantError(t, err, ratchet.ReasonTimeout, egress.KindHeaders, "the deadline passed waiting for the response's headers")
}

// rawServer answers each connection with script.
func rawServer(t *testing.T, script func(net.Conn)) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() { defer conn.Close(); script(conn) })
		}
	})
	t.Cleanup(func() { ln.Close(); all.Wait() })
	return "http://" + ln.Addr().String()
}
