// Package webhook signs messages and checks their signatures as the Standard
// Webhooks specification has it: what a receiver of Ratchet's deliveries needs,
// and a caller of its hooks. How messages are sent, and which were seen already,
// is left to others.
//
//	err := webhook.Verify(webhook.Message{
//		ID:        r.Header.Get(webhook.HeaderID),
//		Timestamp: r.Header.Get(webhook.HeaderTimestamp),
//		Signature: r.Header.Get(webhook.HeaderSignature),
//		Body:      body,
//	}, time.Now(), secret)
package webhook

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The headers of a message.
const (
	HeaderID        = "webhook-id"        // the same at every attempt: what was seen with it was done already
	HeaderTimestamp = "webhook-timestamp" // seconds since 1970 of the attempt
	HeaderSignature = "webhook-signature" // "v1,BASE64" or "v1a,BASE64", several apart by spaces
)

// How a key's text begins.
const (
	prefixShared  = "whsec_" // for HMAC-SHA256, known to both
	prefixPrivate = "whsk_"  // for Ed25519: signs
	prefixPublic  = "whpk_"  // for Ed25519: checks
)

// Tolerance is how far a message's timestamp may be from the receiver's clock.
const Tolerance = 5 * time.Minute

// What is wrong with a message.
var (
	ErrMissing   = errors.New("a header is missing: webhook-id, webhook-timestamp and webhook-signature are needed")
	ErrTimestamp = errors.New("webhook-timestamp is no number of seconds, or not within five minutes of now")
	ErrSignature = errors.New("no signature in webhook-signature is right")
)

// A Key signs messages, or checks their signatures, or both. It does not show what it
// is made of.
type Key struct {
	shared  []byte
	private ed25519.PrivateKey
	public  ed25519.PublicKey
}

// ParseKey reads a key: "whsec_", "whsk_" or "whpk_", and base64 after it. A
// whsec_ holds 24 to 64 bytes; a whsk_ the seed of 32 bytes, or seed and public
// key in 64; a whpk_ 32. An error does not repeat the text.
func ParseKey(text string) (Key, error) {
	prefix, rest, found := strings.Cut(text, "_")
	if prefix += "_"; !found || prefix != prefixShared && prefix != prefixPrivate && prefix != prefixPublic {
		return Key{}, errors.New(`a webhook key begins with "whsec_", "whsk_" or "whpk_"`)
	}
	data, err := base64.StdEncoding.DecodeString(rest)
	if err != nil {
		data, err = base64.RawStdEncoding.DecodeString(rest)
	}
	if err != nil {
		return Key{}, fmt.Errorf("what follows %s is not base64", prefix)
	}
	switch n := len(data); {
	case prefix == prefixShared && n >= 24 && n <= 64:
		return Key{shared: data}, nil
	case prefix == prefixShared:
		return Key{}, fmt.Errorf("a %s key has 24 to 64 bytes, this one %d", prefix, n)
	case prefix == prefixPrivate && n == ed25519.SeedSize:
		private := ed25519.NewKeyFromSeed(data)
		return Key{private: private, public: private.Public().(ed25519.PublicKey)}, nil
	case prefix == prefixPrivate && n == ed25519.PrivateKeySize:
		private := ed25519.NewKeyFromSeed(data[:ed25519.SeedSize])
		if !hmac.Equal(private, data) {
			return Key{}, errors.New("the two halves of the whsk_ key do not belong together")
		}
		return Key{private: private, public: private.Public().(ed25519.PublicKey)}, nil
	case prefix == prefixPublic && n == ed25519.PublicKeySize:
		return Key{public: data}, nil
	default:
		return Key{}, fmt.Errorf("a %s key has 32 bytes, this one %d", prefix, n)
	}
}

// NewSecret returns the text of a new key for HMAC, which both sides know.
func NewSecret() string {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	return prefixShared + base64.StdEncoding.EncodeToString(key[:])
}

// NewKeyPair returns the texts of two new keys for Ed25519: with the first one
// messages are signed, with the second they are checked.
func NewKeyPair() (private, public string, err error) {
	pub, priv, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", "", fmt.Errorf("make a key: %w", err)
	}
	return prefixPrivate + base64.StdEncoding.EncodeToString(priv), prefixPublic + base64.StdEncoding.EncodeToString(pub), nil
}

// CanSign reports whether the key makes signatures: a public one does not.
func (k Key) CanSign() bool { return k.shared != nil || k.private != nil }

// String does not show the key.
func (Key) String() string { return "webhook.Key" }

// GoString is String, for %#v.
func (k Key) GoString() string { return k.String() }

// Sign returns the signature of a message, as it stands in the header.
func (k Key) Sign(id string, at time.Time, body []byte) string {
	return k.sign(id, strconv.FormatInt(at.Unix(), 10), body)
}

func (k Key) sign(id, timestamp string, body []byte) string {
	switch {
	case k.shared != nil:
		return "v1," + base64.StdEncoding.EncodeToString(k.mac(id, timestamp, body))
	case k.private != nil:
		return "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(k.private, content(id, timestamp, body)))
	default:
		return ""
	}
}

func (k Key) mac(id, timestamp string, body []byte) []byte {
	m := hmac.New(sha256.New, k.shared)
	m.Write([]byte(id + "." + timestamp + "."))
	m.Write(body)
	return m.Sum(nil)
}

func content(id, timestamp string, body []byte) []byte {
	return append([]byte(id+"."+timestamp+"."), body...)
}

// Sign returns the value of webhook-signature: a signature by each key, the first
// one first.
func Sign(id string, at time.Time, body []byte, keys ...string) (string, error) {
	signatures := make([]string, len(keys))
	for i, text := range keys {
		k, err := ParseKey(text)
		if err != nil {
			return "", err
		}
		if !k.CanSign() {
			return "", errors.New("a whpk_ key checks signatures and makes none: sign with the whsk_ key it belongs to")
		}
		signatures[i] = k.Sign(id, at, body)
	}
	return strings.Join(signatures, " "), nil
}

// A Message is what was received: three headers and the body as it came, not
// decoded and encoded again.
type Message struct {
	ID        string
	Timestamp string
	Signature string
	Body      []byte
}

// Verify checks that one of the keys has signed the message, not longer than
// [Tolerance] from now. Its error is ErrMissing, ErrTimestamp, ErrSignature or what
// is wrong with a key. Whether the message was seen before it does not know: its ID
// says so.
func Verify(m Message, now time.Time, keys ...string) error {
	if m.ID == "" || m.Timestamp == "" || m.Signature == "" {
		return ErrMissing
	}
	seconds, err := strconv.ParseInt(m.Timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > Tolerance {
		return ErrTimestamp
	}
	for _, text := range keys {
		k, err := ParseKey(text)
		if err != nil {
			return err
		}
		if k.signed(m) {
			return nil
		}
	}
	return ErrSignature
}

// maxSignatures is how many signatures of a message are looked at.
const maxSignatures = 10

func (k Key) signed(m Message) bool {
	for i, s := range strings.Fields(m.Signature) {
		if i == maxSignatures {
			return false
		}
		version, text, _ := strings.Cut(s, ",")
		signature, err := base64.StdEncoding.DecodeString(text)
		switch {
		case err != nil:
		case version == "v1" && k.shared != nil && hmac.Equal(signature, k.mac(m.ID, m.Timestamp, m.Body)):
			return true
		case version == "v1a" && k.public != nil && ed25519.Verify(k.public, content(m.ID, m.Timestamp, m.Body), signature):
			return true
		}
	}
	return false
}
