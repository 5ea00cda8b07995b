package dispatch

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// bundles keeps versions ready to run, by digest; the one unused longest goes
// first. Those who want the same one at the same time wait for one loading.
type bundles struct {
	archives Archives
	most     int

	mu      sync.Mutex
	entries map[string]*list.Element // of *loading
	recent  *list.List               // most recently used first
}

// A loading is a bundle, or about to be one.
type loading struct {
	digest string
	done   chan struct{} // closed when bundle or err is there
	bundle *bundle.Bundle
	err    error
}

func newBundles(archives Archives, most int) *bundles {
	if most <= 0 {
		most = 128
	}
	return &bundles{archives: archives, most: most, entries: map[string]*list.Element{}, recent: list.New()}
}

// get returns the bundle of the version with the digest.
func (b *bundles) get(ctx context.Context, digest string) (*bundle.Bundle, error) {
	for {
		l, mine := b.enter(digest)
		if mine {
			l.bundle, l.err = b.load(ctx, digest)
			if l.err != nil {
				b.forget(l)
			}
			close(l.done)
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
	if found := b.entries[digest]; found != nil {
		b.recent.MoveToFront(found)
		return found.Value.(*loading), false
	}
	l = &loading{digest: digest, done: make(chan struct{})}
	b.entries[digest] = b.recent.PushFront(l)
	for b.recent.Len() > b.most {
		delete(b.entries, b.recent.Remove(b.recent.Back()).(*loading).digest)
	}
	return l, true
}

func (b *bundles) forget(l *loading) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if found := b.entries[l.digest]; found != nil && found.Value == l {
		b.recent.Remove(found)
		delete(b.entries, l.digest)
	}
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
