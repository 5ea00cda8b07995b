package ratchet

import (
	"strconv"
	"strings"
)

// Wants reports whether the destination is told of a job that ended in the state.
func (d *Destination) Wants(state JobState) bool {
	switch d.On {
	case DeliverAlways:
		return state.Terminal()
	case DeliverFailure:
		return state == JobFailed
	default:
		return state == JobCompleted
	}
}

// Lane is what the destination shares with others to the same place, so that one
// that is slow or dead keeps only its own waiting: "webhook:HOST:PORT", "file",
// "stdout", "stderr" or "plugin:NAME".
func (d *Destination) Lane() string {
	switch d.Type {
	case DestinationWebhook:
		scheme, host, _ := splitURL(d.URL)
		host = strings.ToLower(host)
		if !hasPort(host) {
			port := "443"
			if strings.EqualFold(scheme, "http") {
				port = "80"
			}
			host += ":" + port
		}
		return "webhook:" + host
	case DestinationPlugin:
		return "plugin:" + d.Plugin
	default:
		return string(d.Type)
	}
}

// Target is where the destination is, for people: the URL without its user and
// its query, the path, the plugin. Its variables are not filled in, so that it
// tells none of their values.
func (d *Destination) Target() string {
	switch d.Type {
	case DestinationWebhook:
		scheme, host, path := splitURL(d.URL)
		if strings.HasPrefix(host, "${") { // all of it, or its beginning, is a variable of the environment
			return host + path
		}
		return scheme + "://" + host + path
	case DestinationFile:
		return d.Path
	case DestinationPlugin:
		return d.Plugin
	default:
		return string(d.Type)
	}
}

// DestinationNames are the names of the destinations, each once: one without a
// name is called after its type and its place among those of the type.
func DestinationNames(all []Destination) []string {
	names := make([]string, len(all))
	taken := map[string]bool{}
	for _, d := range all {
		taken[d.Name] = true
	}
	used := map[string]bool{}
	for i, d := range all {
		name := d.Name
		for n := 1; name == "" || used[name] || d.Name == "" && taken[name]; n++ {
			base := d.Name
			if base == "" {
				base = string(d.Type)
			}
			name = base + "-" + strconv.Itoa(n)
		}
		used[name], names[i] = true, name
	}
	return names
}

// splitURL takes a URL apart that may be a template, and so need not be one yet.
func splitURL(url string) (scheme, host, path string) {
	scheme, rest, found := strings.Cut(url, "://")
	if !found {
		scheme, rest = "https", url
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, path = rest[:end], rest[end:]
	host = host[strings.LastIndexByte(host, '@')+1:]
	if cut := strings.IndexAny(path, "?#"); cut >= 0 {
		path = path[:cut]
	}
	return scheme, host, path
}

// hasPort reports whether a host, which may be an IPv6 address in brackets, is
// followed by a port.
func hasPort(host string) bool {
	colon := strings.LastIndexByte(host, ':')
	return colon > strings.LastIndexByte(host, ']') && colon >= 0 && colon < len(host)-1
}
