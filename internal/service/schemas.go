package service

import (
	"context"
	"fmt"
	"sync"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// maxRemembered is how many things of a kind are remembered.
const maxRemembered = 512

// A memory keeps what never changes, so that it is read or made once. The zero
// memory is ready.
type memory[K comparable, V any] struct {
	mu   sync.Mutex
	kept map[K]V
}

func (m *memory[K, V]) get(key K) (value V, found bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, found = m.kept[key]
	return value, found
}

// put keeps a value in place of any other: which one is not worth knowing.
func (m *memory[K, V]) put(key K, value V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil {
		m.kept = map[K]V{}
	}
	for other := range m.kept {
		if len(m.kept) < maxRemembered {
			break
		}
		delete(m.kept, other)
	}
	m.kept[key] = value
}

// versionKey names a version for good.
type versionKey struct {
	task   ratchet.TaskID
	digest string
}

// newestVersion returns the version that t names as its newest.
func (s *Service) newestVersion(ctx context.Context, t *ratchet.Task) (*ratchet.Version, error) {
	key := versionKey{t.ID, t.VersionDigest}
	if v, found := s.versions.get(key); found {
		return v, nil
	}
	v, err := s.findVersion(ctx, t, t.VersionDigest)
	if err == nil {
		s.versions.put(key, v)
	}
	return v, err
}

// inputSchema returns the compiled input schema of a version. One that refers to
// other files of the task is not whole in the version's own text.
func (s *Service) inputSchema(ctx context.Context, v *ratchet.Version) (*bundle.Schema, error) {
	if schema, found := s.schemas.get(v.Digest); found {
		return schema, nil
	}
	var schema *bundle.Schema
	if len(v.InputSchema) > 0 {
		var err error
		if schema, err = bundle.ParseSchema(v.InputSchema); err != nil {
			if schema, err = s.archivedSchema(ctx, v); err != nil {
				return nil, fmt.Errorf("compile input schema of task %s: %w", v.Task, err)
			}
		}
	}
	s.schemas.put(v.Digest, schema)
	return schema, nil
}

func (s *Service) archivedSchema(ctx context.Context, v *ratchet.Version) (*bundle.Schema, error) {
	archive, err := s.store.Archive(ctx, v.Digest)
	if err != nil {
		return nil, err
	}
	b, err := bundle.LoadArchive(ctx, archive, bundle.Options{TempDir: s.config.TempDir})
	if err != nil {
		return nil, err
	}
	return b.Input, nil
}
