package egress_test

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
)

const public4, public6 = "93.184.216.34", "2606:2800:220:1::1"

// everywhere serves h on the port of every address, 0 for any port, and returns
// the port.
func everywhere(t *testing.T, port int, h http.Handler) string {
	t.Helper()
	ln, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ErrorLog: discard}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(ln) }()
	t.Cleanup(func() { s.Close(); <-done })
	_, text, _ := net.SplitHostPort(ln.Addr().String())
	return text
}

// unguarded is what a careless program would use.
func unguarded(t *testing.T, r *net.Resolver) *http.Client {
	transport := &http.Transport{DialContext: (&net.Dialer{Timeout: 5 * time.Second, Resolver: r}).DialContext, DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func counted(hits *atomic.Int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		redirector(w, r)
	})
}

// internalNames resolve to what they must not.
func internalNames() zone {
	return zone{
		"public.test":   addrs(public4),
		"public6.test":  addrs(public6),
		"internal.test": addrs("10.0.0.5"),
		"loop.test":     addrs("127.0.0.1", "::1"),
		"mapped.test":   addrs("::ffff:127.0.0.1"),
		"nat64.test":    addrs("64:ff9b::7f00:1"),
		"metadata.test": addrs("169.254.169.254"),
		"both.test":     addrs("10.0.0.5", "fd00::5"),
	}
}

func TestInternalAddressesAreReachedByAPlainClientOnly(t *testing.T) {
	needNamespace(t)
	var hits atomic.Int64
	everywhere(t, 80, counted(&hits))
	names := resolver(t, internalNames())
	plain := unguarded(t, names)
	guarded := client(t, egress.Config{Resolver: names, AllowCIDR: []netip.Prefix{}})

	via := "http://public.test/?to="
	for _, url := range []string{
		"http://127.0.0.1/", "http://127.8.8.8/", "http://0.0.0.0/", "http://[::1]/", "http://[::]/",
		"http://10.0.0.5/", "http://172.16.3.4/", "http://192.168.1.1/", "http://100.64.1.1/", "http://100.100.100.200/",
		"http://169.254.169.254/latest/meta-data/", "http://169.254.1.1/", "http://168.63.129.16/", "http://192.0.0.192/",
		"http://198.18.0.1/", "http://192.0.2.1/", "http://192.88.99.1/", "http://203.0.113.9/", "http://240.0.0.1/",
		"http://[fd00:ec2::254]/", "http://[fc00::1]/", "http://[fec0::1]/", "http://[64:ff9b::a00:5]/", "http://[64:ff9b:1::1]/",
		"http://[2002:7f00:1::1]/", "http://[2001::1]/", "http://[2001:db8::1]/", "http://[3fff::1]/", "http://[100::1]/",
		"http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::ffff:10.0.0.5]/", "http://[2606:2800::5efe:a00:5]/",
		"http://internal.test/", "http://internal.test./", "http://INTERNAL.test/", "http://loop.test/", "http://mapped.test/",
		"http://nat64.test/", "http://metadata.test/", "http://both.test/",
		via + "http://127.0.0.1/", via + "http://[::1]/", via + "//10.0.0.5/", via + "http://internal.test/",
		via + "http://public.test/%3Fto=http://169.254.169.254/",
	} {
		before := hits.Load()
		res, err := plain.Get(url)
		if err != nil {
			t.Errorf("%s: the plain client does not reach it, so this proves nothing: %v", url, err)
			continue
		}
		res.Body.Close()
		reached := hits.Load() - before

		before = hits.Load()
		_, err = guarded.Do(t.Context(), egress.Request{URL: url})
		wantError(t, err, ratchet.ReasonEgressRefused, egress.KindAddress, "fetch http://")
		if got, want := hits.Load()-before, reached-1; got != want {
			t.Errorf("%s: %d requests of the guarded client arrived, want %d", url, got, want)
		}
	}
	// What the plain client makes of these depends on its resolver.
	for _, host := range []string{
		"2130706433", "127.1", "127.0.1", "0177.0.0.1", "0x7f000001", "0x7f.1", "0x7f.0.0.1", "017700000001", "0", "127.0.0.1.",
		"①②⑦.⓪.⓪.①", "１２７.0.0.1", "127。0。0。1", "localhost", "LOCALHOST.",
	} {
		before := hits.Load()
		_, err := guarded.Do(t.Context(), egress.Request{URL: "http://" + host + "/"})
		if host = strings.ToLower(host); !strings.HasPrefix(host, "localhost") {
			wantError(t, err, ratchet.ReasonEgressRefused, egress.KindAddress)
		}
		if err == nil || hits.Load() != before {
			t.Errorf("%s: got through: %v", host, err)
		}
	}
	for _, url := range []string{"http://public.test/", "http://public6.test/", "http://" + public4 + "/", "http://[" + public6 + "]/", via + "http://public6.test/"} {
		if res, err := guarded.Do(t.Context(), egress.Request{URL: url}); err != nil || res.Exception {
			t.Errorf("%s: got %+v, %v; want it to pass", url, res, err)
		}
	}
}

func TestRebindingGainsNothing(t *testing.T) {
	needNamespace(t)
	var hits atomic.Int64
	port := everywhere(t, 0, counted(&hits))
	var rebound atomic.Bool
	names := resolver(t, zone{"rebind.test": func() []string {
		if rebound.Load() {
			return []string{"127.0.0.1"}
		}
		return []string{public4}
	}})
	cfg := egress.Config{Resolver: names, AllowCIDR: []netip.Prefix{}}
	req := egress.Request{URL: "http://rebind.test:" + port, Hosts: hosts(t, "rebind.test:"+port)}
	if _, err := client(t, cfg).Do(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	// A program that looks before it leaps sees a public address …
	if ips, err := names.LookupNetIP(t.Context(), "ip4", "rebind.test"); err != nil || ips[0].String() != public4 {
		t.Fatalf("got %v, %v", ips, err)
	}
	rebound.Store(true) // … and leaps to another.
	if res, err := unguarded(t, names).Get(req.URL); err != nil {
		t.Fatal(err)
	} else {
		res.Body.Close()
	}
	before := hits.Load()
	_, err := client(t, cfg).Do(t.Context(), req)
	wantError(t, err, ratchet.ReasonEgressRefused, egress.KindAddress, "rebind.test resolves to 127.0.0.1, a loopback address")
	if hits.Load() != before {
		t.Error("the request arrived")
	}
}

func TestEveryAddressOfANameIsJudged(t *testing.T) {
	needNamespace(t)
	// Nothing listens on the public addresses: listeners are on single ones here.
	var hits atomic.Int64
	ln, err := net.Listen("tcp4", "10.0.0.5:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: counted(&hits), ReadHeaderTimeout: time.Minute}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(ln) }()
	t.Cleanup(func() { s.Close(); <-done })
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	names := resolver(t, zone{
		"multi.test": addrs("93.184.216.35", "10.0.0.5"), // a dead public address, then the internal one
		"dead.test":  addrs("93.184.216.35"),
	})
	url := "http://multi.test:" + port
	if res, err := unguarded(t, names).Get(url); err != nil {
		t.Fatal(err)
	} else {
		res.Body.Close()
	}
	guarded := client(t, egress.Config{Resolver: names, AllowCIDR: []netip.Prefix{}})
	_, err = guarded.Do(t.Context(), egress.Request{URL: url, Hosts: hosts(t, "multi.test:"+port)})
	wantError(t, err, ratchet.ReasonEgressRefused, egress.KindAddress, "multi.test resolves to 10.0.0.5")
	_, err = guarded.Do(t.Context(), egress.Request{URL: "http://dead.test:" + port, Hosts: hosts(t, "dead.test:"+port)})
	wantError(t, err, ratchet.ReasonNetwork, egress.KindConnect, "nothing listens on dead.test:"+port)
	if hits.Load() != 1 {
		t.Errorf("got %d requests, want the plain client's only", hits.Load())
	}
}

func TestPortsOpenByHostListOnly(t *testing.T) {
	needNamespace(t)
	var hits atomic.Int64
	port := everywhere(t, 0, counted(&hits))
	names := resolver(t, internalNames())
	for _, except := range [][]netip.Prefix{{}, loopback} {
		hits.Store(0)
		c := client(t, egress.Config{Resolver: names, AllowCIDR: except})
		url := "http://public.test:" + port + "/"
		open := egress.Request{URL: url, Hosts: hosts(t, "public.test:"+port)}
		if res, err := c.Do(t.Context(), open); err != nil || res.Exception {
			t.Fatalf("got %+v, %v", res, err)
		}
		// The connection is in the pool now, and must not serve who may not have it.
		for _, list := range []egress.HostList{{}, hosts(t, "public.test"), hosts(t, "public.test", "loop.test:"+port)} {
			_, err := c.Do(t.Context(), egress.Request{URL: url, Hosts: list})
			wantError(t, err, ratchet.ReasonEgressRefused, egress.KindPort, `add "public.test:`+port+`" to the task's permissions.net`)
		}
		res, err := c.Do(t.Context(), open)
		if err != nil || !res.Timings.Reused || hits.Load() != 2 {
			t.Errorf("got %+v, %v, %d requests", res, err, hits.Load())
		}
		// A port in the list opens no internal address.
		_, err = c.Do(t.Context(), egress.Request{URL: "http://internal.test:" + port, Hosts: hosts(t, "internal.test:"+port)})
		wantError(t, err, ratchet.ReasonEgressRefused, egress.KindAddress)
	}
}

func TestExceptionsReachTheirAddressesOnEveryPort(t *testing.T) {
	needNamespace(t)
	var hits atomic.Int64
	port := everywhere(t, 0, counted(&hits))
	c := client(t, egress.Config{
		Resolver:  resolver(t, internalNames()),
		AllowCIDR: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("64:ff9b::/96")},
	})
	for _, host := range []string{"10.0.0.5", "internal.test", "[64:ff9b::5db8:d822]"} {
		res, err := c.Do(t.Context(), egress.Request{URL: "http://" + host + ":" + port})
		if err != nil || !res.Exception {
			t.Errorf("%s: got %+v, %v", host, res, err)
		}
	}
	for _, host := range []string{"10.0.1.5", "127.0.0.1", "loop.test", "nat64.test", "[64:ff9b::7f00:1]"} {
		_, err := c.Do(t.Context(), egress.Request{URL: "http://" + host + ":" + port})
		wantError(t, err, ratchet.ReasonEgressRefused, egress.KindAddress)
	}
	_, err := c.Do(t.Context(), egress.Request{URL: "http://10.0.0.5:" + port, Hosts: hosts(t, "a.test")})
	wantError(t, err, ratchet.ReasonEgressRefused, egress.KindHost)
	if hits.Load() != 3 {
		t.Errorf("got %d requests, want 3", hits.Load())
	}
}
