// Package testfile reads and writes the files of a task's tests folder: an
// input, what must come of it, and the answers to the requests that the task
// makes on the way. Running them is package tasktest's business.
package testfile

import (
	"encoding/json"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// A Test is what one file says.
type Test struct {
	Name        string // for people; may be empty
	Description string
	Input       json.RawMessage
	Expected    json.RawMessage // the output that must come; nil if the task must fail
	Fails       *Fails          // how the task must fail; nil if it must not
	Mocks       []Mock
	Network     bool              // requests without a mock go out
	Env         map[string]string // values for the names that the task declares
	Now         time.Time         // what the clock shows at first; zero if the test does not say
	Seed        uint64            // of chance
}

// Fails says which failures will do. The zero Fails is any.
type Fails struct {
	Reason ratchet.Reason // exactly; empty is any
	Texts  []string       // parts of the message, all of them
	Either []string       // each the reason, or a part of the message
}

// A Mock answers requests in place of the network.
type Mock struct {
	URL     string // whole, or a part of the request's; see package tasktest
	Method  string // in upper case
	Request Wanted
	Times   int // how many requests it answers; 0 if it does not say
	Delay   time.Duration

	// Error, if set, is what the request fails with: a reason such as TIMEOUT,
	// or a text.
	Error string

	FinalURL   string // where redirects led to; empty if there were none
	Status     int
	StatusText string      // empty: that of the status
	Header     [][2]string // lower-case names in alphabetical order
	Body       []byte

	Pointer string // where in the file it stands
	Line    int
}

// Wanted is what a request must have besides its URL and method.
type Wanted struct {
	Header [][2]string     // as in Mock
	Body   json.RawMessage // a string: that text; else JSON of this value; nil: any
}

// Parse reads a test. The file's name is for the details: problems make it no
// test, warnings are of what has no effect. The data must be JSON.
func Parse(file string, data []byte) (t *Test, problems, warnings []ratchet.Detail) {
	r := reader{file: file, data: data}
	if err := json.Unmarshal(data, new(json.RawMessage)); err != nil {
		off := len(data)
		if e, ok := err.(*json.SyntaxError); ok {
			off = int(e.Offset) - 1
		}
		r.wrong(node{start: off}, "", "not JSON: "+err.Error(), "", "")
		return nil, r.problems, nil
	}
	t = r.test(parse(data))
	if len(r.problems) > 0 {
		return nil, r.problems, r.warnings
	}
	return t, nil, r.warnings
}

// At returns where in a test's file the keys lead, one below the other. The data
// must be JSON.
func At(file string, data []byte, keys ...string) ratchet.Detail {
	r := reader{file: file, data: data}
	n, pointer, off := parse(data), "", 0
	for _, key := range keys {
		pointer += "/" + escape(key)
		for _, m := range n.members {
			if m.key == key {
				off = m.start
			}
		}
		n = n.get(key)
	}
	return r.detail(off, pointer, "")
}
