package httpd_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/httpd"
)

func TestAClientThatNeverEndsItsHeadersIsDropped(t *testing.T) {
	t.Parallel()
	s := start(t, httpd.Parts{}, httpd.Config{HeaderTimeout: 100 * time.Millisecond})
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /x HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection is kept")
	}
}

func TestABodyThatNeverEndsIsCutOff(t *testing.T) {
	t.Parallel()
	read := make(chan error, 2)
	s := start(t, httpd.Parts{API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/read" {
			_, err := io.ReadAll(r.Body)
			read <- err
		}
	})}, httpd.Config{BodyTimeout: 100 * time.Millisecond})
	for _, path := range []string{"/read", "/ignored"} {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf", path)
		c.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection is kept", path)
		}
	}
	if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestABodyOverTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	read := make(chan error, 1)
	s := start(t, httpd.Parts{API: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
	})}, httpd.Config{MaxBody: 10})
	s.send("POST", "/x", strings.NewReader("more than ten bytes"))
	var large *http.MaxBytesError
	if err := <-read; !errors.As(err, &large) {
		t.Errorf("got %v", err)
	}
}

func TestAClientThatDoesNotReadIsDropped(t *testing.T) {
	t.Parallel()
	wrote := make(chan error, 1)
	s := start(t, httpd.Parts{API: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for {
			if _, err := w.Write(chunk); err != nil {
				wrote <- err
				return
			}
		}
	})}, httpd.Config{WriteTimeout: 200 * time.Millisecond})
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
	select {
	case <-wrote:
	case <-time.After(20 * time.Second):
		t.Error("the handler still writes")
	}
}

func TestWaitingIsNotCutByTheTimeForAnAnswer(t *testing.T) {
	t.Parallel()
	s := start(t, httpd.Parts{API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		select {
		case <-time.After(300 * time.Millisecond):
			io.WriteString(w, "done")
		case <-r.Context().Done():
		}
	})}, httpd.Config{WriteTimeout: 100 * time.Millisecond, BodyTimeout: 100 * time.Millisecond, HeaderTimeout: 100 * time.Millisecond})
	for range 2 { // on one connection
		if got := s.want(200, s.send("POST", "/x", strings.NewReader("{}"))); got != "done" {
			t.Errorf("got %q", got)
		}
	}
}

func TestAnswersAreCompressedAndStreamsAreNot(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	s := start(t, httpd.Parts{API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/events" {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Range", "jobs 0-9/10")
			w.WriteHeader(http.StatusOK)
			io.WriteString(w, strings.Repeat("[]", 5000))
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		control := http.NewResponseController(w)
		for range 2 {
			if err := control.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Error(err)
			}
			io.WriteString(w, "data: 1\n\n")
			if err := control.Flush(); err != nil {
				t.Error(err)
			}
			<-next
		}
	})}, httpd.Config{WriteTimeout: 50 * time.Millisecond})
	res := s.send("GET", "/x", nil, "Accept-Encoding", "gzip")
	body, _ := io.ReadAll(res.Body)
	if res.Header.Get("Content-Encoding") != "gzip" || res.Header.Get("Content-Range") != "jobs 0-9/10" || len(body) > 1000 {
		t.Errorf("got %d bytes, %v", len(body), res.Header)
	}
	res = s.send("GET", "/events", nil, "Accept-Encoding", "gzip")
	lines := bufio.NewReader(res.Body)
	for range 2 {
		if line, err := lines.ReadString('\n'); line != "data: 1\n" || res.Header.Get("Content-Encoding") != "" {
			t.Errorf("got %q, %v, %v", line, err, res.Header)
		}
		lines.ReadString('\n')
		next <- struct{}{}
	}
}

func TestTooManyRequestsAreToldToComeAgain(t *testing.T) {
	t.Parallel()
	in, out := make(chan struct{}), make(chan struct{})
	s := start(t, httpd.Parts{API: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { in <- struct{}{}; <-out })}, httpd.Config{MaxRequests: 1})
	done := make(chan *http.Response)
	go func() { done <- s.send("GET", "/x", nil) }()
	<-in
	res := s.send("GET", "/x", nil)
	s.want(503, res)
	if res.Header.Get("Retry-After") != "1" {
		t.Errorf("got Retry-After %q", res.Header.Get("Retry-After"))
	}
	s.want(200, s.send("GET", "/live", nil))
	s.want(200, s.send("GET", "/ready", nil))
	close(out)
	s.want(200, <-done)
}

func TestLargeBodiesShareARoom(t *testing.T) {
	t.Parallel()
	read, done := make(chan error), make(chan struct{})
	var clients sync.WaitGroup
	defer clients.Wait()
	s := start(t, httpd.Parts{API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
		if r.URL.Path == "/holds" {
			<-done
		}
	})}, httpd.Config{MaxBodies: 1 << 20})
	send := func(path string, size int) error {
		clients.Go(func() { // the answer does not matter, nor that the server may not read on
			if res, err := http.Post("http://"+s.addr+path, "", strings.NewReader(strings.Repeat("x", size))); err == nil {
				res.Body.Close()
			}
		})
		return <-read
	}
	if err := send("/holds", 1<<20); err != nil {
		t.Fatal(err)
	}
	full := &ratchet.Error{Reason: ratchet.ReasonServiceUnavailable}
	if err := send("/large", 1<<20); !errors.Is(err, full) {
		t.Errorf("beside another: got %v, want that it is to come again", err)
	}
	if err := send("/small", 60<<10); err != nil {
		t.Errorf("a small one: %v", err)
	}
	done <- struct{}{}
	for deadline := time.After(10 * time.Second); ; {
		err := send("/large", 1<<20)
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("the room is not given back: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
