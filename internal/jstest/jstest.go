// Package jstest holds the conformance cases of a task's globals, and answers the
// requests that they make, so that every engine can be held against them. It runs
// nothing itself.
package jstest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Base is where the routes of Answer are; testdata/conformance/_server.mjs has
// the same ones for a plain Node.
const Base = "http://conformance.test"

// Files are the files with cases in a folder.
func Files(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "[^_]*.js"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no conformance files: %v", err)
	}
	return files
}

// Program is a file of cases as a task: given {"list": true} it returns the cases,
// given {"index": …, "base": Base} what is wrong with one, or null.
func Program(t testing.TB, file string) string {
	t.Helper()
	harness, err := os.ReadFile(filepath.Join(filepath.Dir(file), "_harness.js"))
	if err != nil {
		t.Fatal(err)
	}
	cases, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("(function (input) { \"use strict\";%s\n%s\nreturn runCase(input); })", harness, cases)
}

// A Reply is an answer to a request, as a worker gets it.
type Reply struct {
	Failed bool
	Head   string // JSON
	Body   []byte
}

// Answer answers a request for a fetch; ok is false where no answer is ever to come.
func Answer(head string, body []byte) (reply Reply, ok bool) {
	var r request
	if err := json.Unmarshal([]byte(head), &r); err != nil {
		return failure(err), true
	}
	r.body = string(body)
	u, err := url.Parse(r.URL)
	if err != nil {
		return failure(err), true
	}
	if reply, special, answered := r.special(u); special {
		return reply, answered
	}
	res, err := r.answer(u)
	if err != nil {
		return failure(err), true
	}
	return res.reply([]byte(res.body)), true
}

func failure(err error) Reply {
	text, _ := json.Marshal(map[string]string{"name": "TypeError", "message": "fetch failed: " + err.Error()})
	return Reply{Failed: true, Head: string(text)}
}

type request struct {
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Headers [][2]string `json:"headers"`

	Redirect string `json:"redirect"`
	body     string
}

type response struct {
	Status     int         `json:"status"`
	StatusText string      `json:"statusText"`
	Headers    [][2]string `json:"headers"`
	URL        string      `json:"url"`
	Redirected bool        `json:"redirected"`
	body       string
}

func (r *response) reply(body []byte) Reply {
	text, err := json.Marshal(r)
	if err != nil {
		return failure(err)
	}
	return Reply{Head: string(text), Body: body}
}

// special answers the routes that a server cannot have: failures as egress
// reports them, and responses that show what the host was asked.
func (r *request) special(u *url.URL) (reply Reply, special, answered bool) {
	_, path, _ := strings.Cut(u.Path, "/")
	route, arg, _ := strings.Cut(path, "/")
	res := r.reply(200, "text/plain", "body")
	switch route {
	case "never": // until the task gives up
		return Reply{}, true, false
	case "refuse": // /refuse/EGRESS_REFUSED
		text, err := json.Marshal(map[string]any{
			"name": "TypeError", "message": "fetch " + r.URL + ": refused by a rule; --allow-net allows it", "code": arg,
			"details": map[string]string{"host": u.Host},
		})
		if err != nil {
			return failure(err), true, true
		}
		return Reply{Failed: true, Head: string(text)}, true, true
	case "cookies":
		res.Headers = append(res.Headers, [2]string{"Set-Cookie", "a=1"}, [2]string{"set-cookie", "b=2"}, [2]string{"X-Two", "1"}, [2]string{"x-two", "2"})
	case "redirected":
		res.URL, res.Redirected = Base+"/end", true
	case "redirect-mode":
		res.body = r.Redirect
	case "raw-headers":
		text, err := json.Marshal(r.Headers)
		if err != nil {
			return failure(err), true, true
		}
		res.body = string(text)
	case "json":
		res.Headers, res.body = [][2]string{{"Content-Type", "application/json"}}, `{"n":[1,2],"s":"é"}`
	case "code": // /code/429
		if _, err := fmt.Sscanf(arg, "%d %q", &res.Status, &res.StatusText); err != nil {
			return failure(err), true, true
		}
		res.Headers = append(res.Headers, [2]string{"Retry-After", "30"})
	case "nobody":
		return res.reply(nil), true, true
	default:
		return Reply{}, false, false
	}
	return res.reply([]byte(res.body)), true, true
}

func (r *request) answer(u *url.URL) (*response, error) {
	_, path, _ := strings.Cut(u.EscapedPath(), "/")
	route, arg, _ := strings.Cut(path, "/")
	switch route {
	case "echo":
		return r.reply(200, "application/json", r.echo(u)), nil
	case "status":
		code, err := strconv.Atoi(arg)
		if code == 204 {
			return r.reply(code, "", ""), err
		}
		return r.reply(code, "", "status "+arg), err
	case "bytes":
		kind := r.header("content-type")
		if kind == "" {
			kind = "application/octet-stream"
		}
		return r.reply(200, kind, r.body), nil
	case "text":
		text, err := url.PathUnescape(arg)
		res := r.reply(200, "text/plain; charset=utf-8", text)
		res.Headers = append(res.Headers, [2]string{"x-route", "text"})
		return res, err
	case "reset":
		return nil, io.ErrUnexpectedEOF
	}
	return r.reply(404, "", "no route"), nil
}

func (r *request) header(name string) string {
	for _, h := range r.Headers {
		if strings.EqualFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}

func (r *request) reply(status int, kind, body string) *response {
	res := &response{Status: status, StatusText: http.StatusText(status), Headers: [][2]string{}, URL: r.URL, body: body}
	if kind != "" {
		res.Headers = append(res.Headers, [2]string{"content-type", kind})
	}
	return res
}

func (r *request) echo(u *url.URL) string {
	headers := map[string]string{}
	for _, h := range r.Headers {
		switch name := strings.ToLower(h[0]); name {
		case "accept", "accept-encoding", "accept-language", "user-agent", "content-length":
		default:
			headers[name] = strings.TrimPrefix(headers[name]+", "+h[1], ", ")
		}
	}
	text, _ := json.Marshal(map[string]any{"method": r.Method, "path": u.RequestURI(), "headers": headers, "body": r.body})
	return string(text)
}
