// Package config is the server's configuration: its keys, what each means, and
// where their values come from (a YAML file, the environment, flags). What is
// done with a value is left to the packages that get it.
package config

import (
	"slices"
	"strings"
	"sync"

	"github.com/ratchet-runner/ratchet-go"
)

// DefaultFile is read where it exists and no other file is named.
const DefaultFile = "ratchet.yaml"

// A Config is the value of every key. [Default] is where one starts from.
type Config struct {
	Data      Data
	Server    Server
	Auth      Auth
	Database  Database
	Execution Execution
	Engines   Engines
	HTTP      HTTP
	Queue     Queue
	Cache     Cache
	Events    Events
	Plugins   Plugins
	Retention Retention
	Delivery  Delivery
	Secrets   Secrets
	Logging   Logging
}

// Default returns the configuration in which nothing is configured.
func Default() Config {
	var c Config
	for _, s := range c.settings() {
		if err := s.set(s.Default); err != nil {
			panic("config: the default of " + s.Name + ": " + err.Error()) // a test sets them all
		}
	}
	return c
}

// KeysRequired reports whether requests without an API key are refused.
func (c *Config) KeysRequired() bool {
	return c.Auth.RequireKeys || !c.Server.Loopback() && !c.Auth.InsecureNoAuth
}

// settings binds every key to its place in c, in the order of the file.
func (c *Config) settings() []setting {
	return slices.Concat(
		under("data", c.Data.settings()),
		under("server", c.Server.settings()),
		under("auth", c.Auth.settings()),
		under("database", c.Database.settings()),
		under("execution", c.Execution.settings()),
		under("engines", c.Engines.settings()),
		under("http", c.HTTP.settings()),
		under("queue", c.Queue.settings()),
		under("cache", c.Cache.settings()),
		under("events", c.Events.settings()),
		under("plugins", c.Plugins.settings()),
		under("retention", c.Retention.settings()),
		under("delivery", c.Delivery.settings()),
		under("secrets", c.Secrets.settings()),
		under("logging", c.Logging.settings()),
	)
}

// sections says what each domain is about.
func sections() []Section {
	return []Section{
		{"data", "Where the server keeps files."},
		{"server", "Where and how the server listens."},
		{"auth", "Who is let in."},
		{"database", "Where tasks, jobs and everything else are kept."},
		{"execution", "How many executions run at once, and what each may use at most."},
		{"engines", "What runs JavaScript beside the engine that is part of Ratchet. docs/engines.md explains them."},
		{"http", "The requests that tasks make. A task's own permissions.net comes on top of it."},
		{"queue", "How much may wait."},
		{"cache", "What is kept in memory so that it need not be made again."},
		{"events", "The stream of states, logs and progress that clients follow."},
		{"plugins", "Programs that extend the server."},
		{"retention", "How long finished jobs are kept, with their executions and logs."},
		{"delivery", "Bringing results to the destinations that jobs, schedules, tasks and the operator name."},
		{"secrets", "How the values of tasks' environments are encrypted."},
		{"logging", "What the server writes to stderr about itself."},
	}
}

// A Section is a group of keys, as the file has them.
type Section struct{ Name, Doc string }

// A Key describes one thing that can be configured.
type Key struct {
	Name    string // "server.port"
	Doc     string // what it is
	Default string // as text; of a list, parted by commas
	Kind    Kind
	Words   []string // of a KindWord: all there are
	Wants   string   // what a value must be, for messages: "a number from 0 to 65535"
	Least   int      // of a KindNumber
	Most    int      // of a KindNumber
	Secret  bool     // not to be shown
}

// Section is the group that the key belongs to.
func (k Key) Section() string {
	section, _, _ := strings.Cut(k.Name, ".")
	return section
}

// Env is the variable that sets the key.
func (k Key) Env() string {
	return "RATCHET_" + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_"))
}

// Check reports why the text is no value of the key.
func (k Key) Check(text string) error {
	var c Config
	for _, s := range c.settings() {
		if s.Name == k.Name {
			return s.set(text)
		}
	}
	return ratchet.Errorf(ratchet.ReasonConfig, "there is no key %q", k.Name)
}

// Keys lists every key, in the order of the file.
func Keys() []Key { return slices.Clone(allKeys()) }

// allKeys is made once: every flag of a command asks for its key.
var allKeys = sync.OnceValue(func() (keys []Key) {
	var c Config
	for _, s := range c.settings() {
		keys = append(keys, s.Key)
	}
	return keys
})

// Find returns the key of a name.
func Find(name string) (Key, bool) {
	for _, k := range allKeys() {
		if k.Name == name {
			return k, true
		}
	}
	return Key{}, false
}

// names lists the names of keys.
func names(keys []Key) []string {
	all := make([]string, len(keys))
	for i, k := range keys {
		all[i] = k.Name
	}
	return all
}
