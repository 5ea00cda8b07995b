package dispatch

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/cache"
)

// bundles keeps versions ready to run, by digest. Those who want the same one at the
// same time wait for one loading.
type bundles struct {
	archives Archives
	kept     *cache.Cache[string, *bundle.Bundle]
	ready    chan struct{} // closed: of what is kept

	mu       sync.Mutex
	loadings map[string]*loading // under way, by digest
}

// A loading is about to be a bundle.
type loading struct {
	done   chan struct{} // closed when bundle or err is there
	bundle *bundle.Bundle
	err    error
}

func newBundles(archives Archives, most ratchet.Size) *bundles {
	if most <= 0 {
		most = 128 * ratchet.MB
	}
	ready := make(chan struct{})
	close(ready)
	return &bundles{archives: archives, kept: cache.Lasting[string, *bundle.Bundle]("bundles", most), ready: ready, loadings: map[string]*loading{}}
}

// get returns the bundle of the version with the digest.
func (b *bundles) get(ctx context.Context, digest string) (*bundle.Bundle, error) {
	for {
		l, mine := b.enter(digest)
		if mine {
			l.bundle, l.err = b.load(ctx, digest)
			b.leave(digest, l)
			return l.bundle, l.err
		}
		select {
		case <-l.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if l.err == nil || !errors.Is(l.err, context.Canceled) && !errors.Is(l.err, context.DeadlineExceeded) {
			return l.bundle, l.err
		} // else whoever loaded gave up, which is no answer for others
	}
}

// enter returns the digest's loading; mine, if the caller has to do it.
func (b *bundles) enter(digest string) (l *loading, mine bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if kept, found := b.kept.Get(digest); found {
		return &loading{done: b.ready, bundle: kept}, false
	}
	if l = b.loadings[digest]; l != nil {
		return l, false
	}
	l = &loading{done: make(chan struct{})}
	b.loadings[digest] = l
	return l, true
}

// leave ends the caller's loading.
func (b *bundles) leave(digest string, l *loading) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l.err == nil {
		b.kept.Put(digest, l.bundle, l.bundle.Size(), cache.Always)
	}
	delete(b.loadings, digest)
	close(l.done)
}

// load makes the bundle, and makes sure that it is what the digest names.
func (b *bundles) load(ctx context.Context, digest string) (*bundle.Bundle, error) {
	archive, err := b.archives.Archive(ctx, digest)
	if err != nil {
		return nil, fmt.Errorf("load version %s: %w", digest, err)
	}
	// The task was checked when it was registered: what a check would say of its
	// syntax the engine says too.
	loaded, err := bundle.LoadArchive(ctx, archive, bundle.Options{DeferSyntax: true})
	if err != nil {
		return nil, fmt.Errorf("load version %s: %w", digest, err)
	}
	if loaded.Digest != digest {
		return nil, ratchet.Errorf(ratchet.ReasonTaskVersion,
			"the stored archive of version %s has the content of %s: it is damaged or was made by another Ratchet; register the task again", digest, loaded.Digest)
	}
	loaded.Inputs, loaded.Tests = nil, nil // as much again as what is run
	return loaded, nil
}
