package egress_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
)

func TestHostListAdmitsWhatItNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		entry, host string
		port        uint16
		want        bool
	}{
		{"example.com", "example.com", 443, true},
		{"example.com", "EXAMPLE.com.", 80, true},
		{"Example.COM.", "example.com", 80, true},
		{"example.com", "example.com", 8443, true}, // the host; its port is another rule
		{"example.com", "www.example.com", 443, false},
		{"example.com", "notexample.com", 443, false},
		{"example.com", "example.com.evil.test", 443, false},
		{"example.com:8443", "example.com", 8443, true},
		{"example.com:8443", "example.com", 443, false},
		{"*.example.com", "www.example.com", 443, true},
		{"*.example.com", "a.b.example.com", 443, true},
		{"*.example.com", "example.com", 443, false},
		{"*.example.com", "notexample.com", 443, false},
		{"*.example.com", "www.example.com.evil.test", 443, false},
		{"*.example.com:8443", "www.example.com", 8443, true},
		{"*.example.com:8443", "www.example.com", 443, false},
		{"bücher.example", "xn--bcher-kva.example", 443, true},
		{"xn--bcher-kva.example", "BÜCHER.example", 443, true},
		{"*.bücher.example", "shop.BÜCHER.example.", 443, true},
		{"ex_ample.test", "ex_ample.test", 443, true},
		{"93.184.216.34", "93.184.216.34", 80, true},
		{"93.184.216.34", "1572395042", 80, true},
		{"0x5d.184.55330", "93.184.216.34", 80, true},
		{"93.184.216.34:8080", "93.184.216.34", 80, false},
		{"127.0.0.1", "127.1", 80, true},
		{"[2606:2800::1]:8443", "[2606:2800:0::1]", 8443, true},
		{"2606:2800::1", "2606:2800::1", 80, true},
		{"2606:2800::1", "2606:2800::2", 80, false},
		{"*.34", "93.184.216.34", 80, false},
	} {
		l, err := egress.ParseHosts([]string{tt.entry})
		if err != nil && tt.want {
			t.Errorf("%s: %v", tt.entry, err)
		}
		if got := l.Allows(tt.host, tt.port); got != tt.want {
			t.Errorf("%s admits %s port %d: got %v, want %v", tt.entry, tt.host, tt.port, got, tt.want)
		}
	}
}

func TestNilHostListIsAnyHostAndEmptyIsNone(t *testing.T) {
	t.Parallel()
	anyHost, err := egress.ParseHosts(nil)
	if err != nil || !anyHost.Allows("example.com", 443) || !anyHost.AllowsAny() || anyHost.String() != "any public host" {
		t.Errorf("nil: got %v, %v", anyHost, err)
	}
	none, err := egress.ParseHosts([]string{})
	if err != nil || none.Allows("example.com", 443) || none.AllowsAny() || none.String() != "none" {
		t.Errorf("empty: got %v, %v", none, err)
	}
	more := hosts(t, "b.test", "c.test:8443")
	if l := none.Extend(more); !l.Allows("b.test", 80) || l.Allows("a.test", 80) {
		t.Errorf("none extended: got %v", l)
	}
	if l := anyHost.Extend(more); !l.Allows("a.test", 80) || !l.AllowsAny() {
		t.Errorf("any extended: got %v", l)
	}
	long := make([]string, 14)
	for i := range long {
		long[i] = fmt.Sprintf("h%d.test", i)
	}
	if got := hosts(t, long...).String(); !strings.HasSuffix(got, "h9.test, 4 more") {
		t.Errorf("long list: got %q", got)
	}
}

func TestWrongEntriesAreAllNamed(t *testing.T) {
	t.Parallel()
	bad := []struct{ entry, want string }{
		{"", "empty"},
		{"https://example.com", "write the host only"},
		{"example.com/path", "path"},
		{"10.0.0.0/8", "--allow-net 10.0.0.0/8"},
		{"10.0.0.0/99", "the prefix length /99 is out of range: 0 to 32"},
		{"fd00::/129", "the prefix length /129 is out of range: 0 to 128"},
		{"10.0.0.0/08", "the prefix length is written 8"},
		{"me@example.com", "user name"},
		{"*", "leave permissions.net out"},
		{"*.*.example.com", `"*" may only`},
		{"a*.example.com", `"*" may only`},
		{"www.*.com", `"*" may only`},
		{"*.10.0.0.1", "wildcard"},
		{"*.", "not a host name"},
		{"example..com", "not a host name"},
		{"exa mple.com", "not a host name"},
		{"example.com:0", "port"},
		{"example.com:http", "port"},
		{"example.com:65536", "port"},
		{"example.com:", "port"},
		{"256.1.1.1", "not an IPv4 address"},
		{"1.2.3.4.5", "not an IPv4 address"},
		{"[::1", "not an IPv6 address"},
		{"[::1]x", "only a port"},
		{"::ffff:10.0.0.1", "write 10.0.0.1"},
		{strings.Repeat("a", 64) + ".com", "not a host name"},
		{"a\u200d.example", "not a host name"},
	}
	list := make([]string, len(bad))
	for i, b := range bad {
		list[i] = b.entry
		_, err := egress.ParseHosts([]string{"good.test", b.entry})
		e := ratchet.AsError(err)
		if err == nil || e.Reason != ratchet.ReasonValidation || !strings.Contains(e.Message, b.want) ||
			e.Details[0].Pointer != "/1" || e.Details[0].Got != b.entry {
			t.Errorf("%q: got %v, want %q", b.entry, err, b.want)
		}
	}
	l, err := egress.ParseHosts(list)
	if e := ratchet.AsError(err); e == nil || len(e.Details) != len(bad) {
		t.Errorf("got %v, want all %d entries named", err, len(bad))
	}
	if l.AllowsAny() {
		t.Error("a list that is all wrong admits any host")
	}
}

func TestAllowNetSplitsHostsAndExceptions(t *testing.T) {
	t.Parallel()
	l, except, err := egress.ParseAllowNet([]string{"api.test", "*.b.test:8443", "10.0.0.7/8", "127.0.0.1", "::1", "93.184.216.34:8080"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(except), "[10.0.0.0/8 127.0.0.1/32 ::1/128]"; got != want {
		t.Errorf("exceptions: got %s, want %s", got, want)
	}
	for _, host := range []string{"api.test", "10.9.9.9", "127.0.0.1", "[::1]"} {
		if !l.Allows(host, 80) {
			t.Errorf("%s is not in %v", host, l)
		}
	}
	if l.Allows("other.test", 80) || !l.Allows("93.184.216.34", 8080) || l.Allows("93.184.216.34", 80) {
		t.Errorf("got %v", l)
	}
	for bad, want := range map[string]string{
		"10.0.0.1:80": "internal address", "http://x/": "a URL", "*": "leave permissions.net out", "": `"": it is empty`,
		"10.0.0.0/33": `"10.0.0.0/33": the prefix length /33 is out of range: 0 to 32`,
	} {
		if _, _, err := egress.ParseAllowNet([]string{bad}); err == nil || !strings.HasPrefix(err.Error(), "--allow-net: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", bad, err, want)
		}
	}
}

// The command line reads --allow-net ” as a list without values.
func TestAllowNetThatSaysNothingIsAnError(t *testing.T) {
	t.Parallel()
	if _, _, err := egress.ParseAllowNet([]string{}); err == nil || err.Error() != `--allow-net: "": it is empty` {
		t.Errorf("got %v", err)
	}
	if _, _, err := egress.ParseAllowNet(nil); err != nil {
		t.Errorf("without the flag: got %v", err)
	}
}

func FuzzHostList(f *testing.F) {
	for _, seed := range []string{"example.com", "*.example.com:8443", "[::1]:80", "127.1", "0x7f.1:1", "bücher.example.", "①②⑦.⓪.⓪.①", "a:b:c", "[", "*", "%", "xn--"} {
		f.Add(seed, "www.example.com")
	}
	f.Fuzz(func(t *testing.T, entry, host string) {
		l, err := egress.ParseHosts([]string{entry})
		if err != nil {
			if l.Allows(host, 443) || ratchet.AsError(err).Reason != ratchet.ReasonValidation {
				t.Errorf("%q: wrong, and yet admits %q: %v", entry, host, err)
			}
			return
		}
		_, literal := netip.ParseAddr(host)
		if l.Allows(host, 443) && literal != nil && !strings.HasSuffix(host, ".") && !l.Allows(strings.ToUpper(host)+".", 443) && strings.ToLower(strings.ToUpper(host)) == host {
			t.Errorf("%q admits %q, but not in capitals with a dot", entry, host)
		}
	})
}
