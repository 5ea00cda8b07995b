package tasktest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/tasktest"
	"github.com/ratchet-runner/ratchet-go/internal/testfile"
)

// mocks returns a test with these mocks, JSON.
func mocks(t *testing.T, text string) *testfile.Test {
	t.Helper()
	test, problems, _ := testfile.Parse("tests/a.json", []byte(`{"input": {}, "expected": 1, "mock": {"http": `+text+`}}`))
	if len(problems) > 0 {
		t.Fatalf("%s: %+v", text, problems)
	}
	return test
}

// ask makes the requests, each "METHOD URL BODY", and returns the body of each
// answer, or the error.
func ask(t *testing.T, a *tasktest.Answers, requests ...string) (got []string) {
	t.Helper()
	for i, r := range requests {
		method, rest, _ := strings.Cut(r, " ")
		url, body, _ := strings.Cut(rest, " ")
		answer, err := a.Fetch(t.Context(), executor.Ask{Call: uint32(i + 1), Request: egress.Request{
			Method: method, URL: url, Body: []byte(body), Header: [][2]string{{"accept", "*/*"}, {"x-key", "k"}},
		}})
		if err != nil {
			got = append(got, err.Error())
		} else {
			got = append(got, string(answer.Response.Body))
		}
	}
	return got
}

func TestWhichMockAnswers(t *testing.T) {
	t.Parallel()
	const none = "none"
	for _, c := range []struct {
		name, mocks string
		requests    []string
		want        []string
	}{
		{
			"the same URL before a part of it", `[{"url": "a.test", "response": {"body": "part"}}, {"url": "https://a.test/x", "response": {"body": "same"}}]`,
			[]string{"GET https://a.test/x", "GET https://a.test/y"},
			[]string{"same", "part"},
		},
		{
			"the longer part", `[{"url": "a.test/users", "response": {"body": "all"}}, {"url": "a.test/users/1", "response": {"body": "one"}}]`,
			[]string{"GET https://a.test/users/1?x", "GET https://a.test/users/2"},
			[]string{"one", "all"},
		},
		{"a URL without a path", `{"url": "https://a.test", "response": {"body": "x"}}`, []string{"GET https://a.test/"}, []string{"x"}},
		{"a URL that goes on, as in the earlier Ratchet", `{"url": "https://a.test/x?q=1", "response": {"body": "x"}}`, []string{"GET https://a.test/x"}, []string{"x"}},
		{"methods in any case", `{"url": "a.test", "method": "pOsT", "response": {"body": "x"}}`, []string{"post https://a.test/", "GET https://a.test/"}, []string{"x", none}},
		{
			"in order, and the last again", `[{"url": "a.test", "response": {"body": "1"}}, {"url": "a.test", "response": {"body": "2"}}]`,
			[]string{"GET https://a.test/", "GET https://a.test/", "GET https://a.test/"},
			[]string{"1", "2", "2"},
		},
		{
			"as often as it says", `[{"url": "a.test", "times": 2, "response": {"body": "1"}}, {"url": "a.test", "times": 1, "response": {"body": "2"}}]`,
			[]string{"GET https://a.test/", "GET https://a.test/", "GET https://a.test/", "GET https://a.test/"},
			[]string{"1", "1", "2", none},
		},
		{"without end", `{"url": "a.test", "response": {"body": "x"}}`, []string{"GET https://a.test/", "GET https://a.test/", "GET https://a.test/"}, []string{"x", "x", "x"}},
		{
			"by body", `[{"url": "a.test", "method": "POST", "request": {"body": {"a": 1.0}}, "response": {"body": "json"}}, {"url": "a.test", "method": "POST", "request": {"body": "a=1"}, "response": {"body": "form"}}]`,
			[]string{"POST https://a.test/ a=1", `POST https://a.test/ {"a":1}`, "POST https://a.test/ a=2"},
			[]string{"form", "json", none},
		},
		{
			"by header", `[{"url": "a.test", "request": {"headers": {"X-Key": "other"}}, "response": {"body": "1"}}, {"url": "a.test", "request": {"headers": {"X-KEY": "k"}}, "response": {"body": "2"}}]`,
			[]string{"GET https://a.test/"},
			[]string{"2"},
		},
		{"JSON with its numbers as they were written", `{"url": "a.test", "response": {"body": {"n": 1.0}}}`, []string{"GET https://a.test/"}, []string{`{"n":1.0}`}},
		{"no body for HEAD", `{"url": "a.test", "method": "HEAD", "response": {"body": "x"}}`, []string{"HEAD https://a.test/"}, []string{""}},
		{"no mocks at all", `[]`, []string{"GET https://a.test/"}, []string{none}},
	} {
		a := tasktest.NewAnswers(mocks(t, c.mocks))
		got := ask(t, a, c.requests...)
		for i, r := range c.requests {
			if c.want[i] == none {
				method, url, _ := strings.Cut(r, " ")
				url, _, _ = strings.Cut(url, " ")
				c.want[i] = fmt.Sprintf("fetch %s: the test has no mock for %s %s, and no network", url, method, url)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: want -, got +:\n%s", c.name, diff)
		}
	}
}

func TestTheClosestMockIsNamedWithWhatIsBetween(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ mocks, request, want string }{
		{`[]`, "GET https://a.test/", ""},
		{`[{"url": "https://b.test/", "response": {}}, {"url": "https://a.test/user", "response": {}}]`, "GET https://a.test/usr", "line 1, GET https://a.test/user: its URL is another"},
		{`{"url": "a.test", "method": "PUT", "response": {}}`, "GET https://a.test/", "line 1, PUT a.test: the request's method is GET"},
		{`{"url": "a.test", "method": "POST", "request": {"body": {"a": [1]}}, "response": {}}`, `POST https://a.test/ {"a":[2]}`, "line 1, POST a.test: the request's body differs: /a/0: want 1, got 2"},
		{`{"url": "a.test", "method": "POST", "request": {"body": {}}, "response": {}}`, `POST https://a.test/ a=1`, `line 1, POST a.test: the request's body is not JSON: "a=1"`},
		{`{"url": "a.test", "method": "POST", "request": {"body": "b"}, "response": {}}`, `POST https://a.test/ a`, `line 1, POST a.test: the request's body is "a", not "b"`},
		{`{"url": "a.test", "request": {"headers": {"Authorization": "Bearer x"}}, "response": {}}`, `GET https://a.test/`, "line 1, GET a.test: the request has no header authorization: Bearer x"},
	} {
		a := tasktest.NewAnswers(mocks(t, c.mocks))
		ask(t, a, c.request)
		if got := a.Unanswered(); len(got) != 1 || got[0].Closest != c.want {
			t.Errorf("%s: got %+v, want %q", c.mocks, got, c.want)
		}
	}
	a := tasktest.NewAnswers(mocks(t, `{"url": "a.test", "times": 1, "response": {}}`))
	ask(t, a, "GET https://a.test/", "GET https://a.test/")
	if got := a.Unanswered(); len(got) != 1 || got[0].Closest != "line 1, GET a.test: it has answered the one request it is for" {
		t.Errorf("got %+v, want that the mock was used up", got)
	}
}

func TestMocksThatWereNotNeededAreNamed(t *testing.T) {
	t.Parallel()
	a := tasktest.NewAnswers(mocks(t, `[{"url": "a.test", "response": {}}, {"url": "b.test", "times": 3, "response": {}}, {"url": "c.test", "method": "POST", "response": {}}]`))
	ask(t, a, "GET https://a.test/", "GET https://b.test/")
	want := []string{"/mock/http/1: the mock of GET b.test answered one request, not 3", "/mock/http/2: no request used the mock of POST c.test"}
	if diff := cmp.Diff(want, a.Unused()); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

// fetch makes one request and returns what came, and the error.
func fetch(t *testing.T, a *tasktest.Answers, r egress.Request) (executor.Answer, *ratchet.Error) {
	t.Helper()
	answer, err := a.Fetch(t.Context(), executor.Ask{Call: 1, At: time.Second, Request: r})
	return answer, ratchet.AsError(err)
}

func TestAMockAnswersAsARequestWould(t *testing.T) {
	t.Parallel()
	a := tasktest.NewAnswers(mocks(t, `{"url": "a.test", "delay": "1h", "response": {"status": 404, "headers": {"X-B": ["1", "2"]}, "body": {"a": 1}}}`))
	answer, err := fetch(t, a, egress.Request{Method: "GET", URL: "https://a.test/x#part"})
	if err != nil {
		t.Fatal(err)
	}
	want := &egress.Response{
		Status: 404, StatusText: "Not Found", URL: "https://a.test/x", Proto: "HTTP/1.1", Received: 7, Body: []byte(`{"a":1}`),
		Header: [][2]string{{"content-type", "application/json"}, {"x-b", "1"}, {"x-b", "2"}},
	}
	if diff := cmp.Diff(want.Header, answer.Response.Header); diff != "" || answer.Response.Status != 404 || answer.Response.StatusText != want.StatusText ||
		answer.Response.URL != want.URL || string(answer.Response.Body) != string(want.Body) || answer.At != time.Hour+time.Second {
		t.Errorf("got %+v at %v", answer.Response, answer.At)
	}

	hosts, parse := egress.ParseHosts([]string{"b.test"})
	if parse != nil {
		t.Fatal(parse)
	}
	for name, c := range map[string]struct {
		mock    string
		request egress.Request
		reason  ratchet.Reason
		text    string
	}{
		"a host that is not permitted": {`{"body": 1}`, egress.Request{Hosts: hosts}, ratchet.ReasonEgressRefused, `host "a.test" is not in the task's permissions.net (b.test)`},
		"a body over the limit":        {`{"body": "12345"}`, egress.Request{MaxBody: 4}, ratchet.ReasonBodyTooLarge, "larger than the limit of 4B"},
		"a network error":              {`{"error": "NETWORK_ERROR"}`, egress.Request{}, ratchet.ReasonNetwork, "fetch https://a.test/: connection refused"},
		"a timeout":                    {`{"error": "TIMEOUT"}`, egress.Request{}, ratchet.ReasonTimeout, "timed out"},
		"redirects":                    {`{"error": "TOO_MANY_REDIRECTS"}`, egress.Request{}, ratchet.ReasonTooManyRedirect, "redirects"},
		"a body too large":             {`{"error": "BODY_TOO_LARGE"}`, egress.Request{}, ratchet.ReasonBodyTooLarge, "too large"},
		"a refusal":                    {`{"error": "EGRESS_REFUSED"}`, egress.Request{}, ratchet.ReasonEgressRefused, "refused"},
		"a text":                       {`{"error": "socket hang up"}`, egress.Request{}, ratchet.ReasonNetwork, "fetch https://a.test/: socket hang up"},
	} {
		c.request.Method, c.request.URL = "GET", "https://a.test/"
		answer, err := fetch(t, tasktest.NewAnswers(mocks(t, `{"url": "a.test", "delay": 2, "response": `+c.mock+`}`)), c.request)
		if err == nil || err.Reason != c.reason || !strings.Contains(err.Message, c.text) || answer.At != 3*time.Second {
			t.Errorf("%s: got %+v at %v, want %s: %s", name, err, answer.At, c.reason, c.text)
		}
	}
}

func TestRequestsAreAnsweredInTheOrderOfTheTask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := tasktest.NewAnswers(mocks(t, `[{"url": "a.test", "response": {"body": "1"}}, {"url": "a.test", "response": {"body": "2"}}, {"url": "a.test", "response": {"body": "3"}}]`))
		got := make([]string, 4)
		for _, call := range []uint32{3, 2, 1} {
			go func() {
				answer, err := a.Fetch(t.Context(), executor.Ask{Call: call, Request: egress.Request{Method: "GET", URL: "https://a.test/"}})
				if err != nil {
					t.Error(err)
					return
				}
				got[call] = string(answer.Response.Body)
			}()
			synctest.Wait()
		}
		if want := []string{"", "1", "2", "3"}; !cmp.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := a.Fetch(ctx, executor.Ask{Call: 9, Request: egress.Request{Method: "GET", URL: "https://a.test/"}}); err == nil {
			t.Error("a request whose turn never comes: got no error when the execution ended")
		}
	})
}

func TestWithANetworkADelayIsReal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := tasktest.NewAnswers(mocks(t, `{"url": "a.test", "delay": "1m", "response": {}}`)).WithOutside(tasktest.NewAnswers(mocks(t, `{"url": "b.test", "response": {"body": "outside"}}`)))
		begun := time.Now()
		got := ask(t, a, "GET https://b.test/", "GET https://a.test/")
		if want := []string{"outside", ""}; !cmp.Equal(got, want) || time.Since(begun) != time.Minute {
			t.Errorf("got %q after %v, want %q after 1m", got, time.Since(begun), want)
		}
	})
}

func TestAMockMayBeWhereRedirectsLedTo(t *testing.T) {
	t.Parallel()
	hosts, parse := egress.ParseHosts([]string{"a.test"})
	if parse != nil {
		t.Fatal(parse)
	}
	const here, away = `{"url": "a.test", "response": {"url": "https://a.test/v2#x", "body": {}}}`, `{"url": "a.test", "response": {"url": "https://b.test/", "status": 200}}`
	request := egress.Request{Method: "GET", URL: "https://a.test/", Hosts: hosts, Redirect: "follow"}
	answer, err := fetch(t, tasktest.NewAnswers(mocks(t, here)), request)
	if err != nil || answer.Response.URL != "https://a.test/v2" || !answer.Response.Redirected {
		t.Errorf("got %v and %+v, want the final URL", err, answer.Response)
	}
	if _, err = fetch(t, tasktest.NewAnswers(mocks(t, away)), request); err == nil || err.Reason != ratchet.ReasonEgressRefused {
		t.Errorf("got %v, want a host that is not permitted to be refused", err)
	}
	request.Redirect = "error"
	if _, err = fetch(t, tasktest.NewAnswers(mocks(t, here)), request); err == nil || err.Reason != ratchet.ReasonNetwork {
		t.Errorf("got %v, want no redirect where the request wants none", err)
	}
}
