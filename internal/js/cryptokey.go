package js

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
)

// A kind of key is named by its curve, Ed25519 or X25519, RSA, or oct for bytes.
// Pairs travel as PKCS #8 (private) and SPKI (public).

// keyFuncs make keys, and turn them from one form into another.
func keyFuncs() map[string]Func {
	return map[string]Func{
		// keyGenerate(kind, bits) is [PKCS #8, SPKI].
		"keyGenerate": func(c *Call) error {
			private, err := generate(c.String(0), c.Int(1))
			if err != nil {
				return err
			}
			secret, open, err := marshalPair(private)
			if err != nil {
				return operation("%v", err)
			}
			c.returnList(c.vm.newBytes(secret), c.vm.newBytes(open))
			return nil
		},
		// keyImport(kind, format, type, data) is the key as it travels.
		"keyImport": func(c *Call) error {
			kind, format, private := c.String(0), c.String(1), c.String(2) == "private"
			var der []byte
			var err error
			if format == "jwk" {
				der, err = importJWK(kind, private, c.String(3))
			} else {
				der, err = importBytes(kind, format, c.Bytes(3))
			}
			if err != nil {
				return badData("%v", err)
			}
			c.ReturnBytes(der)
			return nil
		},
		// keyExport(kind, format, type, key) is bytes, or the JSON of a JWK.
		"keyExport": func(c *Call) error {
			kind, format, private, der := c.String(0), c.String(1), c.String(2) == "private", c.Bytes(3)
			if format == "jwk" {
				text, err := exportJWK(kind, private, der)
				if err != nil {
					return operation("%v", err)
				}
				c.ReturnString(text)
				return nil
			}
			if format == "raw" {
				var err error
				if der, err = rawPublic(der); err != nil {
					return operation("%v", err)
				}
			}
			c.ReturnBytes(der)
			return nil
		},
		// rsaInfo(type, key) is [bits of the modulus, public exponent as bytes].
		"rsaInfo": func(c *Call) error {
			key, err := rsaPublic(c.String(0) == "private", c.Bytes(1))
			if err != nil {
				return badData("%v", err)
			}
			exponent := big.NewInt(int64(key.E)).Bytes()
			c.returnList(numberValue(float64(key.N.BitLen())), c.vm.newBytes(exponent))
			return nil
		},
		// exponent(bytes) is the number, 0 if it is no usual exponent.
		"exponent": func(c *Call) error {
			n := new(big.Int).SetBytes(c.Bytes(0))
			if n.BitLen() > 31 {
				n.SetInt64(0)
			}
			c.ReturnNumber(float64(n.Int64()))
			return nil
		},
	}
}

// Bounds of an RSA key made here. Finding the primes takes 0.1 s for 2048 bits
// and grows with the fourth power, during which Interrupt is not heard.
const (
	minRSA = 1024
	maxRSA = 4096
)

func generate(kind string, bits int) (crypto.PrivateKey, error) {
	var key crypto.PrivateKey
	var err error
	switch kind {
	case "Ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "X25519":
		key, err = ecdh.X25519().GenerateKey(rand.Reader)
	case "RSA":
		if bits < minRSA || bits > maxRSA || bits%8 != 0 {
			return nil, operation("an RSA key made here has %d to %d bits, not %d", minRSA, maxRSA, bits)
		}
		key, err = rsa.GenerateKey(rand.Reader, bits)
	default:
		key, err = ecdsa.GenerateKey(curveNamed(kind), rand.Reader)
	}
	if err != nil {
		return nil, operation("%v", err)
	}
	return key, nil
}

func curveNamed(kind string) elliptic.Curve {
	switch kind {
	case "P-384":
		return elliptic.P384()
	case "P-521":
		return elliptic.P521()
	}
	return elliptic.P256()
}

func marshalPair(private crypto.PrivateKey) (secret, open []byte, err error) {
	if secret, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
		return nil, nil, err
	}
	open, err = x509.MarshalPKIXPublicKey(publicOf(private))
	return secret, open, err
}

// publicOf is the public half; every private key of the standard library has one.
func publicOf(private crypto.PrivateKey) crypto.PublicKey {
	if p, ok := private.(interface{ Public() crypto.PublicKey }); ok {
		return p.Public()
	}
	return nil
}

func importBytes(kind, format string, data []byte) ([]byte, error) {
	switch format {
	case "raw":
		return importRaw(kind, data)
	case "pkcs8":
		key, err := x509.ParsePKCS8PrivateKey(data)
		if err != nil {
			return nil, errKey("PKCS #8", kind)
		}
		if kindOfKey(publicOf(key)) != kind {
			return nil, errKey("PKCS #8", kind)
		}
		return x509.MarshalPKCS8PrivateKey(key)
	}
	key, err := x509.ParsePKIXPublicKey(data)
	if err != nil || kindOfKey(key) != kind {
		return nil, errKey("SPKI", kind)
	}
	return x509.MarshalPKIXPublicKey(key)
}

func importRaw(kind string, data []byte) ([]byte, error) {
	switch kind {
	case "Ed25519":
		if len(data) != ed25519.PublicKeySize {
			return nil, errKey("raw", kind)
		}
		return x509.MarshalPKIXPublicKey(ed25519.PublicKey(data))
	case "X25519":
		key, err := ecdh.X25519().NewPublicKey(data)
		if err != nil {
			return nil, errKey("raw", kind)
		}
		return x509.MarshalPKIXPublicKey(key)
	}
	curve := curveNamed(kind)
	if len(data) > 0 && data[0] != 4 {
		x, y := elliptic.UnmarshalCompressed(curve, data)
		if x == nil {
			return nil, errKey("raw", kind)
		}
		size := (curve.Params().BitSize + 7) / 8
		full := make([]byte, 1+2*size)
		full[0] = 4
		x.FillBytes(full[1 : 1+size])
		y.FillBytes(full[1+size:])
		data = full
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve, data)
	if err != nil {
		return nil, errKey("raw", kind)
	}
	return x509.MarshalPKIXPublicKey(key)
}

// rawPublic is a public key as a point, or as the bytes of its curve.
func rawPublic(der []byte) ([]byte, error) {
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, err
	}
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return key.Bytes()
	case *ecdh.PublicKey:
		return key.Bytes(), nil
	case ed25519.PublicKey:
		return key, nil
	}
	return nil, errKey("raw", "RSA")
}

func kindOfKey(public crypto.PublicKey) string {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		return key.Curve.Params().Name
	case *ecdh.PublicKey:
		if key.Curve() == ecdh.X25519() {
			return "X25519"
		}
	case ed25519.PublicKey:
		return "Ed25519"
	case *rsa.PublicKey:
		return "RSA"
	}
	return ""
}

func rsaPublic(private bool, der []byte) (*rsa.PublicKey, error) {
	if private {
		key, err := parsePrivate[*rsa.PrivateKey](der)
		if err != nil {
			return nil, err
		}
		return &key.PublicKey, nil
	}
	return parsePublic[*rsa.PublicKey](der)
}

func parsePrivate[K crypto.PrivateKey](der []byte) (k K, err error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return k, err
	}
	k, ok := key.(K)
	if !ok {
		return k, errKey("PKCS #8", "other")
	}
	return k, nil
}

func parsePublic[K crypto.PublicKey](der []byte) (k K, err error) {
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return k, err
	}
	k, ok := key.(K)
	if !ok {
		return k, errKey("SPKI", "other")
	}
	return k, nil
}

func errKey(format, kind string) error {
	return badData("the data are no %s form of a key for %s", format, kind)
}
