package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// A target is where a URL leads, in the one form that every rule compares.
type target struct {
	name string     // lower-case ASCII without the trailing dot; an address in its canonical form
	addr netip.Addr // valid if the host is an address
	port uint16
	raw  string // the host as it was written
}

// origin is what decides whether credentials may stay: scheme, host and port.
func (t target) origin(scheme string) string { return scheme + "://" + t.hostPort() }

func (t target) hostPort() string { return joinPort(t.name, t.addr, t.port) }

func joinPort(name string, addr netip.Addr, port uint16) string {
	if addr.Is6() {
		name = "[" + name + "]"
	}
	return name + ":" + strconv.Itoa(int(port))
}

// locate checks u and returns where it leads. It rewrites u's host to the form
// it judged, so that nothing further down can read it in another way.
func locate(u *url.URL) (target, error) {
	if u.Opaque != "" || u.Host == "" {
		return target{}, errors.New("it names no host")
	}
	raw := u.Hostname()
	name, addr, err := parseHost(raw, strings.HasPrefix(u.Host, "["))
	if err != nil {
		return target{}, err
	}
	port, text := uint16(80), u.Port()
	if u.Scheme == "https" {
		port = 443
	}
	u.Host = name
	if addr.Is6() {
		u.Host = "[" + name + "]"
	}
	if text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return target{}, fmt.Errorf("port %s is not between 1 and 65535", text)
		}
		if uint16(n) != port {
			u.Host += ":" + strconv.FormatUint(n, 10)
		}
		port = uint16(n)
	}
	return target{name: strings.TrimSuffix(name, "."), addr: addr, port: port, raw: raw}, nil
}

// parseHost reads a host as the WHATWG URL standard does: names become lower-case
// ASCII, and every spelling of an IPv4 address (2130706433, 127.1, 0x7f.1) becomes
// the address. A trailing dot stays.
func parseHost(host string, bracketed bool) (string, netip.Addr, error) {
	if bracketed || strings.Contains(host, ":") {
		a, err := netip.ParseAddr(host)
		if err != nil || !a.Is6() {
			return "", a, fmt.Errorf("%q is not an IPv6 address", host)
		}
		return a.String(), a, nil
	}
	name, err := asciiName(host)
	if err != nil {
		return "", netip.Addr{}, err
	}
	if endsInNumber(name) {
		a, err := parseIPv4(strings.TrimSuffix(name, "."))
		if err != nil {
			return "", a, fmt.Errorf("%q is not an IPv4 address", host)
		}
		return a.String(), a, nil
	}
	return name, netip.Addr{}, nil
}

// asciiName returns the name as DNS wants it.
func asciiName(name string) (string, error) {
	given := name
	if !isASCII(name) {
		// The standard's "domain to ASCII", not strict: UTS 46, non-transitional.
		p := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.StrictDomainName(false), idna.CheckHyphens(false))
		ascii, err := p.ToASCII(name)
		if err != nil {
			return "", fmt.Errorf("%q is not a host name", given)
		}
		name = ascii
	}
	name = strings.ToLower(name)
	bare := strings.TrimSuffix(name, ".")
	if bare == "" || len(bare) > 253 {
		return "", fmt.Errorf("%q is not a host name", given)
	}
	for label := range strings.SplitSeq(bare, ".") {
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, notInName) {
			return "", fmt.Errorf("%q is not a host name", given)
		}
	}
	return name, nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

func notInName(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}

// endsInNumber is the standard's "ends in a number checker": such a host can
// only be an IPv4 address.
func endsInNumber(name string) bool {
	name = strings.TrimSuffix(name, ".")
	last := name[strings.LastIndexByte(name, '.')+1:]
	if strings.Trim(last, "0123456789") == "" {
		return true
	}
	_, err := parseIPv4Part(last)
	return err == nil || errors.Is(err, strconv.ErrRange)
}

// parseIPv4 is the standard's "IPv4 parser": one to four parts, the last of
// which fills what is left.
func parseIPv4(s string) (netip.Addr, error) {
	parts := strings.Split(s, ".")
	if len(parts) > 4 {
		return netip.Addr{}, errors.New("more than four parts")
	}
	var value uint64
	for i, part := range parts {
		n, err := parseIPv4Part(part)
		if err != nil {
			return netip.Addr{}, err
		}
		shift, limit := 8*(3-i), uint64(255)
		if i == len(parts)-1 {
			shift, limit = 0, 1<<(8*(5-len(parts)))-1
		}
		if n > limit {
			return netip.Addr{}, errors.New("a part is too large")
		}
		value |= n << shift
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), nil
}

// parseIPv4Part reads a decimal, octal (0…) or hexadecimal (0x…) number.
func parseIPv4Part(s string) (uint64, error) {
	base := 10
	switch {
	case strings.HasPrefix(s, "0x"):
		s, base = s[2:], 16
		if s == "" {
			return 0, nil
		}
	case len(s) > 1 && s[0] == '0':
		s, base = s[1:], 8
	}
	return strconv.ParseUint(s, base, 64)
}
