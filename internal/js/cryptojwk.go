package js

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// jwk holds the members of a JSON Web Key that carry the key itself:
// https://www.rfc-editor.org/rfc/rfc7518#section-6 and RFC 8037.
type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv,omitempty"`
	X   b64    `json:"x,omitempty"`
	Y   b64    `json:"y,omitempty"`
	D   b64    `json:"d,omitempty"`
	N   b64    `json:"n,omitempty"`
	E   b64    `json:"e,omitempty"`
	P   b64    `json:"p,omitempty"`
	Q   b64    `json:"q,omitempty"`
	DP  b64    `json:"dp,omitempty"`
	DQ  b64    `json:"dq,omitempty"`
	QI  b64    `json:"qi,omitempty"`
	K   *b64   `json:"k,omitempty"`
}

// b64 is bytes as base64url without padding.
type b64 []byte

// MarshalText encodes.
func (b b64) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

// UnmarshalText decodes.
func (b *b64) UnmarshalText(text []byte) error {
	out, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(string(text), "="))
	*b = out
	return err
}

func (b b64) int() *big.Int { return new(big.Int).SetBytes(b) }

var errJWK = errors.New("the JWK lacks a member, or one is wrong")

// importJWK gives the key in the form in which it travels.
func importJWK(kind string, private bool, text string) ([]byte, error) {
	var key jwk
	if err := json.Unmarshal([]byte(text), &key); err != nil {
		return nil, fmt.Errorf("a member of the JWK is not base64url")
	}
	switch kind {
	case "oct":
		if key.K == nil {
			return nil, errJWK
		}
		return *key.K, nil
	case "RSA":
		return key.rsa(private)
	case "Ed25519":
		return key.ed25519(private)
	case "X25519":
		return key.x25519(private)
	}
	return key.ec(kind, private)
}

func (k *jwk) rsa(private bool) ([]byte, error) {
	e := k.E.int()
	if len(k.N) == 0 || e.BitLen() > 31 || e.Sign() == 0 {
		return nil, errJWK
	}
	public := rsa.PublicKey{N: k.N.int(), E: int(e.Int64())}
	if !private {
		return x509.MarshalPKIXPublicKey(&public)
	}
	if len(k.P) == 0 || len(k.Q) == 0 {
		return nil, errors.New("an RSA private key without its primes cannot be imported")
	}
	key := &rsa.PrivateKey{PublicKey: public, D: k.D.int(), Primes: []*big.Int{k.P.int(), k.Q.int()}}
	key.Precompute()
	if err := key.Validate(); err != nil {
		return nil, errJWK
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

func (k *jwk) ed25519(private bool) ([]byte, error) {
	if len(k.X) != ed25519.PublicKeySize {
		return nil, errJWK
	}
	if !private {
		return x509.MarshalPKIXPublicKey(ed25519.PublicKey(k.X))
	}
	if len(k.D) != ed25519.SeedSize {
		return nil, errJWK
	}
	key := ed25519.NewKeyFromSeed(k.D)
	if !ed25519.PublicKey(k.X).Equal(key.Public()) {
		return nil, errJWK
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

func (k *jwk) x25519(private bool) ([]byte, error) {
	public, err := ecdh.X25519().NewPublicKey(k.X)
	if err != nil {
		return nil, errJWK
	}
	if !private {
		return x509.MarshalPKIXPublicKey(public)
	}
	key, err := ecdh.X25519().NewPrivateKey(k.D)
	if err != nil || !key.PublicKey().Equal(public) {
		return nil, errJWK
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

func (k *jwk) ec(kind string, private bool) ([]byte, error) {
	curve := curveNamed(kind)
	size := (curve.Params().BitSize + 7) / 8
	if len(k.X) != size || len(k.Y) != size {
		return nil, errJWK
	}
	point := append(append([]byte{4}, k.X...), k.Y...)
	public, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, errJWK
	}
	if !private {
		return x509.MarshalPKIXPublicKey(public)
	}
	key, err := ecdsa.ParseRawPrivateKey(curve, k.D)
	if err != nil || !key.PublicKey.Equal(public) {
		return nil, errJWK
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

// exportJWK is the JSON of a key that travels as der.
func exportJWK(kind string, private bool, der []byte) (string, error) {
	var key jwk
	var err error
	switch {
	case kind == "oct":
		secret := b64(der)
		key = jwk{Kty: "oct", K: &secret}
	case private:
		err = key.setPrivate(kind, der)
	default:
		err = key.setPublic(kind, der)
	}
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(&key)
	return string(text), err
}

func (k *jwk) setPublic(kind string, der []byte) error {
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return err
	}
	return k.fill(kind, public)
}

func (k *jwk) fill(kind string, public any) error {
	switch public := public.(type) {
	case *rsa.PublicKey:
		k.Kty, k.N, k.E = "RSA", public.N.Bytes(), big.NewInt(int64(public.E)).Bytes()
	case ed25519.PublicKey:
		k.Kty, k.Crv, k.X = "OKP", kind, b64(public)
	case *ecdh.PublicKey:
		k.Kty, k.Crv, k.X = "OKP", kind, public.Bytes()
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			return err
		}
		half := len(point) / 2
		k.Kty, k.Crv, k.X, k.Y = "EC", kind, point[1:1+half], point[1+half:]
	}
	return nil
}

func (k *jwk) setPrivate(kind string, der []byte) error {
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return err
	}
	switch private := private.(type) {
	case *rsa.PrivateKey:
		p := private.Precomputed
		k.D, k.P, k.Q = private.D.Bytes(), private.Primes[0].Bytes(), private.Primes[1].Bytes()
		k.DP, k.DQ, k.QI = p.Dp.Bytes(), p.Dq.Bytes(), p.Qinv.Bytes()
	case ed25519.PrivateKey:
		k.D = private.Seed()
	case *ecdh.PrivateKey:
		k.D = private.Bytes()
	case *ecdsa.PrivateKey:
		if k.D, err = private.Bytes(); err != nil {
			return err
		}
	}
	return k.fill(kind, publicOf(private))
}
