// Package secret seals values so that they can lie in a database: AES-256-GCM
// under a key that lies elsewhere, each value bound to the place it belongs to.
// What is sealed, and who may open it, is left to others.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// KeySize is the length of a key, in bytes.
const KeySize = 32

// A Key seals and opens values. The zero Key is none.
type Key [KeySize]byte

// NewKey returns a key made of chance.
func NewKey() (k Key) {
	rand.Read(k[:])
	return k
}

// keyID names a key in what it sealed, and tells nothing about it.
type keyID [4]byte

func (k Key) id() (id keyID) {
	sum := sha256.Sum256(append([]byte("ratchet key id\x00"), k[:]...))
	copy(id[:], sum[:])
	return id
}

// ID is the name by which messages call the key.
func (k Key) ID() string {
	id := k.id()
	return hex.EncodeToString(id[:])
}

// String is the ID: a key is not printed by mistake.
func (k Key) String() string { return "key " + k.ID() }

// GoString is String, for %#v.
func (k Key) GoString() string { return k.String() }

// A Box seals and opens values. It is safe for concurrent use.
type Box struct {
	seals keyID
	keys  map[keyID]cipher.AEAD
}

// Errors of Open.
var (
	// ErrKey says that the key that sealed a value is not there.
	ErrKey = errors.New("the key that sealed this value is not there")
	// ErrOpen says that a value was changed, or sealed for another context.
	ErrOpen = errors.New("the value was changed or does not belong here")
)

// New returns a Box that seals with the first key and opens what any of them
// sealed.
func New(keys ...Key) (*Box, error) {
	if len(keys) == 0 {
		return nil, errors.New("make a box: no key was given")
	}
	b := &Box{seals: keys[0].id(), keys: map[keyID]cipher.AEAD{}}
	for _, k := range keys {
		if k == (Key{}) {
			return nil, errors.New("make a box: a key is all zeros")
		}
		block, err := aes.NewCipher(k[:])
		if err != nil {
			return nil, fmt.Errorf("make a box: %w", err)
		}
		// It puts a random nonce before what it seals: good for 2³² values a key.
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("make a box: %w", err)
		}
		b.keys[k.id()] = aead
	}
	return b, nil
}

// format is the first byte of a sealed value: format, key ID, nonce, text and tag.
const format = 1

const headSize = 1 + len(keyID{})

// Seal encrypts a value. It opens with the same context only, which is not kept
// in it.
func (b *Box) Seal(plain, context []byte) ([]byte, error) {
	aead := b.keys[b.seals]
	sealed := make([]byte, 0, headSize+len(plain)+aead.Overhead())
	sealed = append(append(sealed, format), b.seals[:]...)
	return aead.Seal(sealed, nil, plain, bound(sealed, context)), nil
}

// Open returns the value that was sealed for the context. Its error is [ErrKey]
// or [ErrOpen].
func (b *Box) Open(sealed, context []byte) ([]byte, error) {
	if len(sealed) < headSize || sealed[0] != format {
		return nil, fmt.Errorf("open a sealed value of %d bytes: %w", len(sealed), ErrOpen)
	}
	head := sealed[:headSize]
	aead := b.keys[keyID(head[1:])]
	if aead == nil {
		return nil, fmt.Errorf("open a value sealed with key %x: %w", head[1:], ErrKey)
	}
	plain, err := aead.Open(nil, nil, sealed[headSize:], bound(head, context))
	if err != nil {
		return nil, fmt.Errorf("open a value sealed with key %x: %w", head[1:], ErrOpen)
	}
	return plain, nil
}

// Rotated reports whether the value was sealed with another key than new ones
// are.
func (b *Box) Rotated(sealed []byte) bool {
	return len(sealed) < headSize || keyID(sealed[1:headSize]) != b.seals
}

// bound is what a value is bound to beside its key: the head and the context.
func bound(head, context []byte) []byte {
	return append(append(make([]byte, 0, len(head)+len(context)), head...), context...)
}
