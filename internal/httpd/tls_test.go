package httpd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/httpd"
)

func TestACertificateIsReadAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, key, "first")
	s := start(t, httpd.Parts{}, httpd.Config{CertFile: cert, KeyFile: key})
	shown := func() (name, protocol string) {
		t.Helper()
		c, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		state := c.ConnectionState()
		return state.PeerCertificates[0].Subject.CommonName, state.NegotiatedProtocol
	}
	if name, protocol := shown(); name != "first" || protocol != "h2" {
		t.Fatalf("got %s over %s", name, protocol)
	}
	until := func(want string) {
		t.Helper()
		for deadline := time.After(10 * time.Second); ; {
			name, _ := shown()
			if name == want {
				return
			}
			select {
			case <-deadline:
				t.Fatalf("got %s, want %s", name, want)
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	writeCertificate(t, cert, key, "the second")
	until("the second")
	if err := os.WriteFile(cert, []byte("half a"), 0o600); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(s.log.String(), "the old one stays") {
		<-time.After(100 * time.Millisecond)
		if name, _ := shown(); name != "the second" {
			t.Fatalf("got %s", name)
		}
	}
	writeCertificate(t, cert, key, "third")
	until("third")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	res, err := client.Get("https://" + s.addr + "/x")
	if err != nil || res.ProtoMajor != 2 {
		t.Fatalf("got %v, %v", res, err)
	}
	res.Body.Close()
	client.CloseIdleConnections()
}

func TestAServerWithoutItsCertificateDoesNotListen(t *testing.T) {
	t.Parallel()
	h, err := httpd.New(httpd.Parts{}, httpd.Config{Address: "127.0.0.1:0", CertFile: filepath.Join(t.TempDir(), "no.pem"), KeyFile: "no.key"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Listen(t.Context()); err == nil || !strings.Contains(err.Error(), "no.pem") {
		t.Errorf("got %v, want that the certificate cannot be read", err)
	}
}

func writeCertificate(t *testing.T, certFile, keyFile, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
