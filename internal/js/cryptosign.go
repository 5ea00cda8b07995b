package js

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"math/big"
)

// signFuncs sign, verify, encrypt and agree with pairs of keys.
func signFuncs() map[string]Func {
	return map[string]Func{
		// sign(algorithm, hash, PKCS #8, data, bytes of salt)
		"sign": func(c *Call) error {
			return c.returnCipher(sign(c.String(0), c.String(1), c.Bytes(2), c.Bytes(3), c.Int(4)))
		},
		// verify(algorithm, hash, SPKI, signature, data, bytes of salt)
		"verify": func(c *Call) error {
			ok, err := verify(c.String(0), c.String(1), c.Bytes(2), c.Bytes(3), c.Bytes(4), c.Int(5))
			if err != nil {
				return operation("%v", err)
			}
			c.ReturnBool(ok)
			return nil
		},
		// oaep(encrypt, hash, key, label, data)
		"oaep": func(c *Call) error {
			return c.returnCipher(oaep(c.Bool(0), c.String(1), c.Bytes(2), c.Bytes(3), c.Bytes(4)))
		},
		// agree(PKCS #8, SPKI) is the shared secret.
		"agree": func(c *Call) error {
			return c.returnCipher(agree(c.Bytes(0), c.Bytes(1)))
		},
	}
}

func sign(algorithm, hash string, der, data []byte, salt int) ([]byte, error) {
	switch algorithm {
	case "Ed25519":
		key, err := parsePrivate[ed25519.PrivateKey](der)
		if err != nil {
			return nil, err
		}
		return ed25519.Sign(key, data), nil
	case "ECDSA":
		return signECDSA(der, sum(hash, data))
	}
	key, err := parsePrivate[*rsa.PrivateKey](der)
	if err != nil {
		return nil, err
	}
	if algorithm == "PSS" {
		return rsa.SignPSS(rand.Reader, key, hashNamed(hash), sum(hash, data), pssOptions(salt))
	}
	return rsa.SignPKCS1v15(nil, key, hashNamed(hash), sum(hash, data))
}

func verify(algorithm, hash string, der, signature, data []byte, salt int) (bool, error) {
	switch algorithm {
	case "Ed25519":
		key, err := parsePublic[ed25519.PublicKey](der)
		if err != nil {
			return false, err
		}
		return ed25519.Verify(key, data, signature), nil
	case "ECDSA":
		return verifyECDSA(der, sum(hash, data), signature)
	}
	key, err := parsePublic[*rsa.PublicKey](der)
	if err != nil {
		return false, err
	}
	if algorithm == "PSS" {
		err = rsa.VerifyPSS(key, hashNamed(hash), sum(hash, data), signature, pssOptions(salt))
	} else {
		err = rsa.VerifyPKCS1v15(key, hashNamed(hash), sum(hash, data), signature)
	}
	return err == nil, nil
}

// pssOptions wants at least one byte of salt: to crypto/rsa none means any, and
// so subtle.js refuses it.
func pssOptions(salt int) *rsa.PSSOptions { return &rsa.PSSOptions{SaltLength: salt} }

// signECDSA gives r and s, each as long as the curve's order, as Web Crypto wants.
func signECDSA(der, digest []byte) ([]byte, error) {
	key, err := parsePrivate[*ecdsa.PrivateKey](der)
	if err != nil {
		return nil, err
	}
	r, s, err := ecdsa.Sign(rand.Reader, key, digest)
	if err != nil {
		return nil, err
	}
	size := (key.Curve.Params().N.BitLen() + 7) / 8
	out := make([]byte, 2*size)
	r.FillBytes(out[:size])
	s.FillBytes(out[size:])
	return out, nil
}

func verifyECDSA(der, digest, signature []byte) (bool, error) {
	key, err := parsePublic[*ecdsa.PublicKey](der)
	if err != nil {
		return false, err
	}
	size := (key.Curve.Params().N.BitLen() + 7) / 8
	if len(signature) != 2*size {
		return false, nil
	}
	r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
	return ecdsa.Verify(key, digest, r, s), nil
}

func oaep(encrypt bool, hash string, der, label, data []byte) ([]byte, error) {
	h := hashNamed(hash)
	if encrypt {
		key, err := parsePublic[*rsa.PublicKey](der)
		if err != nil {
			return nil, err
		}
		return rsa.EncryptOAEP(h.New(), rand.Reader, key, data, label)
	}
	key, err := parsePrivate[*rsa.PrivateKey](der)
	if err != nil {
		return nil, err
	}
	return rsa.DecryptOAEP(h.New(), nil, key, data, label)
}

// agree is the Diffie-Hellman secret of a private and a public key.
func agree(private, public []byte) ([]byte, error) {
	own, err := x509.ParsePKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	other, err := x509.ParsePKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	a, err := exchangePrivate(own)
	if err != nil {
		return nil, err
	}
	b, err := exchangePublic(other)
	if err != nil {
		return nil, err
	}
	return a.ECDH(b)
}

var errNoExchange = errors.New("the key is not for an exchange")

func exchangePrivate(key crypto.PrivateKey) (*ecdh.PrivateKey, error) {
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		return key.ECDH()
	case *ecdh.PrivateKey:
		return key, nil
	}
	return nil, errNoExchange
}

func exchangePublic(key crypto.PublicKey) (*ecdh.PublicKey, error) {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return key.ECDH()
	case *ecdh.PublicKey:
		return key, nil
	}
	return nil, errNoExchange
}
