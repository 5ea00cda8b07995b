package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"hash/crc32"
	"math/big"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
)

// The parts of a key's text, in characters.
const (
	prefix        = "rk_"
	idLength      = 32
	secretBytes   = 32
	secretLength  = 43 // of secretBytes in base62
	sumLength     = 6  // of 32 bits in base62
	keyTextLength = len(prefix) + idLength + 1 + secretLength + sumLength
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// NewKey makes the text of a key, shown once, and the hash that is kept of it.
// The text is "rk_", the key's UUID without dashes, "_", 32 random bytes in
// base62, and a checksum of 6 characters, so that a mistyped or cut key is told
// from a wrong one and scanners find leaked ones.
func NewKey(id ratchet.KeyID) (text string, hash []byte) {
	secret := make([]byte, secretBytes)
	rand.Read(secret)
	text = prefix + hex.EncodeToString(id[:]) + "_" + encode(new(big.Int).SetBytes(secret), secretLength)
	text += checksum(text)
	return text, hashOf(text)
}

// hashOf is a plain SHA-256: the text holds 256 random bits, which no slow hash
// would make harder to guess.
func hashOf(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

func checksum(text string) string {
	return encode(new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(text)))), sumLength)
}

// encode writes n in base62 with the given number of digits, which is enough.
func encode(n *big.Int, digits int) string {
	out := make([]byte, digits)
	base, digit := big.NewInt(int64(len(base62))), new(big.Int)
	for i := digits - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		out[i] = base62[digit.Int64()]
	}
	return string(out)
}

// parse returns the ID in the text of a key; ok is false if the text is no key's.
// Only its own key has the whole text: see Authenticate.
func parse(text string) (id ratchet.KeyID, ok bool) {
	if len(text) != keyTextLength || !strings.HasPrefix(text, prefix) || text[len(prefix)+idLength] != '_' {
		return id, false
	}
	digits := text[len(prefix) : len(prefix)+idLength]
	body, sum := text[:keyTextLength-sumLength], text[keyTextLength-sumLength:]
	if digits != strings.ToLower(digits) || checksum(body) != sum {
		return id, false
	}
	for _, c := range []byte(body[len(body)-secretLength:]) {
		if strings.IndexByte(base62, c) < 0 {
			return id, false
		}
	}
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return ratchet.KeyID{}, false
	}
	return id, true
}
