package egress

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"code.dny.dev/ssrf"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// A guard judges addresses.
type guard struct {
	except  []netip.Prefix
	classes []class
	nat64   netip.Prefix
	special *ssrf.Guardian // IANA's special-purpose registries: the floor under classes
}

// A class is a range of addresses that a task may not reach.
type class struct {
	prefix netip.Prefix
	what   string // completes "10.0.0.1 is …"
}

// A refusal says why an address, a host or a port is closed, and what opens it.
// Its words are put together where the URL is known: exchange.refused.
type refusal struct {
	kind    Kind
	subject string // what was refused: an address, a host, a host and port
	what    string // of an address: completes "127.0.0.1 is …"
	text    string // otherwise: the whole reason
	remedy  string // what opens it, in words; may be empty
	flag    string // what to list, or to pass with --allow-net; may be empty
}

func (r *refusal) Error() string {
	if r.what != "" {
		return r.subject + " is " + r.what
	}
	return r.text
}

// addressClasses names the closed ranges, the most telling name first. The
// sources are IANA's special-purpose registries (RFC 6890 and successors) and
// the clouds' documentation of their metadata services.
func addressClasses() []class {
	const (
		metadata = "a cloud metadata address"
		private  = "a private address"
		docs     = "a documentation address"
		as112    = "an AS112 sink address"
		nat64    = "a NAT64 address that hides an IPv4 one"
		reserved = "a reserved address"
	)
	table := []struct{ prefix, what string }{
		{"169.254.169.254/32", metadata},
		{"169.254.170.2/32", metadata},  // Amazon ECS
		{"169.254.170.23/32", metadata}, // Amazon EKS
		{"100.100.100.200/32", metadata},
		{"192.0.0.192/32", metadata},    // Oracle
		{"168.63.129.16/32", metadata},  // Azure; inside a public range
		{"fd00:ec2::254/128", metadata}, // Amazon
		{"fd00:ec2::23/128", metadata},
		{"fd20:ce::254/128", metadata}, // Google

		{"127.0.0.0/8", "a loopback address"},
		{"0.0.0.0/8", "an address of this very host"},
		{"10.0.0.0/8", private},
		{"172.16.0.0/12", private},
		{"192.168.0.0/16", private},
		{"100.64.0.0/10", "a carrier-grade NAT address"},
		{"169.254.0.0/16", "a link-local address"},
		{"192.0.0.0/24", reserved},
		{"192.0.2.0/24", docs},
		{"198.51.100.0/24", docs},
		{"203.0.113.0/24", docs},
		{"192.31.196.0/24", as112},
		{"192.175.48.0/24", as112},
		{"192.52.193.0/24", "an AMT tunnel address"},
		{"192.88.99.0/24", "a 6to4 relay address"},
		{"198.18.0.0/15", "a benchmarking address"},
		{"224.0.0.0/4", "a multicast address"},
		{"255.255.255.255/32", "the broadcast address"},
		{"240.0.0.0/4", reserved},

		{"::1/128", "a loopback address"},
		{"::/128", "an address of this very host"},
		{"::ffff:0:0:0/96", "an IPv4-translated address"},
		{"::/96", "an IPv4-compatible address"},
		{"64:ff9b::/96", nat64},
		{"64:ff9b:1::/48", nat64},
		{"fe80::/10", "a link-local address"},
		{"fec0::/10", "a site-local address"},
		{"fc00::/7", private},
		{"ff00::/8", "a multicast address"},
		{"2001::/32", "a Teredo tunnel address"},
		{"2001::/23", reserved},
		{"2001:db8::/32", docs},
		{"3fff::/20", docs},
		{"2002::/16", "a 6to4 tunnel address"},
		{"2620:4f:8000::/48", as112},
	}
	classes := make([]class, len(table))
	for i, t := range table {
		classes[i] = class{netip.MustParsePrefix(t.prefix), t.what}
	}
	return classes
}

// newGuard returns a guard that makes the exceptions.
func newGuard(except []netip.Prefix) (*guard, error) {
	g := &guard{classes: addressClasses(), nat64: ssrf.IPv6NAT64Prefix, special: ssrf.New(ssrf.WithAnyPort())}
	for _, p := range except {
		p, err := canonicalPrefix(p)
		if err != nil {
			return nil, ratchet.Errorf(ratchet.ReasonConfig, "egress exception: %w", err)
		}
		g.except = append(g.except, p)
	}
	return g, nil
}

// canonicalPrefix returns p masked and, if it covers mapped addresses only, as
// the IPv4 prefix it means.
func canonicalPrefix(p netip.Prefix) (netip.Prefix, error) {
	if !p.IsValid() {
		return p, fmt.Errorf("an invalid network")
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return p, fmt.Errorf("%s is wider than the IPv4-mapped range: write an IPv4 network", p)
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// excepted reports whether the operator opened the address.
func (g *guard) excepted(a netip.Addr) bool {
	return slices.ContainsFunc(g.except, func(p netip.Prefix) bool { return p.Contains(a) })
}

// judge returns why the address is closed, nil if it is open.
func (g *guard) judge(a netip.Addr) *refusal {
	switch {
	case !a.IsValid():
		return &refusal{kind: KindAddress, text: "the address is not valid"}
	case a.Zone() != "":
		return &refusal{
			kind: KindAddress, subject: a.String(),
			what: "an address of one interface of this host",
		}
	case a.Is4In6():
		return &refusal{
			kind: KindAddress, subject: a.String(),
			what:   "an IPv4-mapped address",
			remedy: "write " + a.Unmap().String(),
		}
	case g.excepted(a):
		// A network of NAT64 addresses stands for the IPv4 internet, not for
		// what that internet may not reach.
		if inner, ok := g.nat64Inner(a); ok && !g.excepted(inner) {
			return g.classify(inner)
		}
		return nil
	}
	return g.classify(a)
}

// judgeException returns why the address is closed to all but exceptions.
func (g *guard) judgeException(a netip.Addr) *refusal {
	if r := g.judge(a); r != nil {
		return r
	}
	if g.excepted(a) {
		return nil
	}
	return &refusal{kind: KindPort, subject: a.String()} // worded where the port is known
}

// classify judges an address that no exception covers.
func (g *guard) classify(a netip.Addr) *refusal {
	for _, c := range g.classes {
		if c.prefix.Contains(a) {
			return closed(a, c.what)
		}
	}
	if isISATAP(a) {
		return closed(a, "an ISATAP tunnel address")
	}
	if g.special.SafeAddr(a) != nil {
		return closed(a, "a special-purpose address")
	}
	return nil
}

func closed(a netip.Addr, what string) *refusal {
	flag := a.String()
	if a.Is4() && a.IsLoopback() {
		flag = "127.0.0.0/8" // people mean the machine, not one of its 16 million names
	}
	return &refusal{
		kind: KindAddress, subject: a.String(), flag: flag, what: what,
		remedy: "an operator can allow it with --allow-net " + flag,
	}
}

// nat64Inner returns the IPv4 address inside one of the well-known NAT64 prefix
// (RFC 6052).
func (g *guard) nat64Inner(a netip.Addr) (netip.Addr, bool) {
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:])), g.nat64.Contains(a)
}

// isISATAP reports whether the interface identifier is that of RFC 5214, which
// embeds an IPv4 address in any prefix.
func isISATAP(a netip.Addr) bool {
	b := a.As16()
	return a.Is6() && (b[8] == 0 || b[8] == 2) && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

// dialer returns a dial function that judges each address at the moment its
// socket is about to connect, whatever name led there.
func (c *Client) dialer(judge func(netip.Addr) *refusal) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		var (
			mu      sync.Mutex // addresses of both families are tried at once
			refused *refusal
		)
		d := net.Dialer{Timeout: c.cfg.DialTimeout, Resolver: c.cfg.Resolver}
		d.SetMultipathTCP(false)
		d.ControlContext = func(_ context.Context, network, address string, _ syscall.RawConn) error {
			r := judgeSocket(judge, network, address)
			if r == nil {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			if refused == nil {
				refused = r
			}
			return r
		}
		conn, err := d.DialContext(ctx, network, addr)
		if err == nil {
			return conn, nil
		}
		mu.Lock()
		defer mu.Unlock()
		if refused != nil {
			return nil, refused // more telling than the failure of its neighbour
		}
		return nil, err
	}
}

// judgeSocket judges what a socket is about to connect to.
func judgeSocket(judge func(netip.Addr) *refusal, network, address string) *refusal {
	if network != "tcp4" && network != "tcp6" {
		return &refusal{kind: KindAddress, text: fmt.Sprintf("%s is not TCP over IP", network)}
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return &refusal{kind: KindAddress, text: "the address is not valid"}
	}
	return judge(ap.Addr())
}
