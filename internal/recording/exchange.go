package recording

import (
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// An Exchange is one request of a recording and what came of it. Secrets in it
// are placeholders.
type Exchange struct {
	Call    uint32        // the request's number in the execution; see [executor.Ask]
	Asked   time.Duration // when, since the start as the task saw it
	Request Request

	// One of the two, or neither if the execution ended before the answer came.
	Response *Response
	Error    *ratchet.Error

	// At is when the task took the answer, since the start; meaningless if it
	// never did.
	At    time.Duration
	Taken bool

	started time.Time
	spent   time.Duration
	network network
}

// A Request is what the task asked for.
type Request struct {
	Method   string // upper case where it is a known one
	URL      string
	Header   [][2]string // as the task set them, in order
	Body     []byte
	Redirect string // "follow", "error" or "manual"
}

// A Response is the last one, after any redirects, its body decoded.
type Response struct {
	Status     int
	StatusText string
	Header     [][2]string
	Body       []byte
	URL        string // of the last hop
	Redirected bool
}

// Delay is how long the task waited for the answer.
func (x *Exchange) Delay() time.Duration { return max(x.At-x.Asked, 0) }

// Number is the request's place among those of its kind, from 1: synchronous
// requests are counted apart.
func (x *Exchange) Number() int { return number(x.Call) }

func number(call uint32) int { return int(call &^ syncCall) }

// syncCall marks the numbers of synchronous requests.
const syncCall = 1 << 31

// header returns the first value of that name, which is lower case.
func header(list [][2]string, name string) string {
	for _, h := range list {
		if equalFold(h[0], name) {
			return h[1]
		}
	}
	return ""
}
