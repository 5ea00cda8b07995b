package js

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/pbkdf2"
	_ "crypto/sha1" // the digests of hashNamed
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/bits"
)

// cryptoFuncs are the host functions of prelude/crypto.js and subtle.js. The
// prelude has checked algorithms, usages and lengths where it can; what is left
// is thrown with the name of a DOMException.
func cryptoFuncs() map[string]Func {
	funcs := map[string]Func{
		// randomBytes(view) fills it.
		"randomBytes": func(c *Call) error {
			c.vm.random(c.Bytes(0))
			return nil
		},
		"randomUUID": func(c *Call) error {
			var b [16]byte
			c.vm.random(b[:])
			b[6], b[8] = b[6]&0x0F|0x40, b[8]&0x3F|0x80
			c.ReturnString(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
			return nil
		},
		// digest(hash, data)
		"digest": func(c *Call) error {
			c.ReturnBytes(sum(c.String(0), c.Bytes(1)))
			return nil
		},
		// hmac(hash, key, data)
		"hmac": func(c *Call) error {
			c.ReturnBytes(authenticate(c.String(0), c.Bytes(1), c.Bytes(2)))
			return nil
		},
		// hmacVerify(hash, key, mac, data)
		"hmacVerify": func(c *Call) error {
			c.ReturnBool(hmac.Equal(c.Bytes(2), authenticate(c.String(0), c.Bytes(1), c.Bytes(3))))
			return nil
		},
		// aesGCM(encrypt, key, iv, additional data, bytes of tag, data)
		"aesGCM": func(c *Call) error {
			return c.returnCipher(aesGCM(c.Bool(0), c.Bytes(1), c.Bytes(2), c.Bytes(3), c.Int(4), c.Bytes(5)))
		},
		// aesCBC(encrypt, key, iv, data)
		"aesCBC": func(c *Call) error {
			return c.returnCipher(aesCBC(c.Bool(0), c.Bytes(1), c.Bytes(2), c.Bytes(3)))
		},
		// aesCTR(key, counter, bits that count, data)
		"aesCTR": func(c *Call) error {
			return c.returnCipher(aesCTR(c.Bytes(0), c.Bytes(1), c.Int(2), c.Bytes(3)))
		},
		// hkdf(hash, key, salt, info, bytes)
		"hkdf": func(c *Call) error {
			return c.returnCipher(hkdf.Key(hashNamed(c.String(0)).New, c.Bytes(1), c.Bytes(2), string(c.Bytes(3)), c.Int(4)))
		},
		// pbkdf2(hash, password, salt, iterations, bytes)
		"pbkdf2": func(c *Call) error {
			rounds, size := c.Int(3), c.Int(4)
			if rounds > maxRounds || size > maxDerived {
				return operation("PBKDF2 is limited to %d iterations and %d bytes, asked were %d and %d", maxRounds, maxDerived, rounds, size)
			}
			return c.returnCipher(pbkdf2.Key(hashNamed(c.String(0)).New, string(c.Bytes(1)), c.Bytes(2), rounds, size))
		},
	}
	maps.Copy(funcs, keyFuncs())
	maps.Copy(funcs, signFuncs())
	return funcs
}

// A derivation runs in one piece, during which Interrupt is not heard.
const (
	maxRounds  = 10_000_000
	maxDerived = 1024
)

// operation is an OperationError.
func operation(format string, args ...any) error {
	return &Exception{Name: "OperationError", Message: fmt.Sprintf(format, args...)}
}

// badData is a DataError.
func badData(format string, args ...any) error {
	return &Exception{Name: "DataError", Message: fmt.Sprintf(format, args...)}
}

func (c *Call) returnCipher(b []byte, err error) error {
	if err != nil {
		return operation("%v", err)
	}
	c.ReturnBytes(b)
	return nil
}

func hashNamed(name string) crypto.Hash {
	switch name {
	case "SHA-1":
		return crypto.SHA1
	case "SHA-384":
		return crypto.SHA384
	case "SHA-512":
		return crypto.SHA512
	}
	return crypto.SHA256
}

func sum(name string, data []byte) []byte {
	h := hashNamed(name).New()
	h.Write(data)
	return h.Sum(nil)
}

func authenticate(name string, key, data []byte) []byte {
	m := hmac.New(hashNamed(name).New, key)
	m.Write(data)
	return m.Sum(nil)
}

// aesGCM seals or opens. Go knows nonces of other sizes or tags of other sizes,
// not both, so a short tag is cut and checked here.
func aesGCM(encrypt bool, key, iv, extra []byte, tag int, data []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCMWithNonceSize(block, len(iv))
	if err != nil {
		return nil, err
	}
	if encrypt {
		out := gcm.Seal(nil, iv, data, extra)
		return out[:len(data)+tag], nil
	}
	if len(data) < tag {
		return nil, fmt.Errorf("the data are shorter than their tag of %d bytes", tag)
	}
	if tag == gcm.Overhead() {
		out, err := gcm.Open(nil, iv, data, extra)
		if err != nil {
			return nil, errAuthentication
		}
		return out, nil
	}
	text, want := data[:len(data)-tag], data[len(data)-tag:]
	// The key stream is its own inverse; sealing the result gives the whole tag.
	plain := gcm.Seal(nil, iv, text, extra)[:len(text)]
	sealed := gcm.Seal(nil, iv, plain, extra)
	if subtle.ConstantTimeCompare(sealed[len(text):len(text)+tag], want) != 1 {
		return nil, errAuthentication
	}
	return plain, nil
}

var errAuthentication = errors.New("the data do not match their tag: another key, iv or additional data, or they were changed")

var errPadding = errors.New("the data do not end in PKCS #7 padding: another key or iv, or they were changed")

func aesCBC(encrypt bool, key, iv, data []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if len(iv) != aes.BlockSize {
		return nil, fmt.Errorf("the iv must have %d bytes, it has %d", aes.BlockSize, len(iv))
	}
	if encrypt {
		pad := aes.BlockSize - len(data)%aes.BlockSize
		out := make([]byte, len(data)+pad)
		copy(out, data)
		for i := len(data); i < len(out); i++ {
			out[i] = byte(pad)
		}
		cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, out)
		return out, nil
	}
	if len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("the data must be whole blocks of %d bytes", aes.BlockSize)
	}
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, data)
	pad := int(out[len(out)-1])
	if pad == 0 || pad > aes.BlockSize {
		return nil, errPadding
	}
	for _, b := range out[len(out)-pad:] {
		if int(b) != pad {
			return nil, errPadding
		}
	}
	return out[:len(out)-pad], nil
}

// aesCTR encrypts or decrypts; only the low width bits of the counter count,
// and they wrap.
func aesCTR(key, counter []byte, width int, data []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if len(counter) != aes.BlockSize || width < 1 || width > 128 {
		return nil, fmt.Errorf("the counter must have %d bytes, of which 1 to 128 bits count", aes.BlockSize)
	}
	out := make([]byte, len(data))
	if width == 128 {
		cipher.NewCTR(block, counter).XORKeyStream(out, data)
		return out, nil
	}
	blocks := uint64(len(data)+aes.BlockSize-1) / aes.BlockSize
	if width < 64 && blocks > 1<<width {
		return nil, fmt.Errorf("the data are longer than a counter of %d bits allows", width)
	}
	// Up to the wrap the whole block may count; after it begin at zero.
	first, start := blocks, make([]byte, aes.BlockSize)
	copy(start, counter)
	high, low := binary.BigEndian.Uint64(start), binary.BigEndian.Uint64(start[8:])
	if width < 64 {
		mask := uint64(1)<<width - 1
		first = min(blocks, mask-low&mask+1)
		low &^= mask
	} else {
		mask := uint64(1)<<(width-64) - 1
		if left, borrow := bits.Sub64(0, low, 0); high&mask == mask && borrow != 0 {
			first = min(blocks, left)
		}
		high, low = high&^mask, 0
	}
	n := min(int(first)*aes.BlockSize, len(data))
	cipher.NewCTR(block, counter).XORKeyStream(out[:n], data[:n])
	if n < len(data) {
		binary.BigEndian.PutUint64(start, high)
		binary.BigEndian.PutUint64(start[8:], low)
		cipher.NewCTR(block, start).XORKeyStream(out[n:], data[n:])
	}
	return out, nil
}
