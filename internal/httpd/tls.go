package httpd

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// checkEvery is how often the files of a certificate are looked at, by the
// handshakes that come.
const checkEvery = time.Second

// A certificate is read from files, and again when they change. A pair that
// cannot be read, as while one file is written, leaves the old one in place.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	seen    [2]fileState
	checked time.Time
}

// A fileState tells whether a file has changed.
type fileState struct {
	size     int64
	modified time.Time
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.now(time.Now()), nil
		},
		NextProtos: []string{"h2", "http/1.1"},
	}
}

// load reads the files for the first time.
func (c *certificate) load() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen, c.checked = c.states(), time.Now()
	return c.read()
}

func (c *certificate) read() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return ratchet.Errorf(ratchet.ReasonConfig, "read the certificate %s and its key %s: %w", c.certFile, c.keyFile, err)
	}
	c.current = &pair
	return nil
}

// now is the certificate to show.
func (c *certificate) now(t time.Time) *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.Sub(c.checked) < checkEvery {
		return c.current
	}
	c.checked = t
	states := c.states()
	if states == c.seen {
		return c.current
	}
	if err := c.read(); err != nil {
		c.log.Error("the certificate changed and cannot be read: the old one stays", "error", err.Error())
		return c.current
	}
	c.seen = states
	c.log.Info("the certificate was read again", "file", c.certFile)
	return c.current
}

func (c *certificate) states() (all [2]fileState) {
	for i, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			all[i] = fileState{info.Size(), info.ModTime()}
		}
	}
	return all
}
