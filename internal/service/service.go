// Package service is what Ratchet can do: one operation each, in one catalogue,
// from which every surface is made. It decides what is allowed and what is valid;
// how a request arrives and where things are kept is left to others.
package service

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

// A Config says how a Service works. The zero Config works.
type Config struct {
	// MaxWaiting is how many jobs may wait before more are refused. Default 100,000.
	MaxWaiting int
	// Limits are the most that a job may be given; zero fields are unbounded.
	Limits ratchet.Limits
	// URL is how the server is reached from outside, once it listens; it begins the
	// URLs of hooks. Default: they are told as paths.
	URL func() string
	// TempDir is where archives are unpacked. Default: the system's.
	TempDir string
	// Log gets what operators should know. Default: nothing is logged.
	Log *slog.Logger
}

// Schedules knows the rules of schedules; package schedule does.
type Schedules interface {
	// Validate reports what is wrong with the rule, zone and policies of s.
	Validate(s *ratchet.Schedule) []ratchet.Detail
	// Next returns the first instant after t at which s runs; zero if never.
	Next(s *ratchet.Schedule, t time.Time) time.Time
}

// Sealer seals values of environments and secrets; package secret does.
type Sealer interface {
	// Seal binds the sealed value to its context, [ratchet.EnvContext] for a
	// value of an environment: it opens with the same one only.
	Seal(plain, context []byte) ([]byte, error)
	Open(sealed, context []byte) ([]byte, error)
}

// Prober finds out whether a worker can read a task's code.
type Prober interface {
	Probe(ctx context.Context, b *bundle.Bundle) error
}

// Workers lists this node's worker processes.
type Workers interface{ Workers() []ratchet.Worker }

// Breakers lists the circuit breakers of this node.
type Breakers interface{ Breakers() []ratchet.Breaker }

// Engines knows the engines of this node; package engine does.
type Engines interface {
	// Default is what a task runs in that names no engine.
	Default() ratchet.Engine
	// Check reports why tasks of the engine cannot run here; empty is the default.
	Check(ctx context.Context, e ratchet.Engine) error
	List(ctx context.Context) []ratchet.EngineInfo
}

// Results keeps outputs of tasks that ask for it; package cache does.
type Results interface {
	// Find returns a result that is kept for the version of the task and the input.
	Find(task ratchet.TaskID, digest string, input json.RawMessage) (output json.RawMessage, ok bool)
}

// Caches are what this node keeps, and is told to forget on every node.
type Caches interface {
	// Caches lists them.
	Caches() []ratchet.Cache
	// PurgeCache empties the one of a name.
	PurgeCache(name string)
	// PurgeTask forgets what is kept of a task, by its name.
	PurgeTask(name string)
}

// Deps are the parts that a Service works with.
type Deps struct {
	Store     Store
	Stream    *stream.Hub
	Schedules Schedules
	Sealer    Sealer
	Prober    Prober
	Workers   Workers
	Breakers  Breakers // nil: there are none
	Results   Results  // nil: none are kept
	Engines   Engines  // nil: the built-in one alone
	Caches    Caches   // nil: there are none
	// Deliverer delivers results. Nil: nothing is delivered, and nobody may ask for it.
	Deliverer Deliverer
	Plugins   Plugins // nil: there are none
	// Now is the time. Default time.Now.
	Now func() time.Time
}

// A Service does what its Catalogue lists. It is safe for concurrent use.
type Service struct {
	Catalogue

	store     Store
	stream    *stream.Hub
	rules     Schedules
	sealer    Sealer
	prober    Prober
	workers   Workers
	guards    Breakers
	results   Results
	engines   Engines
	caches    Caches
	deliverer Deliverer
	plugins   Plugins
	clock     func() time.Time
	config    Config
	used      func(Use)
	// What is remembered: versions, and their input schemas compiled, by digest; a
	// nil schema accepts anything.
	versions memory[versionKey, *ratchet.Version]
	schemas  memory[string, *bundle.Schema]
	queue    queue
	tasks    knownTasks
	callers  callers
}

// Defaults of Config.
const defaultMaxWaiting = 100_000

// New returns a Service. It starts nothing.
func New(d Deps, c Config) *Service {
	if d.Now == nil {
		d.Now = time.Now
	}
	if c.MaxWaiting <= 0 {
		c.MaxWaiting = defaultMaxWaiting
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		store: d.Store, stream: d.Stream, rules: d.Schedules, sealer: d.Sealer, prober: d.Prober,
		workers: d.Workers, guards: d.Breakers, results: d.Results, engines: d.Engines, caches: d.Caches, deliverer: d.Deliverer, plugins: d.Plugins, clock: d.Now, config: c, used: func(Use) {},
	}
	s.Catalogue = s.catalogue()
	return s
}

// now is the time to the microsecond, which is how finely it is kept.
func (s *Service) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// Use is told of every operation that ended, for metrics.
type Use struct {
	Operation string
	Code      ratchet.Code // empty if it went well
	Took      time.Duration
}

// OnUse has f called with the use of every operation from now on. It must not
// wait. It is called before the service is used.
func (s *Service) OnUse(f func(Use)) { s.used = f }

// gate is the one check before every operation: who asks must have its scope.
// What changes more than jobs is told to the operators.
func (s *Service) gate(ctx context.Context, o Operation) (done func(error), err error) {
	began := time.Now()
	who, known := auth.From(ctx)
	switch {
	case !known:
		err = ratchet.Errorf(ratchet.ReasonUnauthenticated, "an API key is needed: send one as \"Authorization: Bearer rk_…\"; \"ratchet key create\" makes one")
	case !who.Has(o.Scope):
		err = ratchet.Errorf(ratchet.ReasonForbidden, "%s needs the scope %q, which the key %q does not have: use a key that has it", o.Name, o.Scope, who.Name)
	}
	done = func(err error) {
		if o.Effect != Read && o.Tag() == "tasks" && o.Scope == ratchet.ScopeAdmin {
			s.forgetTasks()
		}
		use := Use{Operation: o.Name, Took: time.Since(began)}
		if err != nil {
			use.Code = ratchet.AsError(err).Code
		} else if o.Scope == ratchet.ScopeAdmin && o.Effect != Read {
			s.config.Log.InfoContext(ctx, "operation done", slog.String("operation", o.Name), slog.String("principal", who.Name))
		}
		s.used(use)
	}
	if err != nil {
		done(err)
	}
	return done, err
}
