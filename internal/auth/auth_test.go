package auth_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
)

// kept is a table of keys in memory that counts what it is asked.
type kept struct {
	mu             sync.Mutex
	keys           map[ratchet.KeyID]*ratchet.Key
	hashes         map[ratchet.KeyID][]byte
	asked, touched int
	broken         error
}

func newKept() *kept {
	return &kept{keys: map[ratchet.KeyID]*ratchet.Key{}, hashes: map[ratchet.KeyID][]byte{}}
}

func (k *kept) Key(_ context.Context, id ratchet.KeyID) (*ratchet.Key, []byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	if k.broken != nil {
		return nil, nil, k.broken
	}
	if k.keys[id] == nil {
		return nil, nil, ratchet.Errorf(ratchet.ReasonEntityNotFound, "there is no key %s", id)
	}
	key := *k.keys[id]
	return &key, k.hashes[id], nil
}

func (k *kept) TouchKey(_ context.Context, id ratchet.KeyID, at time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.touched++
	k.keys[id].LastUsedAt = at
	return nil
}

// add makes a key and returns its text.
func (k *kept) add(key ratchet.Key) string {
	key.ID = ratchet.NewID[ratchet.Key]()
	text, hash := auth.NewKey(key.ID)
	k.keys[key.ID], k.hashes[key.ID] = &key, hash
	return text
}

func TestAScopeIncludesThoseBeforeIt(t *testing.T) {
	t.Parallel()
	for has, may := range map[ratchet.Scope]map[ratchet.Scope]bool{
		ratchet.ScopeRead:  {ratchet.ScopeRead: true, ratchet.ScopeRun: false, ratchet.ScopeAdmin: false, "": false, "root": false},
		ratchet.ScopeRun:   {ratchet.ScopeRead: true, ratchet.ScopeRun: true, ratchet.ScopeAdmin: false, "": false},
		ratchet.ScopeAdmin: {ratchet.ScopeRead: true, ratchet.ScopeRun: true, ratchet.ScopeAdmin: true, "": false, "root": false},
		"root":             {ratchet.ScopeRead: false, "root": false, "": false},
	} {
		for scope, want := range may {
			if got := (auth.Principal{Scopes: []ratchet.Scope{has}}).Has(scope); got != want {
				t.Errorf("%q may do what needs %q: got %t, want %t", has, scope, got, want)
			}
		}
	}
	if !auth.Local().Has(ratchet.ScopeAdmin) {
		t.Error("the local principal may not do everything")
	}
	if (auth.Principal{}).Has(ratchet.ScopeRead) {
		t.Error("a principal without scopes may read")
	}
}

func TestNobodyIsAskingUntilSomebodyIs(t *testing.T) {
	t.Parallel()
	if p, ok := auth.From(t.Context()); ok {
		t.Errorf("got %+v, want nobody", p)
	}
	if p, ok := auth.From(auth.With(t.Context(), auth.Local())); !ok || p.Name != "local" {
		t.Errorf("got %+v %t, want the local principal", p, ok)
	}
}

func TestAKeyTextNamesItsKeyAndIsKeptAsAHash(t *testing.T) {
	t.Parallel()
	id := ratchet.NewID[ratchet.Key]()
	text, hash := auth.NewKey(id)
	if !strings.HasPrefix(text, "rk_"+strings.ReplaceAll(id.UUID(), "-", "")+"_") || len(text) != 85 {
		t.Errorf("got %q", text)
	}
	if sum := sha256.Sum256([]byte(text)); !bytes.Equal(hash, sum[:]) {
		t.Error("the hash is not of the text")
	}
	if got, ok := auth.Parse(text); !ok || got != id {
		t.Errorf("got %s %t, want %s", got, ok, id)
	}
	if other, _ := auth.NewKey(id); other == text {
		t.Error("two keys have one text")
	}
}

func TestOneWrongCharacterInAKeyIsNoticedBeforeTheStoreIsAsked(t *testing.T) {
	t.Parallel()
	keys := newKept()
	text := keys.add(ratchet.Key{Name: "ci", Scopes: []ratchet.Scope{ratchet.ScopeRun}})
	a := auth.NewAuthenticator(keys)
	for i := range len(text) {
		other := "x"
		if text[i] == 'x' {
			other = "y"
		}
		for _, wrong := range []string{text[:i] + other + text[i+1:], text[:i], text[:i] + text[i+1:], text + "0"} {
			if _, err := a.Authenticate(t.Context(), wrong); ratchet.AsError(err).Code != ratchet.CodeUnauthenticated {
				t.Fatalf("%q: got %v, want unauthenticated", wrong, err)
			}
		}
	}
	if keys.asked != 0 {
		t.Errorf("the store was asked %d times", keys.asked)
	}
}

func TestARevokedKeyIsRefusedWithinASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := newKept()
		text := keys.add(ratchet.Key{Name: "ci", Scopes: []ratchet.Scope{ratchet.ScopeRun}})
		a := auth.NewAuthenticator(keys)
		for range 100 {
			p, err := a.Authenticate(t.Context(), text)
			if err != nil || p.Name != "ci" || !p.Has(ratchet.ScopeRun) || p.Has(ratchet.ScopeAdmin) {
				t.Fatalf("got %+v, %v", p, err)
			}
		}
		if keys.asked != 1 {
			t.Errorf("the store was asked %d times in no time, want once", keys.asked)
		}
		for _, k := range keys.keys {
			k.RevokedAt = time.Now()
		}
		time.Sleep(time.Second)
		if _, err := a.Authenticate(t.Context(), text); ratchet.AsError(err).Code != ratchet.CodeUnauthenticated {
			t.Errorf("got %v, want unauthenticated", err)
		}
	})
}

func TestAKeyIsRefusedFromTheInstantItExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := newKept()
		text := keys.add(ratchet.Key{Name: "ci", Scopes: []ratchet.Scope{ratchet.ScopeRead}, ExpiresAt: time.Now().Add(100 * time.Millisecond)})
		a := auth.NewAuthenticator(keys)
		if _, err := a.Authenticate(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // what is remembered of it is still good
		if _, err := a.Authenticate(t.Context(), text); ratchet.AsError(err).Code != ratchet.CodeUnauthenticated {
			t.Errorf("got %v, want unauthenticated", err)
		}
	})
}

func TestUnknownWrongRevokedAndMistypedKeysAreRefusedInTheSameWords(t *testing.T) {
	t.Parallel()
	keys := newKept()
	revoked := keys.add(ratchet.Key{Name: "old", RevokedAt: time.Now()})
	unknown, _ := auth.NewKey(ratchet.NewID[ratchet.Key]())
	known := keys.add(ratchet.Key{Name: "ci", Scopes: []ratchet.Scope{ratchet.ScopeRun}})
	id, _ := auth.Parse(known)
	forged, _ := auth.NewKey(id) // the right ID and checksum, another secret
	a := auth.NewAuthenticator(keys)
	words := map[string]bool{}
	for _, text := range []string{revoked, unknown, forged, known[:80], "", "Bearer", strings.Repeat("r", 1<<16)} {
		_, err := a.Authenticate(t.Context(), text)
		if e := ratchet.AsError(err); err == nil || e.Code != ratchet.CodeUnauthenticated || len(e.Details) > 0 {
			t.Fatalf("%.100q: got %v, want unauthenticated", text, err)
		}
		words[err.Error()] = true
	}
	if len(words) != 1 {
		t.Errorf("the refusals differ: %v", words)
	}
}

func TestAStoreThatFailsIsNoWrongKey(t *testing.T) {
	t.Parallel()
	keys := newKept()
	text := keys.add(ratchet.Key{Name: "ci"})
	keys.broken = ratchet.Errorf(ratchet.ReasonStorageConnection, "no database")
	if _, err := auth.NewAuthenticator(keys).Authenticate(t.Context(), text); !errors.Is(err, keys.broken) {
		t.Errorf("got %v, want that the database fails", err)
	}
}

func TestTheUseOfAKeyIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := newKept()
		text := keys.add(ratchet.Key{Name: "ci", Scopes: []ratchet.Scope{ratchet.ScopeRead}})
		a := auth.NewAuthenticator(keys)
		for range 5 * 60 { // for five minutes, twice a second and once between
			for range 3 {
				if _, err := a.Authenticate(t.Context(), text); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Second)
		}
		if keys.touched != 5 {
			t.Errorf("noted %d times in five minutes, want 5", keys.touched)
		}
	})
}

func FuzzParse(f *testing.F) {
	text, _ := auth.NewKey(ratchet.KeyID{1, 2, 3})
	f.Add(text)
	f.Add("")
	f.Add("rk_")
	f.Add(strings.ToUpper(text))
	f.Add(text[:len(text)-6] + "000000")
	f.Add(strings.Replace(text, "_", "\x00", 2))
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := auth.Parse(s)
		if !ok && !id.IsZero() {
			t.Errorf("%q is no key and has the ID %s", s, id)
		}
		if ok && (len(s) != len(text) || !strings.HasPrefix(s, "rk_"+strings.ReplaceAll(id.UUID(), "-", "")+"_")) {
			t.Errorf("%q was read as %s", s, id)
		}
	})
}
