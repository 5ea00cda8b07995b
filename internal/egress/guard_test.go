package egress_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/egress"
)

func TestAddressesAreJudgedByClass(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ addr, want string }{
		{"1.1.1.1", ""},
		{"8.8.8.8", ""},
		{"93.184.216.34", ""},
		{"9.255.255.255", ""},
		{"11.0.0.0", ""},
		{"100.63.255.255", ""},
		{"100.128.0.0", ""},
		{"126.255.255.255", ""},
		{"128.0.0.0", ""},
		{"168.63.129.15", ""},
		{"169.253.255.255", ""},
		{"172.15.255.255", ""},
		{"172.32.0.0", ""},
		{"192.0.1.0", ""},
		{"198.20.0.0", ""},
		{"223.255.255.255", ""},
		{"2606:2800:220:1::1", ""},
		{"2a00:1450:4001:80b::200e", ""},
		{"2001:200::1", ""},
		{"3ffe::1", ""},

		{"0.0.0.0", "this very host"},
		{"0.1.2.3", "this very host"},
		{"127.0.0.1", "loopback"},
		{"127.255.255.255", "loopback"},
		{"10.0.0.0", "private"},
		{"10.255.255.255", "private"},
		{"172.16.0.0", "private"},
		{"172.31.255.255", "private"},
		{"192.168.0.0", "private"},
		{"192.168.255.255", "private"},
		{"100.64.0.0", "carrier-grade NAT"},
		{"100.127.255.255", "carrier-grade NAT"},
		{"100.100.100.200", "metadata"},
		{"169.254.0.1", "link-local"},
		{"169.254.169.254", "metadata"},
		{"169.254.170.2", "metadata"},
		{"168.63.129.16", "metadata"},
		{"192.0.0.192", "metadata"},
		{"192.0.0.8", "reserved"},
		{"192.0.2.1", "documentation"},
		{"198.51.100.1", "documentation"},
		{"203.0.113.255", "documentation"},
		{"192.31.196.1", "AS112"},
		{"192.175.48.1", "AS112"},
		{"192.52.193.1", "AMT"},
		{"192.88.99.1", "6to4"},
		{"198.18.0.1", "benchmarking"},
		{"198.19.255.255", "benchmarking"},
		{"224.0.0.1", "multicast"},
		{"239.255.255.250", "multicast"},
		{"240.0.0.1", "reserved"},
		{"255.255.255.255", "broadcast"},

		{"::", "this very host"},
		{"::1", "loopback"},
		{"::2", "IPv4-compatible"},
		{"::127.0.0.1", "IPv4-compatible"},
		{"::ffff:127.0.0.1", "IPv4-mapped"},
		{"::ffff:93.184.216.34", "IPv4-mapped"},
		{"::ffff:0:127.0.0.1", "IPv4-translated"},
		{"64:ff9b::127.0.0.1", "NAT64"},
		{"64:ff9b::93.184.216.34", "NAT64"},
		{"64:ff9b:1::1", "NAT64"},
		{"100::1", "special-purpose"},
		{"1fff:ffff::1", "special-purpose"},
		{"4000::1", "special-purpose"},
		{"5f00::1", "special-purpose"},
		{"2001::1", "Teredo"},
		{"2001:20::1", "reserved"},
		{"2001:1ff:ffff::1", "reserved"},
		{"2001:db8::1", "documentation"},
		{"3fff:fff::1", "documentation"},
		{"2002:7f00:1::1", "6to4"},
		{"2620:4f:8000::1", "AS112"},
		{"2606:2800::5efe:10.0.0.5", "ISATAP"},
		{"2606:2800::200:5efe:10.0.0.5", "ISATAP"},
		{"fc00::1", "private"},
		{"fd12:3456::1", "private"},
		{"fd00:ec2::254", "metadata"},
		{"fd20:ce::254", "metadata"},
		{"fe80::1", "link-local"},
		{"fe80::1%lo", "one interface"},
		{"2606:2800:220:1::1%eth0", "one interface"},
		{"febf::1", "link-local"},
		{"fec0::1", "site-local"},
		{"ff02::1", "multicast"},
	} {
		got := egress.Refused(netip.MustParseAddr(tt.addr))
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.addr, got, tt.want)
		}
	}
	if egress.Refused(netip.Addr{}) == "" {
		t.Error("the zero address is open")
	}
}

func TestExceptionsOpenTheirAddressesOnly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		except, addr string
		open         bool
	}{
		{"10.0.0.0/24", "10.0.0.5", true},
		{"10.0.0.0/24", "10.0.1.5", false},
		{"10.0.0.77/24", "10.0.0.5", true},
		{"127.0.0.0/8", "127.0.0.1", true},
		{"127.0.0.0/8", "0.0.0.0", false},
		{"127.0.0.0/8", "::1", false},
		{"127.0.0.0/8", "::ffff:127.0.0.1", false},
		{"::ffff:10.0.0.0/104", "10.9.9.9", true},
		{"::/0", "10.0.0.5", false},
		{"::/0", "fd00::1", true},
		{"0.0.0.0/0", "169.254.169.254", true},
		{"168.63.129.16/32", "168.63.129.16", true},
		{"fe80::/10", "fe80::1%lo", false},
		{"64:ff9b::/96", "64:ff9b::93.184.216.34", true},
		{"64:ff9b::/96", "64:ff9b::10.0.0.5", false},
	} {
		got := egress.Refused(netip.MustParseAddr(tt.addr), netip.MustParsePrefix(tt.except))
		if (got == "") != tt.open {
			t.Errorf("%s with %s: got %q, want open %v", tt.addr, tt.except, got, tt.open)
		}
	}
	for _, bad := range []netip.Prefix{{}, netip.MustParsePrefix("::ffff:0:0/90")} {
		if _, err := egress.New(egress.Config{AllowCIDR: []netip.Prefix{bad}}); err == nil {
			t.Errorf("exception %v: got no error", bad)
		}
	}
}
