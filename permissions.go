package ratchet

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Permissions are what a task may touch outside itself.
type Permissions struct {
	// Net lists the hosts the task may send requests to. Nil means any public
	// host; empty means none. Each is "example.com", "*.example.com" for its
	// sub-domains of any depth, or an IP address, and may end in a port as in
	// "example.com:8443"; without one it means the ports 80 and 443. No
	// permission opens a private address: only Ratchet's operator can.
	Net []string `json:"net,omitzero"`
	// Env lists the names of the environment variables the task may read.
	Env []string `json:"env,omitempty"`
	// Plugins lists the names of the plugins whose functions the task may call.
	Plugins []string `json:"plugins,omitempty"`
}

// AllowsEnv reports whether the task may read the environment variable name.
func (p Permissions) AllowsEnv(name string) bool { return slices.Contains(p.Env, name) }

// AllowsPlugin reports whether the task may call functions of the plugin name.
func (p Permissions) AllowsPlugin(name string) bool { return slices.Contains(p.Plugins, name) }

// Validate reports the entries that can match nothing, each as one Detail.
func (p Permissions) Validate() (wrong []Detail) {
	for i, pattern := range p.Net {
		if !validPattern(pattern) {
			wrong = append(wrong, Detail{
				Pointer: "/net/" + strconv.Itoa(i), Message: "this is not a host that a task can be allowed",
				Expected: "a host without scheme and path, such as \"api.example.com\", \"*.example.com\" or \"example.com:8443\" (an international name in its xn-- form)",
				Got:      pattern,
			})
		}
	}
	for i, name := range p.Env {
		if name == "" || strings.ContainsAny(name, "=\x00 \t\r\n") {
			wrong = append(wrong, Detail{
				Pointer: "/env/" + strconv.Itoa(i), Message: "this is not the name of an environment variable",
				Expected: "a name such as \"API_TOKEN\", without its value", Got: name,
			})
		}
	}
	for i, name := range p.Plugins {
		if !ValidPluginName(name) {
			wrong = append(wrong, Detail{
				Pointer: "/plugins/" + strconv.Itoa(i), Message: "this is not the name of a plugin",
				Expected: "a name such as \"notify\", as in ratchet-plugin-notify", Got: name,
			})
		}
	}
	return wrong
}

func validPattern(pattern string) bool {
	name, _, ok := splitHost(pattern)
	if !ok {
		return false
	}
	if isAddr(name) {
		return true
	}
	name = strings.TrimPrefix(name, "*.")
	for label := range strings.SplitSeq(name, ".") {
		rest := strings.TrimFunc(label, func(r rune) bool { return r == '-' || r == '_' || r < 0x80 && isAlnum(byte(r)) })
		if label == "" || rest != "" {
			return false
		}
	}
	return !lastLabelIsNumber(name)
}

// lastLabelIsNumber reports whether a URL parser would take name for an IPv4
// address, however short.
func lastLabelIsNumber(name string) bool {
	return digitsOnly(name[strings.LastIndexByte(name, '.')+1:])
}

func isAddr(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil
}

// splitHost parts "host", "host:port", "[v6]:port" or a bare IPv6 address, and
// brings the host to the one form in which it is compared: lower case, without a
// final dot, addresses in their shortest form.
func splitHost(s string) (name, port string, ok bool) {
	name = s
	if inner, rest, bracketed := strings.Cut(strings.TrimPrefix(s, "["), "]"); bracketed && s[0] == '[' {
		name = inner
		if port, ok = strings.CutPrefix(rest, ":"); !ok && rest != "" || ok && port == "" {
			return "", "", false
		}
		if addr, err := netip.ParseAddr(name); err != nil || !addr.Is6() {
			return "", "", false
		}
	} else if strings.Count(s, ":") == 1 {
		if name, port, _ = strings.Cut(s, ":"); port == "" {
			return "", "", false
		}
	}
	if port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return "", "", false
		}
		port = strconv.FormatUint(n, 10)
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.Unmap().String(), port, true
	}
	return name, port, name != "" && !strings.ContainsAny(name, ":[]/@ ")
}
