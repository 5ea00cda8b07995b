package tasktest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/recording"
	"github.com/ratchet-runner/ratchet-go/internal/testfile"
)

// placeholder is what stands in a recording for a secret. The braces would be
// written otherwise in some parts of a URL than in others.
var placeholder = regexp.MustCompile(`\{\{secret:([A-Za-z0-9_-]+)\}\}`)

// plain has a word in the place of each placeholder, that a task can send
// wherever it sends the secret, and the id that executions of tests have in the
// place of the recorded one's.
func plain[T string | []byte | json.RawMessage](id ratchet.ExecutionID, text T) T {
	s := placeholder.ReplaceAllString(string(text), "secret-$1")
	if !id.IsZero() {
		s = strings.ReplaceAll(s, id.String(), theExecution)
	}
	return T(s)
}

// FromRecording returns a test that expects what was recorded and answers the
// requests as they were answered. Words such as secret-TOKEN stand for secrets; the
// test gives them to the task as the values of its variables.
func FromRecording(r *recording.Recording, name string) *testfile.Test {
	id := r.Meta.Execution.ID
	t := &testfile.Test{
		Name: name, Input: plain(id, r.Input), Expected: plain(id, r.Output), Env: map[string]string{},
		Now: r.Meta.Timeline.Start, Seed: r.Meta.Timeline.Seed,
	}
	for name, value := range r.Meta.Env {
		t.Env[name] = plain(id, value)
	}
	if e := r.Error; e != nil {
		first, _, _ := strings.Cut(e.Message, "\n")
		t.Expected, t.Fails = nil, &testfile.Fails{Reason: e.Reason, Texts: []string{plain(id, first)}}
	}
	for _, x := range r.Exchanges() {
		t.Mocks = append(t.Mocks, mockOf(id, x, time.Duration(r.Meta.Limits.Or(ratchet.DefaultLimits()).Wall)))
	}
	return t
}

// mockOf answers as the exchange did. One that was not answered takes as long as
// an execution may.
func mockOf(id ratchet.ExecutionID, x *recording.Exchange, wall time.Duration) testfile.Mock {
	m := testfile.Mock{URL: plain(id, x.Request.URL), Method: x.Request.Method, Delay: x.Delay().Round(time.Microsecond), Status: http.StatusOK}
	if !x.Taken {
		m.Delay = wall
	}
	switch {
	case x.Error != nil:
		_, text, _ := strings.Cut(x.Error.Message, x.Request.URL+": ")
		if m.Error = string(x.Error.Reason); x.Error.Reason == ratchet.ReasonNetwork && text != "" {
			m.Error = plain(id, text)
		}
	case x.Response != nil:
		m.Status, m.Body = x.Response.Status, plain(id, x.Response.Body)
		if x.Response.Redirected {
			m.FinalURL = plain(id, x.Response.URL)
		}
		if x.Response.StatusText != http.StatusText(m.Status) {
			m.StatusText = x.Response.StatusText
		}
		for _, h := range x.Response.Header {
			m.Header = append(m.Header, [2]string{h[0], plain(id, h[1])})
		}
	default:
		m.Error = string(ratchet.ReasonTimeout)
	}
	return m
}
