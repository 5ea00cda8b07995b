package redact

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// standInHost is the end of the names of hosts that no URL leads to (RFC 2606).
const standInHost = ".invalid"

// httpURL reads a value that is a URL to build others on: one of HTTP, without
// credentials and without a fragment.
func httpURL(value string) (*url.URL, bool) {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.Contains(value, "#") {
		return nil, false
	}
	return u, strings.HasPrefix(value, u.Scheme+"://"+u.Host)
}

// standIn is the placeholder of a URL: one that has as many segments in its path,
// so that what is built on it goes where the same, built on the value, would.
// What the URLs of several variables begin with has one stand-in, that of the first;
// known has those.
func standIn(u *url.URL, name string, known map[string]string) string {
	label := "secret-" + strings.Trim(strings.ToLower(strings.Map(func(r rune) rune {
		if r == '_' || r == '.' {
			return '-'
		}
		return r
	}, safeName(name))), "-")
	real := u.Scheme + "://" + u.Host
	if known[real] == "" {
		known[real] = u.Scheme + "://" + label + standInHost
	}
	shown := known[real]
	segments := strings.SplitAfter(u.EscapedPath(), "/")
	for i, segment := range segments {
		real += segment
		if name := strings.TrimSuffix(segment, "/"); name != "" {
			segment = fmt.Sprintf("%s-%d%s", label, i, segment[len(name):])
		}
		if shown += segment; i == len(segments)-1 {
			break
		}
		if known[real] == "" {
			known[real] = shown
		}
		shown = known[real]
	}
	if u.RawQuery != "" {
		return shown + "?" + label
	} else if u.ForceQuery {
		return shown + "?"
	}
	return shown
}

// isStandIn reports whether a placeholder is one of a URL.
func isStandIn(placeholder string) bool {
	u, ok := httpURL(placeholder)
	return ok && strings.HasPrefix(u.Host, "secret-") && strings.HasSuffix(u.Host, standInHost)
}

// Ancestors returns what may stand in place of a whole URL in what is built on it,
// each with its stand-in: its host, its origin, and the folders of its path.
func Ancestors(value, placeholder string) (list [][2]string) {
	u, ok := httpURL(value)
	if !ok || !isStandIn(placeholder) {
		return nil
	}
	shown, _ := httpURL(placeholder)
	list = append(list, [2]string{u.Host, shown.Host})
	if _, err := netip.ParseAddr(u.Hostname()); err != nil && strings.Contains(u.Hostname(), ".") {
		list = append(list, [2]string{u.Hostname(), shown.Host})
	}
	a, b := u.Scheme+"://"+u.Host, shown.Scheme+"://"+shown.Host
	from, to := strings.SplitAfter(u.EscapedPath(), "/"), strings.SplitAfter(shown.EscapedPath(), "/")
	for i := range min(len(from), len(to)) {
		list = append(list, [2]string{a, b})
		a, b = a+from[i], b+to[i]
	}
	return list
}
