package egress_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
)

var discard = log.New(io.Discard, "", 0)

func TestEndlessBodyStopsAtTheCap(t *testing.T) {
	t.Parallel()
	const tenGB = 10 << 30
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		written := make(chan int64, 1)
		handler := func(w http.ResponseWriter, r *http.Request) {
			var n int64
			defer func() { written <- n }()
			chunk := make([]byte, 64<<10)
			for n < tenGB {
				m, err := w.Write(chunk)
				if n += int64(m); err != nil {
					return
				}
			}
		}
		var url string
		cfg := egress.Config{}
		if proto == "HTTP/1.1" {
			url = serve(t, handler)
		} else {
			s, trusting := tlsServer(t, cfg, handler)
			url, cfg = s.URL, trusting
		}
		_, err := client(t, cfg).Do(t.Context(), egress.Request{URL: url, MaxBody: 1 << 20})
		wantError(t, err, ratchet.ReasonBodyTooLarge, egress.KindBody, "larger than the limit of 1MB; raise it with --max-fetch-body or \"limits.fetchBody\" in the task's metadata.json")
		if n := <-written; n > 64<<20 { // the connection was closed: what was written sits in buffers
			t.Errorf("%s: the server could write %d bytes", proto, n)
		}
	}
}

func TestBodyOfExactlyTheCapPasses(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/chunked" {
			w.(http.Flusher).Flush()
		}
		_, _ = w.Write(make([]byte, 1000))
	})
	c := client(t, egress.Config{})
	for _, path := range []string{"/", "/chunked"} {
		if res, err := c.Do(t.Context(), egress.Request{URL: url + path, MaxBody: 1000}); err != nil || len(res.Body) != 1000 {
			t.Errorf("%s: got %v, want 1000 bytes", path, err)
		}
		_, err := c.Do(t.Context(), egress.Request{URL: url + path, MaxBody: 999})
		wantError(t, err, ratchet.ReasonBodyTooLarge, egress.KindBody)
	}
	if res, err := c.Do(t.Context(), egress.Request{Method: "HEAD", URL: url, MaxBody: 10}); err != nil || len(res.Body) != 0 {
		t.Errorf("HEAD: got %+v, %v", res, err)
	}
}

func gzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	zw := gzip.NewWriter(&buf)
	if _, err := zw.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestGzipIsDecodedUnderTheCap(t *testing.T) {
	t.Parallel()
	text := bytes.Repeat([]byte("ratchet "), 1000)
	small, bomb, void := gzipped(t, text), gzipped(t, make([]byte, 64<<20)), gzipped(t, nil)
	damaged := bytes.Clone(small)
	damaged[len(damaged)-6] ^= 1 // the checksum
	ended := make(chan struct{}, 1)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "GZIP")
		switch r.URL.Path {
		case "/small":
			_, _ = w.Write(small)
		case "/bomb":
			_, _ = w.Write(bomb)
		case "/void": // gzip that goes on for ever and decodes to nothing
			for {
				if _, err := w.Write(bytes.Repeat(void, 1000)); err != nil {
					ended <- struct{}{}
					return
				}
			}
		case "/none":
		case "/204":
			w.WriteHeader(204)
		case "/damaged":
			_, _ = w.Write(damaged)
		case "/cut":
			_, _ = w.Write(small[:len(small)-10])
		case "/plain":
			fmt.Fprint(w, "this is not gzip at all")
		case "/identity":
			w.Header().Set("Content-Encoding", "identity")
			fmt.Fprint(w, r.Header.Get("Accept-Encoding"))
		}
	})
	c := client(t, egress.Config{})
	do := func(path string) (*egress.Response, error) {
		return c.Do(t.Context(), egress.Request{URL: url + path, MaxBody: 1 << 20})
	}
	if res, err := do("/small"); err != nil || !bytes.Equal(res.Body, text) || res.Received != int64(len(small)) {
		t.Errorf("small: got %v", err)
	}
	for _, path := range []string{"/none", "/204"} {
		if res, err := do(path); err != nil || len(res.Body) != 0 {
			t.Errorf("%s: got %+v, %v", path, res, err)
		}
	}
	if res, err := c.Do(t.Context(), egress.Request{Method: "HEAD", URL: url + "/small"}); err != nil || len(res.Body) != 0 {
		t.Errorf("HEAD: got %+v, %v", res, err)
	}
	for _, path := range []string{"/bomb", "/void"} {
		_, err := do(path)
		wantError(t, err, ratchet.ReasonBodyTooLarge, egress.KindBody, "limit of 1MB")
	}
	<-ended
	for _, path := range []string{"/damaged", "/cut", "/plain"} {
		_, err := do(path)
		wantError(t, err, ratchet.ReasonNetwork, egress.KindEncoding, "Content-Encoding: gzip")
	}
	res, err := c.Do(t.Context(), egress.Request{URL: url + "/identity", Header: [][2]string{{"Range", "bytes=0-1"}}})
	if err != nil || string(res.Body) != "identity" {
		t.Errorf("range: got %+v, %v", res, err)
	}
}

func TestGzipBombIsNotDecodedPastTheCap(t *testing.T) {
	t.Parallel()
	bomb := gzipped(t, make([]byte, 64<<20))
	_, received, err := egress.ReadBody(&http.Response{
		Header: http.Header{"Content-Encoding": {"gzip"}}, ContentLength: -1, Body: io.NopCloser(bytes.NewReader(bomb)),
	}, 1<<20)
	if err == nil || received > int64(len(bomb))/8 {
		t.Errorf("got %v after %d of %d bytes", err, received, len(bomb))
	}
}

// A request that says how long it may take is not cut short by the default for
// the response's headers.
func TestTheHeaderTimeoutYieldsToTheRequests(t *testing.T) {
	t.Parallel()
	handler := func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(200 * time.Millisecond):
		case <-r.Context().Done():
		}
	}
	s, trusting := tlsServer(t, egress.Config{HeaderTimeout: 20 * time.Millisecond}, handler)
	for url, cfg := range map[string]egress.Config{serve(t, handler): {HeaderTimeout: 20 * time.Millisecond}, s.URL: trusting} {
		c := client(t, cfg)
		if _, err := c.Do(t.Context(), egress.Request{URL: url, Timeout: time.Minute}); err != nil {
			t.Errorf("%s: got %v, want the answer", url, err)
		}
		_, err := c.Do(t.Context(), egress.Request{URL: url})
		wantError(t, err, ratchet.ReasonTimeout, egress.KindHeaders, "gave up after 20ms waiting for the response's headers")
	}
}

func TestSilenceEndsInTimeout(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			fmt.Fprint(w, "the beginning")
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
	c := client(t, egress.Config{HeaderTimeout: 30 * time.Millisecond})
	_, err := c.Do(t.Context(), egress.Request{URL: url})
	wantError(t, err, ratchet.ReasonTimeout, egress.KindHeaders, "gave up after 30ms waiting for the response's headers")

	c = client(t, egress.Config{})
	_, err = c.Do(t.Context(), egress.Request{URL: url, Timeout: 300 * time.Millisecond})
	wantError(t, err, ratchet.ReasonTimeout, egress.KindHeaders, "timed out after 300ms waiting for the response's headers", `raise it with --timeout or "timeout" in the task's metadata.json`)
	_, err = c.Do(t.Context(), egress.Request{URL: url + "/body", Timeout: 500 * time.Millisecond})
	wantError(t, err, ratchet.ReasonTimeout, egress.KindBody, "timed out after 500ms reading the response's body")

	hold := make(chan struct{})
	silent := rawServer(t, func(net.Conn) { <-hold })
	t.Cleanup(func() { close(hold) })
	c = client(t, egress.Config{DialTimeout: 300 * time.Millisecond})
	_, err = c.Do(t.Context(), egress.Request{URL: strings.Replace(silent, "http:", "https:", 1)})
	wantError(t, err, ratchet.ReasonTimeout, egress.KindTLS, "gave up after 300ms in the TLS handshake")

	deaf, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { deaf.Close() })
	c = client(t, egress.Config{DialTimeout: 30 * time.Millisecond, Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "udp", deaf.LocalAddr().String())
		if err == nil {
			// Package net waits for its own timeout, not for ctx.
			context.AfterFunc(ctx, func() { conn.Close() })
		}
		return conn, err
	}}})
	_, err = c.Do(t.Context(), egress.Request{URL: "http://slow.test/"})
	wantError(t, err, ratchet.ReasonTimeout, egress.KindDNS, "the DNS server did not answer for slow.test")
}

func TestBrokenConnectionsAreToldApart(t *testing.T) {
	t.Parallel()
	read := func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }
	reset := func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0) }
	for _, tt := range []struct {
		name   string
		script func(net.Conn)
		kind   egress.Kind
		want   string
	}{
		{"reset before", func(c net.Conn) { read(c); reset(c) }, egress.KindReset, "127.0.0.1 reset the connection before it answered"},
		{"closed before", read, egress.KindClosed, "127.0.0.1 closed the connection before it answered"},
		{"reset in body", func(c net.Conn) {
			read(c)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
			reset(c)
		}, egress.KindReset, "reset the connection"},
		{"closed in body", func(c net.Conn) {
			read(c)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
		}, egress.KindClosed, "closed the connection in the middle of the response's body"},
		{"closed in chunks", func(c net.Conn) {
			read(c)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
		}, egress.KindClosed, "in the middle of the response's body"},
		{"not HTTP", func(c net.Conn) { read(c); fmt.Fprint(c, "-ERR unknown command 'GET'\r\n") }, egress.KindProtocol, "is not HTTP as it should be: malformed"},
		{"bad chunk", func(c net.Conn) {
			read(c)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
		}, egress.KindProtocol, "is not HTTP"},
		{"two lengths", func(c net.Conn) {
			read(c)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhe")
		}, egress.KindProtocol, "is not HTTP"},
		{"one huge header", func(c net.Conn) {
			read(c)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nX: ", strings.Repeat("a", 1<<20))
		}, egress.KindHeaders, "headers are larger than 64KB"},
		{"header flood", func(c net.Conn) {
			read(c)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\n")
			for {
				if _, err := fmt.Fprint(c, strings.Repeat("X: a\r\n", 1000)); err != nil {
					return
				}
			}
		}, egress.KindHeaders, "headers are larger than 64KB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := client(t, egress.Config{}).Do(t.Context(), egress.Request{URL: rawServer(t, tt.script)})
			wantError(t, err, ratchet.ReasonNetwork, tt.kind, tt.want)
		})
	}
}

func TestHeaderFloodOverHTTP2Ends(t *testing.T) {
	t.Parallel()
	s, cfg := tlsServer(t, egress.Config{}, func(w http.ResponseWriter, r *http.Request) {
		for i := range 3000 {
			if r.URL.Path == "/many" {
				w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("a", 100))
			} else {
				w.Header().Add("X", "a") // a byte each on the wire: a bomb for HPACK
			}
		}
	})
	c := client(t, cfg)
	_, err := c.Do(t.Context(), egress.Request{URL: s.URL + "/same"})
	wantError(t, err, ratchet.ReasonNetwork, egress.KindHeaders, "headers are larger than 64KB")
	_, err = c.Do(t.Context(), egress.Request{URL: s.URL + "/many"})
	wantError(t, err, ratchet.ReasonNetwork, egress.KindProtocol, "64KB of headers")
}

func TestBrokenHTTP2StreamIsAReset(t *testing.T) {
	t.Parallel()
	s, cfg := tlsServer(t, egress.Config{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			fmt.Fprint(w, "the beginning")
			w.(http.Flusher).Flush()
		}
		panic(http.ErrAbortHandler)
	})
	c := client(t, cfg)
	for _, path := range []string{"/", "/body"} {
		_, err := c.Do(t.Context(), egress.Request{URL: s.URL + path})
		wantError(t, err, ratchet.ReasonNetwork, egress.KindReset, "127.0.0.1 broke off the HTTP/2 stream")
	}
}

func TestConnectionFailuresAreToldApart(t *testing.T) {
	t.Parallel()
	names := resolver(t, zone{"example.com": addrs("127.0.0.1"), "other.test": addrs("127.0.0.1"), "empty.test": addrs()})
	s, trusting := tlsServer(t, egress.Config{Resolver: names}, func(http.ResponseWriter, *http.Request) {})
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + ln.Addr().String()
	ln.Close()
	wary := egress.Config{Resolver: names}
	failing := egress.Config{Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", strings.TrimPrefix(nobody, "http://"))
	}}}
	for _, tt := range []struct {
		url  string
		cfg  egress.Config
		kind egress.Kind
		want string
	}{
		{"http://nosuch.test/", wary, egress.KindDNS, "no such host: nosuch.test does not resolve"},
		{"http://empty.test/", wary, egress.KindDNS, "no such host: empty.test does not resolve"},
		{"http://example.com/", failing, egress.KindDNS, "looking up example.com failed: the DNS server cannot be asked"},
		{nobody, wary, egress.KindConnect, "connection refused: nothing listens on 127.0.0.1:"},
		{named(s.URL, "example.com"), wary, egress.KindTLS, "signed by an authority that is not trusted"},
		{named(s.URL, "other.test"), trusting, egress.KindTLS, "for another host"},
		{strings.Replace(plain, "http:", "https:", 1), wary, egress.KindTLS, "does not speak TLS"},
	} {
		_, err := client(t, tt.cfg).Do(t.Context(), egress.Request{URL: tt.url})
		wantError(t, err, ratchet.ReasonNetwork, tt.kind, "fetch http", tt.want)
	}
}
