package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/httpcache"
	"github.com/ratchet-runner/ratchet-go/internal/resilience"
	"github.com/ratchet-runner/ratchet-go/internal/secret"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/workerpool"
)

// openStore opens the database, which is this process's alone if it is a file.
func (d *Daemon) openStore(ctx context.Context, box *secret.Box) (*sqlstore.Store, error) {
	store := storeConfig(d.config)
	store.Log = d.log
	if d.config.Delivery.Enabled {
		var err error
		if store.Destinations, err = globalDestinations(&d.config.Delivery, box); err != nil {
			return nil, err
		}
		store.OnDelivery, store.DeliveriesPerLane = d.wakeDeliveries, d.config.Delivery.PerTarget
	}
	store.Publish = func(events ...ratchet.Event) {
		d.numbers.published(events)
		d.hub.Publish(events...)
	}
	return open(ctx, store, d.config)
}

// open waits for PostgreSQL as long as is configured.
func open(ctx context.Context, store sqlstore.Config, c config.Config) (*sqlstore.Store, error) {
	if isPostgres(store.URL) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Database.ConnectTimeout)
		defer cancel()
	}
	return sqlstore.Open(ctx, store)
}

func storeConfig(c config.Config) sqlstore.Config {
	return sqlstore.Config{URL: databaseURL(c), Synchronous: c.Database.Synchronous, MaxConns: c.Database.MaxConnections}
}

// databaseURL is what is configured, with a relative file in the data folder.
func databaseURL(c config.Config) string {
	if isPostgres(c.Database.URL) {
		return c.Database.URL
	}
	file := strings.TrimPrefix(strings.TrimPrefix(c.Database.URL, "sqlite:"), "//")
	file, _, _ = strings.Cut(file, "?") // options for another program's driver
	return inDataDir(c, file)
}

func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

func inDataDir(c config.Config, file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(c.Data.Dir, file)
}

// databaseFile is the SQLite file; empty with PostgreSQL.
func (d *Daemon) databaseFile() string {
	if d.shared() {
		return ""
	}
	return databaseURL(d.config)
}

// shared reports whether other servers may work on the same database.
func (d *Daemon) shared() bool { return isPostgres(d.config.Database.URL) }

// unusable says why no task could run here.
func unusable(err error) error {
	if refused, ok := errors.AsType[*workerpool.SandboxError](err); ok {
		return ratchet.Errorf(ratchet.ReasonSandboxUnavailable, "tasks cannot be isolated here: %s (ratchet doctor says more; --insecure-allow-unsandboxed-workers runs them all the same, which is for your own code)", refused.Reason)
	}
	return ratchet.Errorf(ratchet.ReasonServiceUnavailable, "a worker process does not start: %w", err)
}

func egressConfig(h config.HTTP, hosts *resilience.Hosts, responses *httpcache.Cache) egress.Config {
	redirects := h.MaxRedirects
	if redirects == 0 {
		redirects = -1 // none, where 0 is the default
	}
	return egress.Config{
		AllowCIDR: h.Networks(), Ports: h.PortNumbers(), UserAgent: h.UserAgent, DialTimeout: h.ConnectTimeout,
		HeaderTimeout: h.Timeout, Timeout: h.Timeout, MaxRedirects: redirects, MaxBody: int64(h.MaxBody), MaxConns: h.MaxConnections,
		Hosts: hosts, Cache: responses,
	}
}

func hostsConfig(h config.HTTP) resilience.Config {
	failures := h.Breaker.Failures
	if !h.Breaker.Enabled {
		failures = -1
	}
	return resilience.Config{
		Failures: failures, Percent: h.Breaker.Percent, Window: h.Breaker.Window, Open: h.Breaker.Open, Successes: h.Breaker.Successes,
		PerHost: h.MaxPerHost, InAll: h.MaxRequests,
	}
}

func limits(e config.Execution) ratchet.Limits {
	return ratchet.Limits{Wall: ratchet.Duration(e.MaxTimeout), Memory: e.MaxMemory, Output: e.MaxOutput}
}

// listen takes the port.
func (d *Daemon) listen(ctx context.Context) (net.Addr, error) {
	address := address(d.config.Server)
	addr, err := d.server.Listen(ctx)
	switch {
	case errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonConfig}):
		return nil, err // of the certificate: the address is not what is wrong
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, ratchet.Errorf(ratchet.ReasonServiceUnavailable, "%s is in use%s: stop that one, or take another port with --port", address, holder(d.config.Server.Port))
	case errors.Is(err, syscall.EACCES):
		return nil, ratchet.Errorf(ratchet.ReasonPermission, "%s is not for this user: take a port from 1024 on, with --port", address)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, ratchet.Errorf(ratchet.ReasonConfig, "this machine has no address %s: server.bind_address must be one of its own", d.config.Server.BindAddress)
	case err != nil:
		return nil, ratchet.Errorf(ratchet.ReasonConfig, "cannot listen on %s: %w", address, err)
	}
	return addr, nil
}

func address(s config.Server) string { return net.JoinHostPort(s.BindAddress, strconv.Itoa(s.Port)) }

// Addr is where the server listens.
func (d *Daemon) Addr() net.Addr { return d.addr }

// publicURL is how others reach the server, as far as the operator says.
func (d *Daemon) publicURL() string {
	if said := d.config.Server.PublicURL; said != "" {
		return said
	}
	return d.URL()
}

// URL is how clients on this machine reach the server.
func (d *Daemon) URL() string {
	scheme := "http"
	if d.config.Server.TLS.CertFile != "" {
		scheme = "https"
	}
	addr, err := netip.ParseAddrPort(d.Addr().String())
	if err != nil {
		return scheme + "://" + d.Addr().String()
	}
	host := addr.Addr()
	switch {
	case host.IsUnspecified() && host.Is6():
		host = netip.IPv6Loopback()
	case host.IsUnspecified():
		host = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return scheme + "://" + netip.AddrPortFrom(host.Unmap(), addr.Port()).String()
}

// node is what this server says of itself to others.
func (d *Daemon) node() ratchet.Node {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return ratchet.Node{
		ID: d.store.Node(), Host: host, PID: os.Getpid(), Version: d.options.Version,
		Address: d.URL(), Sandbox: d.Sandbox(), StartedAt: d.started.UTC(),
	}
}

// Sandbox is the level at which workers are confined.
func (d *Daemon) Sandbox() string {
	report, _ := d.pool.Report()
	return string(report.Level)
}

// Engines tells of the engines that tasks run in here.
func (d *Daemon) Engines() []ratchet.EngineInfo { return d.engines.List(d.life) }

// Database says what database there is: the file, or the URL without a password.
func (d *Daemon) Database() string {
	for _, v := range d.config.Values() {
		if v.Name == "database.url" && d.shared() {
			return v.Text
		}
	}
	file := databaseURL(d.config)
	if whole, err := filepath.Abs(file); err == nil {
		return whole
	}
	return file
}

// Service is what the server can do.
func (d *Daemon) Service() *service.Service { return d.service }

// used counts an operation, and wakes who waits for what it changed.
func (d *Daemon) used(u service.Use) {
	d.numbers.used(u)
	if strings.HasPrefix(u.Operation, "schedules.") && u.Code == "" {
		d.schedules.Wake()
	}
}

// admitted refuses to listen for strangers without a key that could keep them
// out.
func (d *Daemon) admitted(ctx context.Context) error {
	if !d.config.KeysRequired() {
		return nil
	}
	keys, err := d.store.Keys(ctx, ratchet.Query{Limit: ratchet.MaxLimit})
	if err != nil {
		return fmt.Errorf("look for keys: %w", err)
	}
	for i := range keys.Items {
		if valid(&keys.Items[i], d.started) {
			return nil
		}
	}
	return ratchet.Errorf(ratchet.ReasonUnauthenticated,
		"there is no API key yet, and without one nobody may be let in on %s: make one with ratchet key create NAME --scope admin, or listen on 127.0.0.1", d.config.Server.BindAddress)
}

func valid(k *ratchet.Key, now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || k.ExpiresAt.After(now))
}
