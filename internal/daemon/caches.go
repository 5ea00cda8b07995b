package daemon

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/cache"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/httpcache"
	"github.com/ratchet-runner/ratchet-go/internal/rediscache"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

// A keeper is something that this node keeps so that it need not be made again.
type keeper struct {
	describe func() ratchet.Cache
	// purge forgets what is kept of a task, by its name; all of it, if that is empty.
	purge func(task string)
	// rests says that what is kept rests on what may change: it is forgotten when
	// changes may have been missed, and for a task.
	rests bool
}

// caches are those of this node, whose purges other nodes are told.
type caches struct {
	keepers []keeper
	hub     *stream.Hub
}

// Caches describes them, by name.
func (c *caches) Caches() []ratchet.Cache {
	all := make([]ratchet.Cache, 0, len(c.keepers))
	for _, k := range c.keepers {
		all = append(all, k.describe())
	}
	slices.SortFunc(all, func(a, b ratchet.Cache) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// PurgeTask forgets what is kept of a task here at once, and on other nodes as soon
// as they hear of it.
func (c *caches) PurgeTask(name string) { c.tell(ratchet.Event{Task: name}) }

// PurgeCache empties the cache of a name, as PurgeTask does.
func (c *caches) PurgeCache(name string) { c.tell(ratchet.Event{Reason: name}) }

func (c *caches) tell(e ratchet.Event) {
	e.Type, e.Time = ratchet.EventPurge, time.Now().UTC()
	c.forget(e)
	c.hub.Publish(e)
}

// forget does what a purge says.
func (c *caches) forget(e ratchet.Event) {
	for _, k := range c.keepers {
		if e.Reason == "" && k.rests || e.Reason != "" && k.describe().Name == e.Reason {
			k.purge(e.Task)
		}
	}
}

// run forgets what other nodes purge, until ctx ends.
func (c *caches) run(ctx context.Context) error {
	for again := false; ; again = true {
		c.heed(ctx, again)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(heedAgain):
		}
	}
}

// heedAgain is how long purges are not heard of after the stream was lost.
const heedAgain = 100 * time.Millisecond

// heed follows purges until the stream or ctx ends. What may have been missed could
// have been about any task.
func (c *caches) heed(ctx context.Context, missed bool) {
	sub := c.hub.Subscribe(stream.Filter{Types: []ratchet.EventType{ratchet.EventPurge}})
	defer sub.Close()
	if missed {
		c.forget(ratchet.Event{})
	}
	for {
		select {
		case <-ctx.Done():
			return
		case e, open := <-sub.Events():
			switch {
			case !open:
				return
			case e.Type == ratchet.EventPurge:
				c.forget(e)
			case e.Type == ratchet.EventGap:
				c.forget(ratchet.Event{})
			}
		}
	}
}

// keep makes the caches of what rests on what may change.
func (d *Daemon) keep(ctx context.Context) (err error) {
	if d.config.Cache.Results > 0 {
		if d.results, err = cache.NewResults(d.config.Cache.Results); err != nil {
			return err
		}
	}
	if d.results != nil {
		if err := d.share(ctx); err != nil {
			return err
		}
	}
	if d.config.HTTP.Cache > 0 {
		d.responses, err = httpcache.New(context.WithoutCancel(ctx), httpcache.Config{Size: d.config.HTTP.Cache})
	}
	return err
}

// share opens what servers share of results.
func (d *Daemon) share(ctx context.Context) error {
	var tier cache.Tier
	switch address := d.config.Cache.Shared; address {
	case "", "none":
		return nil
	case "postgres":
		results := d.store.SharedResults()
		if results == nil {
			return ratchet.Errorf(ratchet.ReasonConfig, "cache.shared is postgres, and database.url is no PostgreSQL: take redis://…, or none, which a single server does not need")
		}
		tier = postgresTier{results}
	default:
		redis, err := rediscache.New(address, d.config.Cache.SharedTimeout)
		if err != nil {
			return ratchet.Errorf(ratchet.ReasonConfig, "cache.shared must be none, postgres or where a Redis is: %w", err)
		}
		tier = redis
	}
	d.together = cache.NewShared(context.WithoutCancel(ctx), tier, cache.SharedConfig{Timeout: d.config.Cache.SharedTimeout, Log: d.log})
	return nil
}

// A postgresTier is the store's, which is closed with the store.
type postgresTier struct{ results *sqlstore.SharedResults }

func (t postgresTier) Get(ctx context.Context, key cache.ResultKey) ([]byte, error) {
	return t.results.Get(ctx, key)
}

func (t postgresTier) Put(ctx context.Context, key cache.ResultKey, value []byte, ttl time.Duration) error {
	return t.results.Put(ctx, key, value, ttl)
}

func (postgresTier) Close() error { return nil }

// keepers lists all that is kept.
func (d *Daemon) keepers(exec *executor.Executor) {
	all := []keeper{
		lasting(d.dispatcher.Bundles()), lasting(exec.Bytecode()),
		// Of what the database says: each is read anew within a second anyway.
		{describe: d.keys.Describe, purge: func(string) { d.keys.Forget() }},
		{describe: d.service.KnownTasks, purge: func(string) { d.service.ForgetTasks() }},
		{describe: d.store.KeptVersions, purge: func(string) { d.store.ForgetVersions() }},
	}
	if d.results != nil {
		all = append(all, keeper{d.results.Describe, d.results.Purge, true})
	}
	if d.together != nil { // whose values are not found any more once a purge is noted
		all = append(all, keeper{describe: d.together.Describe, purge: func(string) {}})
	}
	if d.responses != nil {
		all = append(all, keeper{d.responses.Describe, d.responses.Purge, true})
	}
	d.caches.keepers, d.caches.hub = all, d.hub
}

// lasting is a cache of what never changes.
func lasting[K comparable, V any](c *cache.Cache[K, V]) keeper {
	return keeper{describe: c.Describe, purge: func(string) { c.Drop(func(K, V) bool { return true }) }}
}
