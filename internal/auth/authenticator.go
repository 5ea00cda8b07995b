package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// Keys is where keys are kept.
type Keys interface {
	// Key returns a key and the hash of its text.
	Key(ctx context.Context, id ratchet.KeyID) (*ratchet.Key, []byte, error)
	// TouchKey notes that the key was used.
	TouchKey(ctx context.Context, id ratchet.KeyID, at time.Time) error
}

const (
	remembered = time.Second // how long what is known of a key is good
	touchEvery = time.Minute // how fine the time of a key's last use is
	maxKnown   = 1000        // keys remembered
	knownSize  = 512         // bytes of one, about
)

// An Authenticator knows keys by their text. What it remembers of a key is at
// most a second old.
type Authenticator struct {
	keys Keys

	mu     sync.Mutex
	known  map[ratchet.KeyID]knownKey
	hits   int64
	misses int64
}

// Describe says which keys are remembered, and how often one was.
func (a *Authenticator) Describe() ratchet.Cache {
	a.mu.Lock()
	defer a.mu.Unlock()
	return ratchet.Cache{
		Name: "keys", Entries: len(a.known), Size: ratchet.Size(len(a.known)) * knownSize, MaxSize: maxKnown * knownSize, Hits: a.hits, Misses: a.misses,
	}
}

// Forget has all keys read again.
func (a *Authenticator) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.known)
}

// A knownKey is what the store said of a key when it was asked at the time.
type knownKey struct {
	key     ratchet.Key
	hash    []byte
	asked   time.Time
	touched time.Time
}

// NewAuthenticator returns an Authenticator over keys.
func NewAuthenticator(keys Keys) *Authenticator {
	return &Authenticator{keys: keys, known: map[ratchet.KeyID]knownKey{}}
}

// Authenticate returns whose key the text is. A text that is no key, or one that
// is unknown, expired or revoked, gives a *ratchet.Error of code unauthenticated
// that says no more than that.
func (a *Authenticator) Authenticate(ctx context.Context, text string) (Principal, error) {
	id, ok := parse(text)
	if !ok {
		return Principal{}, refused()
	}
	now := time.Now()
	k, err := a.lookUp(ctx, id, now)
	if failure, known := errors.AsType[*ratchet.Error](err); known && failure.Code == ratchet.CodeNotFound {
		return Principal{}, refused()
	}
	if err != nil {
		return Principal{}, fmt.Errorf("look up key: %w", err)
	}
	genuine := subtle.ConstantTimeCompare(k.hash, hashOf(text)) == 1
	expired := !k.key.ExpiresAt.IsZero() && !now.Before(k.key.ExpiresAt)
	if !genuine || expired || !k.key.RevokedAt.IsZero() {
		return Principal{}, refused()
	}
	a.touch(ctx, id, now)
	return Principal{Name: k.key.Name, Key: id, Scopes: slices.Clone(k.key.Scopes)}, nil
}

func refused() error {
	return ratchet.Errorf(ratchet.ReasonUnauthenticated, "this key lets nobody in: use one that \"ratchet key create\" showed and that is neither expired nor revoked")
}

// lookUp returns what is remembered of the key, or what the store says.
func (a *Authenticator) lookUp(ctx context.Context, id ratchet.KeyID, now time.Time) (knownKey, error) {
	a.mu.Lock()
	k, found := a.known[id]
	if found = found && now.Sub(k.asked) < remembered; found {
		a.hits++
	} else {
		a.misses++
	}
	a.mu.Unlock()
	if found {
		return k, nil
	}
	key, hash, err := a.keys.Key(ctx, id)
	if err != nil {
		a.forget(id)
		return knownKey{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	k = knownKey{key: *key, hash: hash, asked: now, touched: a.known[id].touched}
	if k.touched.Before(key.LastUsedAt) {
		k.touched = key.LastUsedAt
	}
	a.makeRoom()
	a.known[id] = k
	return k, nil
}

func (a *Authenticator) forget(id ratchet.KeyID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.known, id)
}

// makeRoom forgets any key once there are too many: it costs its next use one
// more look-up.
func (a *Authenticator) makeRoom() {
	for id := range a.known {
		if len(a.known) < maxKnown {
			return
		}
		delete(a.known, id)
	}
}

// touch notes the use of a key, if the last note is old. That a note could not be
// made is no reason to refuse the key: the next minute makes another.
func (a *Authenticator) touch(ctx context.Context, id ratchet.KeyID, now time.Time) {
	a.mu.Lock()
	k, found := a.known[id]
	due := found && now.Sub(k.touched) >= touchEvery
	if due {
		k.touched = now
		a.known[id] = k
	}
	a.mu.Unlock()
	if due {
		_ = a.keys.TouchKey(ctx, id, now)
	}
}
