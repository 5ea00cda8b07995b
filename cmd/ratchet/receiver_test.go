package main_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ratchet-runner/ratchet-go/webhook"
)

// receiving is the command "receiver FILE": it starts a receiver of webhooks at
// $RECEIVER, which writes a line of each request to the file: method, path, whether
// it is signed by $SECRET, Authorization, and the body. Paths choose its answer: 410
// for /gone, 500 for /broken unless the file "mended" is there, else 200.
func receiving(ts *testscript.TestScript, _ bool, args []string) {
	file, mended, secret := ts.MkAbs(args[0]), ts.MkAbs("mended"), ts.Getenv("SECRET")
	var mu sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		signed := "unsigned"
		if secret != "" {
			m := webhook.Message{ID: r.Header.Get(webhook.HeaderID), Timestamp: r.Header.Get(webhook.HeaderTimestamp), Signature: r.Header.Get(webhook.HeaderSignature), Body: body}
			if err := webhook.Verify(m, time.Now(), secret); err != nil {
				signed = err.Error()
			} else {
				signed = "signed"
			}
		}
		f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return
		}
		defer f.Close()
		fmt.Fprintf(f, "%s %s %s %q %s\n", r.Method, r.URL.Path, signed, r.Header.Get("Authorization"), body)
		switch r.URL.Path {
		case "/gone":
			w.WriteHeader(http.StatusGone)
		case "/broken":
			if _, err := os.Stat(mended); err != nil {
				http.Error(w, "out of order", http.StatusInternalServerError)
			}
		}
	}))
	ts.Defer(s.Close)
	ts.Setenv("RECEIVER", s.URL)
}

// until is the command "until PATTERN COMMAND…": it runs the command again and again
// until what it prints matches the pattern.
func until(ts *testscript.TestScript, _ bool, args []string) {
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	text := ""
	for begun := time.Now(); time.Since(begun) < 20*time.Second; <-tick.C {
		if args[1] == "cat" {
			data, _ := os.ReadFile(ts.MkAbs(args[2])) // which may not be there yet
			text = string(data)
		} else {
			_ = ts.Exec(args[1], args[2:]...)
			text = ts.ReadFile("stdout")
		}
		if pattern.MatchString(text) {
			return
		}
	}
	ts.Fatalf("%q never matched; the last was:\n%s", args[0], text)
}
