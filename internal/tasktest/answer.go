package tasktest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/testfile"
)

// answers are the Effects of a test: its mocks answer, in the order in which the
// task asks.
type answers struct {
	test    *testfile.Test
	outside executor.Effects // nil: there is no network
	wall    time.Duration    // the limit, if the clock costs no time; else 0

	mu         sync.Mutex
	next       uint32                   // the call whose turn it is
	turns      map[uint32]chan struct{} // of those who wait for theirs
	uses       []int                    // of each mock
	unanswered []Unanswered
	last       time.Duration // when the task took its last answer, by its own clock
}

// An Unanswered request is one that no mock was for.
type Unanswered struct {
	Method  string `json:"method"`
	URL     string `json:"url"`
	Closest string `json:"closest,omitempty"` // the mock that comes nearest, and why it is not it
}

// firstSync is the number of the first synchronous request, of which there is
// one at a time.
const firstSync = 1 << 31

func newAnswers(t *testfile.Test) *answers {
	return &answers{test: t, next: 1, turns: map[uint32]chan struct{}{}, uses: make([]int, len(t.Mocks))}
}

// Taken notes when the last answer was taken.
func (a *answers) Taken(_ uint32, at time.Duration) { a.last = max(a.last, at) }

// Fetch answers with the mock for the request.
func (a *answers) Fetch(ctx context.Context, ask executor.Ask) (executor.Answer, error) {
	mock, err := a.take(ctx, ask)
	switch {
	case err != nil:
		return executor.Answer{At: ask.At}, err
	case mock == nil:
		return a.outside.Fetch(ctx, ask)
	}
	answer := executor.Answer{At: ask.At + mock.Delay}
	if a.outside != nil && mock.Delay > 0 { // the clock is a real one
		select {
		case <-ctx.Done():
			return answer, context.Cause(ctx)
		case <-time.After(mock.Delay):
		}
	}
	answer.Response, err = respond(mock, &ask.Request)
	return answer, err
}

// take chooses the mock for a request, nil for the network. Requests take turns,
// for their goroutines run in any order.
func (a *answers) take(ctx context.Context, ask executor.Ask) (*testfile.Mock, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ask.Call < firstSync {
		if ask.Call > a.next {
			turn := make(chan struct{})
			a.turns[ask.Call] = turn
			a.mu.Unlock()
			select {
			case <-turn:
			case <-ctx.Done():
			}
			a.mu.Lock()
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
		}
		a.next = ask.Call + 1
		if turn := a.turns[a.next]; turn != nil {
			close(turn)
		}
	}
	req := &ask.Request
	if i := a.choose(req); i >= 0 {
		a.uses[i]++
		return &a.test.Mocks[i], nil
	}
	if a.outside != nil {
		return nil, nil
	}
	if a.wall > 0 && ask.At >= a.wall { // the execution was over by then
		return nil, ratchet.Errorf(ratchet.ReasonExecutionTimeout, "fetch %s: the time of the execution is over", req.URL)
	}
	a.unanswered = append(a.unanswered, Unanswered{Method: req.Method, URL: req.URL, Closest: a.closest(req)})
	return nil, ratchet.Errorf(ratchet.ReasonNetwork, "fetch %s: the test has no mock for %s %s, and no network", req.URL, req.Method, req.URL)
}

// choose returns the index of the mock for the request: of those whose URL is
// nearest to the request's the first that has an answer left; -1 if there is none.
func (a *answers) choose(req *egress.Request) int {
	best, nearest := -1, 0
	for i := range a.test.Mocks {
		m := &a.test.Mocks[i]
		near := nearness(m.URL, req.URL)
		if near > nearest && strings.EqualFold(m.Method, req.Method) && a.uses[i] < a.most(i) && differs(&m.Request, req) == "" {
			best, nearest = i, near
		}
	}
	return best
}

// most is how many requests a mock answers: what it says, else one if a later
// mock is for the same requests, else all.
func (a *answers) most(i int) int {
	mocks := a.test.Mocks
	m := &mocks[i]
	if m.Times > 0 {
		return m.Times
	}
	if slices.ContainsFunc(mocks[i+1:], func(later testfile.Mock) bool {
		return later.URL == m.URL && later.Method == m.Method && reflect.DeepEqual(later.Request, m.Request)
	}) {
		return 1
	}
	return int(^uint(0) >> 1)
}

// nearness says how well a mock's URL fits a request's: best if it is the same,
// then the longer the part of it that it is. A URL that goes on from the
// request's fits least, as in the earlier Ratchet. 0 is not at all.
func nearness(mock, request string) int {
	switch {
	case whole(mock) == whole(request):
		return 1 << 30
	case strings.Contains(request, mock):
		return 1<<20 + len(mock)
	case strings.Contains(mock, request):
		return len(request)
	}
	return 0
}

// whole writes a URL as the task's fetch does: without a fragment, and with a
// path.
func whole(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	u.Fragment, u.RawFragment = "", ""
	if u.Path == "" {
		u.Path = "/"
	}
	return u.String()
}

// differs says in what the request is not what the mock wants besides URL and
// method.
func differs(w *testfile.Wanted, req *egress.Request) string {
	for _, h := range w.Header {
		if !slices.ContainsFunc(req.Header, func(got [2]string) bool { return strings.EqualFold(got[0], h[0]) && got[1] == h[1] }) {
			return fmt.Sprintf("the request has no header %s: %s", h[0], h[1])
		}
	}
	if w.Body == nil {
		return ""
	}
	var text string
	if json.Unmarshal(w.Body, &text) == nil {
		if text != string(req.Body) {
			return fmt.Sprintf("the request's body is %s, not %s", clip(strconv.Quote(string(req.Body))), clip(strconv.Quote(text)))
		}
		return ""
	}
	if !json.Valid(req.Body) {
		return fmt.Sprintf("the request's body is not JSON: %s", clip(strconv.Quote(string(req.Body))))
	}
	if d := Diff(w.Body, req.Body); len(d) > 0 {
		return "the request's body differs: " + d[0].String()
	}
	return ""
}

// closest names the mock that comes nearest to the request, and what is between
// them.
func (a *answers) closest(req *egress.Request) string {
	best, least := "", 1<<30
	offer := func(i, distance int, format string, args ...any) {
		if distance < least {
			m := a.test.Mocks[i]
			best, least = fmt.Sprintf("line %d, %s %s: ", m.Line, m.Method, clip(m.URL))+fmt.Sprintf(format, args...), distance
		}
	}
	for i := range a.test.Mocks {
		m := &a.test.Mocks[i]
		method := strings.EqualFold(m.Method, req.Method)
		wrong := differs(&m.Request, req)
		switch near := nearness(m.URL, req.URL) > 0; {
		case near && method && wrong == "":
			offer(i, 0, "it has answered the %s it is for", requests(a.most(i)))
		case near && method:
			offer(i, 1, "%s", wrong)
		case near:
			offer(i, 2, "the request's method is %s", req.Method)
		default:
			offer(i, 3+distance(m.URL, req.URL), "its URL is another")
		}
	}
	return best
}

func requests(n int) string {
	if n == 1 {
		return "one request"
	}
	return fmt.Sprintf("%d requests", n)
}

// distance is how many characters of two URLs are left when what they begin and
// end with alike is taken away.
func distance(a, b string) int {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return len(a) + len(b)
}

// unused warns of mocks that were not needed, or not as often as they say.
func (a *answers) unused() (warnings []ratchet.Detail) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, m := range a.test.Mocks {
		d := ratchet.Detail{Line: m.Line, Pointer: m.Pointer}
		switch {
		case a.uses[i] == 0:
			d.Message = fmt.Sprintf("no request used the mock of %s %s", m.Method, clip(m.URL))
		case a.uses[i] < m.Times:
			d.Message = fmt.Sprintf("the mock of %s %s answered %s, not %d", m.Method, clip(m.URL), requests(a.uses[i]), m.Times)
		default:
			continue
		}
		warnings = append(warnings, d)
	}
	return warnings
}

// respond makes the answer of a mock, or the failure of one that a real request
// would have met.
func respond(m *testfile.Mock, req *egress.Request) (*egress.Response, error) {
	u, err := url.Parse(req.URL)
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "fetch: %q is not a valid URL", req.URL)
	}
	u.Fragment, u.RawFragment = "", ""
	if !req.Hosts.Allows(u.Hostname(), port(u)) {
		return nil, ratchet.Errorf(ratchet.ReasonEgressRefused, "fetch %s: refused: host %q is not in the task's permissions.net (%s); add it there or run with --allow-net %s", u, u.Host, req.Hosts, u.Host).
			WithDetails(ratchet.Detail{Pointer: "/url", Message: string(egress.KindHost), Got: u.Host})
	}
	if m.Error != "" {
		return nil, failure(m.Error, u)
	}
	final := u
	if m.FinalURL != "" {
		if final, err = redirect(m.FinalURL, u, req); err != nil {
			return nil, err
		}
	}
	if req.MaxBody > 0 && int64(len(m.Body)) > req.MaxBody {
		return nil, ratchet.Errorf(ratchet.ReasonBodyTooLarge, "fetch %s: the response body is larger than the limit of %s", u, ratchet.Size(req.MaxBody)).
			WithDetails(ratchet.Detail{Pointer: "/url", Message: string(egress.KindBody)})
	}
	res := &egress.Response{
		Status: m.Status, StatusText: cmp.Or(m.StatusText, http.StatusText(m.Status)), Header: append([][2]string{}, m.Header...), URL: final.String(), Redirected: m.FinalURL != "",
		Proto: "HTTP/1.1", Sent: int64(len(req.Body)), Received: int64(len(m.Body)),
	}
	if !strings.EqualFold(req.Method, "HEAD") {
		res.Body = bytes.Clone(m.Body)
	}
	return res, nil
}

// redirect follows from u to where the mock's answer comes from.
func redirect(to string, u *url.URL, req *egress.Request) (*url.URL, error) {
	final, err := url.Parse(to)
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "fetch %s: the mock's response.url is not valid: %w", u, err)
	}
	final.Fragment, final.RawFragment = "", ""
	switch {
	case req.Redirect == "error":
		return nil, ratchet.Errorf(ratchet.ReasonNetwork, "fetch %s: the server redirects to %s, and the request says redirect: \"error\"", u, final).
			WithDetails(ratchet.Detail{Pointer: "/url", Message: string(egress.KindRedirect), Got: u.Hostname()})
	case !req.Hosts.Allows(final.Hostname(), port(final)):
		return nil, ratchet.Errorf(ratchet.ReasonEgressRefused, "fetch %s: redirected to %s: refused: host %q is not in the task's permissions.net (%s); add it there or run with --allow-net %s", u, final, final.Host, req.Hosts, final.Host).
			WithDetails(ratchet.Detail{Pointer: "/url", Message: string(egress.KindHost), Got: final.Host})
	}
	return final, nil
}

// failure is what a mock's "error" stands for: a reason, or a text.
func failure(said string, u *url.URL) error {
	fail := func(reason ratchet.Reason, kind egress.Kind, text string) error {
		return ratchet.Errorf(reason, "fetch %s: %s", u, text).WithDetails(ratchet.Detail{Pointer: "/url", Message: string(kind), Got: u.Hostname()})
	}
	switch reason := ratchet.Reason(said); reason {
	case ratchet.ReasonNetwork:
		return fail(reason, egress.KindConnect, "connection refused: nothing listens on "+u.Host)
	case ratchet.ReasonTimeout:
		return fail(reason, egress.KindHeaders, "timed out waiting for the response's headers")
	case ratchet.ReasonEgressRefused:
		return fail(reason, egress.KindHost, fmt.Sprintf("refused: host %q is not in the task's permissions.net", u.Hostname()))
	case ratchet.ReasonTooManyRedirect:
		return fail(reason, egress.KindRedirect, "too many redirects")
	case ratchet.ReasonBodyTooLarge:
		return fail(reason, egress.KindBody, "the response body is too large")
	default:
		return fail(ratchet.ReasonNetwork, egress.KindConnect, said)
	}
}

func port(u *url.URL) uint16 {
	if p, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		return uint16(p)
	}
	if u.Scheme == "http" {
		return 80
	}
	return 443
}
