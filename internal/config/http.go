package config

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// HTTP is about the requests that tasks make.
type HTTP struct {
	Timeout        time.Duration
	ConnectTimeout time.Duration
	MaxRedirects   int
	UserAgent      string
	MaxBody        ratchet.Size
	MaxConnections int
	MaxPerHost     int
	MaxRequests    int
	Cache          ratchet.Size
	Breaker        Breaker
	AllowPrivate   []string
	Ports          []string
}

// A Breaker says when a host is left alone that fails.
type Breaker struct {
	Enabled   bool
	Failures  int
	Percent   int
	Window    time.Duration
	Open      time.Duration
	Successes int
}

func (h *HTTP) settings() []setting {
	return []setting{
		span(&h.Timeout, "timeout", "30s", time.Millisecond, time.Hour, "How long a request may take that names no timeout of its own."),
		span(&h.ConnectTimeout, "connect_timeout", "10s", time.Millisecond, time.Hour, "How long it may take to find and reach a host."),
		number(&h.MaxRedirects, "max_redirects", 5, 0, 100, "How many redirects a request follows."),
		text(&h.UserAgent, "user_agent", "ratchet", "What requests call themselves that name no User-Agent of their own."),
		size(&h.MaxBody, "max_body", "10MB", 0, ratchet.MaxOutput, "The largest body of a response for a task that says nothing of it."),
		number(&h.MaxConnections, "max_connections", 512, 1, 100_000, "Open connections to one host."),
		number(&h.MaxPerHost, "max_per_host", 32, 1, 100_000, "Requests to one host at once; those beyond wait for a place, within their own timeout."),
		number(&h.MaxRequests, "max_requests", 512, 1, 100_000, "Requests at once to all hosts."),
		size(&h.Cache, "cache", "64MB", 0, 64*ratchet.GB, "Memory for responses that HTTP allows to keep, apart for each task; 0 keeps none."),
		toggle(&h.Breaker.Enabled, "breaker.enabled", true, "Whether a host that fails is left alone for a while (CIRCUIT_OPEN)."),
		number(&h.Breaker.Failures, "breaker.failures", 5, 1, 1_000_000, "How many failures (no connection, no answer in time, a status of 500 and above) within the window open a host's breaker, if they are breaker.percent of all requests too."),
		number(&h.Breaker.Percent, "breaker.percent", 50, 1, 100, "How many of a hundred requests within the window must have failed as well: a busy host that fails now and then is not left alone."),
		span(&h.Breaker.Window, "breaker.window", "60s", time.Second, time.Hour, "The time in which requests and failures are counted."),
		span(&h.Breaker.Open, "breaker.open", "60s", 10*time.Millisecond, 24*time.Hour, "How long nothing is asked of the host then."),
		number(&h.Breaker.Successes, "breaker.successes", 3, 1, 1000, "How many requests must go well after that, of so many at once, before all are let through again."),
		list(&h.AllowPrivate, "allow_private", "", `addresses or networks such as "10.1.2.0/24"`, isNetwork, "Internal networks that tasks may reach nevertheless, on every port. Whoever can register a task can reach them."),
		list(&h.Ports, "ports", "80,443", "port numbers", isPort, "Ports that are open on public addresses. A task's permissions.net may name others, host by host."),
	}
}

// Networks returns AllowPrivate as networks.
func (h *HTTP) Networks() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range h.AllowPrivate {
		if p, ok := network(text); ok {
			all = append(all, p)
		}
	}
	return all
}

// PortNumbers returns Ports as numbers.
func (h *HTTP) PortNumbers() []uint16 {
	var all []uint16
	for _, text := range h.Ports {
		if n, err := strconv.ParseUint(text, 10, 16); err == nil {
			all = append(all, uint16(n))
		}
	}
	return all
}

func network(text string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), true
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(addr, addr.BitLen()), true
}

func isNetwork(text string) bool {
	_, ok := network(text)
	return ok
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}
