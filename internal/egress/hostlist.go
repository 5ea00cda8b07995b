package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// A HostList says which hosts a request may name: a task's permissions.net, and
// what --allow-net adds to it. The zero HostList is any public host on the usual
// ports.
//
// An entry is a host name, "*.example.com" (every name below example.com, not
// example.com itself) or an IP address, each with an optional ":port". An entry
// without a port admits the usual ports (Config.Ports); an entry with a port
// admits that port only, and is what opens a port other than the usual ones on a
// public address. No entry opens an internal address: that is the operator's
// (Config.AllowCIDR). Names are compared in lower-case ASCII without a trailing
// dot, so "BÜCHER.example." is "xn--bcher-kva.example".
type HostList struct {
	restricted bool
	entries    []hostEntry
}

type hostEntry struct {
	text     string
	name     string // without "*."
	wildcard bool
	prefix   netip.Prefix // of an entry that is an address or a network
	port     uint16       // 0: no port named
}

// ParseHosts parses a permissions.net. nil means any public host, an empty list
// means none. The error names every entry that is wrong, its Details by index.
func ParseHosts(list []string) (HostList, error) {
	l := HostList{restricted: list != nil}
	var wrong []ratchet.Detail
	for i, text := range list {
		e, err := parseEntry(text)
		if err != nil {
			wrong = append(wrong, wrongEntry(i, text, err))
			continue
		}
		l.entries = append(l.entries, e)
	}
	return l, wrongEntries("permissions.net", wrong)
}

// ParseAllowNet parses the values of --allow-net: entries as in a HostList, and
// networks ("10.0.0.0/8"). Networks, and addresses without a port, are the
// operator's exceptions, and stand in the HostList too, so that a task whose
// permissions.net is extended by it may name them. nil is no --allow-net; a list
// without values is one that says nothing, and an error.
func ParseAllowNet(values []string) (HostList, []netip.Prefix, error) {
	l := HostList{restricted: true}
	var (
		except []netip.Prefix
		wrong  []ratchet.Detail
	)
	if values != nil && len(values) == 0 { // --allow-net ''
		wrong = append(wrong, wrongEntry(0, "", errEmpty))
	}
	for i, text := range values {
		e, err := parseAllowed(text)
		if err != nil {
			wrong = append(wrong, wrongEntry(i, text, err))
			continue
		}
		l.entries = append(l.entries, e)
		if e.prefix.IsValid() && e.port == 0 {
			except = append(except, e.prefix)
		}
	}
	return l, except, wrongEntries("--allow-net", wrong)
}

// Extend returns l with the entries of more added. A list that admits any public
// host still does, and gains the ports that more names.
func (l HostList) Extend(more HostList) HostList {
	l.entries = slices.Concat(l.entries, more.entries)
	return l
}

// AllowsAny reports whether l admits any public host.
func (l HostList) AllowsAny() bool { return !l.restricted }

// Allows reports whether the list admits the host, a name or an address in any
// spelling, on the port. Whether the port is a usual one is not asked.
func (l HostList) Allows(host string, port uint16) bool {
	bare := strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	name, addr, err := parseHost(bare, bare != host)
	return err == nil && l.admits(target{name: strings.TrimSuffix(name, "."), addr: addr, port: port})
}

func (l HostList) String() string {
	if !l.restricted {
		return "any public host"
	}
	if len(l.entries) == 0 {
		return "none"
	}
	texts := make([]string, 0, len(l.entries))
	for i, e := range l.entries {
		if i == 10 {
			texts = append(texts, fmt.Sprintf("%d more", len(l.entries)-i))
			break
		}
		texts = append(texts, e.text)
	}
	return strings.Join(texts, ", ")
}

func (l HostList) admits(t target) bool {
	return !l.restricted || slices.ContainsFunc(l.entries, func(e hostEntry) bool {
		return e.matches(t) && (e.port == 0 || e.port == t.port)
	})
}

// opens reports whether an entry names the target's port.
func (l HostList) opens(t target) bool {
	return slices.ContainsFunc(l.entries, func(e hostEntry) bool { return e.matches(t) && e.port == t.port })
}

func (e hostEntry) matches(t target) bool {
	switch {
	case e.prefix.IsValid():
		return t.addr.IsValid() && e.prefix.Contains(t.addr)
	case t.addr.IsValid():
		return false
	case e.wildcard:
		return strings.HasSuffix(t.name, "."+e.name)
	}
	return t.name == e.name
}

var errEmpty = errors.New("it is empty")

func parseEntry(text string) (hostEntry, error) {
	switch s := strings.TrimSpace(text); {
	case s == "":
		return hostEntry{}, errEmpty
	case strings.Contains(s, "://"):
		return hostEntry{}, errors.New("it is a URL: write the host only")
	case strings.Contains(s, "/"):
		if _, err := netip.ParsePrefix(s); err == nil {
			return hostEntry{}, errors.New("a task cannot open a network; an operator can, with --allow-net " + s)
		}
		if err := checkPrefix(s); err != nil {
			return hostEntry{}, err
		}
		return hostEntry{}, errors.New("it has a path: write the host only")
	case strings.Contains(s, "@"):
		return hostEntry{}, errors.New("it has a user name: write the host only")
	case s == "*":
		return hostEntry{}, errors.New("leave permissions.net out to allow any public host")
	default:
		return parseHostPort(s)
	}
}

// parseAllowed is parseEntry for an operator.
func parseAllowed(text string) (hostEntry, error) {
	s := strings.TrimSpace(text)
	if p, err := netip.ParsePrefix(s); err == nil {
		p, err = canonicalPrefix(p)
		return hostEntry{text: s, prefix: p}, err
	}
	e, err := parseEntry(s)
	if err != nil || e.port == 0 || !e.prefix.IsValid() {
		return e, err
	}
	g, err := newGuard(nil)
	if err == nil && g.judge(e.prefix.Addr()) != nil {
		err = fmt.Errorf("an internal address is opened on all its ports: write %s", e.prefix.Addr())
	}
	return e, err
}

// checkPrefix says what is wrong with a network: an address, "/" and a number
// that is no prefix length of it.
func checkPrefix(s string) error {
	host, bits, ok := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(host)
	if !ok || err != nil || bits == "" || strings.Trim(bits, "0123456789") != "" {
		return nil
	}
	n, err := strconv.Atoi(bits)
	if err == nil && n <= addr.BitLen() {
		return fmt.Errorf("the prefix length is written %d", n) // 08
	}
	return fmt.Errorf("the prefix length /%s is out of range: 0 to %d", bits, addr.BitLen())
}

func parseHostPort(s string) (hostEntry, error) {
	e := hostEntry{text: s}
	host, err := e.cutPort(s)
	if err != nil {
		return e, err
	}
	host, e.wildcard = strings.CutPrefix(host, "*.")
	if strings.Contains(host, "*") {
		return e, errors.New(`"*" may only stand for the first labels, as in "*.example.com"`)
	}
	name, addr, err := parseHost(host, strings.HasPrefix(s, "["))
	if err != nil {
		return e, err
	}
	if addr.IsValid() {
		if e.wildcard {
			return e, errors.New("an address has no wildcard")
		}
		if addr.Is4In6() {
			return e, fmt.Errorf("it is IPv4-mapped: write %s", addr.Unmap())
		}
		e.prefix = netip.PrefixFrom(addr.WithZone(""), addr.BitLen())
	}
	e.name = strings.TrimSuffix(name, ".")
	return e, nil
}

// cutPort sets e.port from s and returns the host without brackets.
func (e *hostEntry) cutPort(s string) (string, error) {
	host, port := s, ""
	if inner, rest, ok := strings.Cut(strings.TrimPrefix(s, "["), "]"); ok && s[0] == '[' {
		if host = inner; rest == "" {
			return host, nil
		}
		if rest[0] != ':' {
			return "", errors.New("only a port may follow the address")
		}
		port = rest[1:]
	} else if strings.Count(s, ":") == 1 {
		host, port, _ = strings.Cut(s, ":")
	} else {
		return host, nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", fmt.Errorf("port %q is not between 1 and 65535", port)
	}
	e.port = uint16(n)
	return host, nil
}

func wrongEntry(i int, text string, err error) ratchet.Detail {
	return ratchet.Detail{
		Pointer: "/" + strconv.Itoa(i), Message: err.Error(), Got: text,
		Expected: `a host such as "example.com", "*.example.com", "example.com:8443" or "93.184.216.34"`,
	}
}

func wrongEntries(where string, wrong []ratchet.Detail) error {
	if len(wrong) == 0 {
		return nil
	}
	texts := make([]string, len(wrong))
	for i, d := range wrong {
		texts[i] = fmt.Sprintf("%q: %s", d.Got, d.Message)
	}
	return ratchet.Errorf(ratchet.ReasonValidation, "%s: %s", where, strings.Join(texts, "; ")).WithDetails(wrong...)
}
