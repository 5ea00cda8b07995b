package graphql_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
)

// A message is one of graphql-transport-ws.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// A client speaks graphql-transport-ws.
type client struct {
	t    *testing.T
	conn *websocket.Conn
}

func (s *server) dial(headers ...string) (*client, *http.Response, error) {
	s.t.Helper()
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	conn, resp, err := websocket.Dial(s.t.Context(), s.URL+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: h})
	if err != nil {
		return nil, resp, err
	}
	s.t.Cleanup(func() { conn.CloseNow() })
	return &client{s.t, conn}, resp, nil
}

// open opens a connection on which operations may begin.
func (s *server) open(headers ...string) *client {
	s.t.Helper()
	c, _, err := s.dial(headers...)
	if err != nil {
		s.t.Fatal(err)
	}
	c.send(message{Type: "connection_init"})
	if m := c.receive(); m.Type != "connection_ack" {
		s.t.Fatalf("got %+v, want a connection_ack", m)
	}
	return c
}

func (c *client) send(m message) {
	c.t.Helper()
	data, _ := json.Marshal(m)
	if err := c.conn.Write(c.t.Context(), websocket.MessageText, data); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) subscribe(id, query string) {
	c.t.Helper()
	c.send(message{ID: id, Type: "subscribe", Payload: json.RawMessage(`{"query":` + quote(query) + `}`)})
}

func (c *client) receive() (m message) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	_, data, err := c.conn.Read(ctx)
	if err != nil {
		return message{Type: "closed", Payload: json.RawMessage(quote(err.Error()))}
	}
	if err := json.Unmarshal(data, &m); err != nil {
		c.t.Fatalf("got %s", data)
	}
	return m
}

// stream subscribes by server-sent events, and returns what comes, event by event.
func (s *server) stream(query string) (next func() (event, data string)) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.URL+"/graphql", strings.NewReader(`{"query":`+quote(query)+`}`))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { resp.Body.Close() })
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/event-stream") {
		s.t.Fatalf("got %s, %s", resp.Status, kind)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	return func() (event, data string) {
		for lines.Scan() {
			switch line := lines.Text(); {
			case strings.HasPrefix(line, "event: "):
				event = line[7:]
			case strings.HasPrefix(line, "data: "):
				data += line[6:]
			case line == "" && event != "":
				return event, data
			}
		}
		return "end", ""
	}
}

// follower is a task that says how far it is, and goes on for long enough that
// somebody hears it.
const follower = `async (i) => { ratchet.progress(0.5, "half"); console.warn("almost"); await new Promise((r) => setTimeout(r, 300)); return { ok: true } }`

func TestAJobIsFollowedOverAWebSocketUntilItIsFinished(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.Register("follow", follower)
	c := s.open()
	later := s.Submit(ratchet.JobRequest{Task: "follow", Delay: ratchet.Duration(time.Hour)})
	c.subscribe("a", `subscription { jobStatus(jobId: "`+later.ID.UUID()+`") { state task { name } output } }`)
	c.subscribe("b", `query { jobs { meta { total } } }`)
	first := []message{c.receive(), c.receive(), c.receive()} // of two operations, in any order
	slices.SortFunc(first, func(a, b message) int { return strings.Compare(a.ID+a.Type, b.ID+b.Type) })
	if got := string(first[0].Payload); first[0].Type != "next" || got != `{"data":{"jobStatus":{"state":"SCHEDULED","task":{"name":"follow"},"output":null}}}` {
		t.Errorf("got %s %s", first[0].Type, got)
	}
	if first[1].Type != "complete" || string(first[2].Payload) != `{"data":{"jobs":{"meta":{"total":1}}}}` {
		t.Errorf("got %+v", first[1:])
	}
	s.must(`mutation { retryJob(id: "` + later.ID.String() + `") { state } }`)
	var states []string
	for {
		m := c.receive()
		if m.Type == "complete" {
			break
		}
		if m.Type != "next" {
			t.Fatalf("got %s %s", m.Type, m.Payload)
		}
		states = append(states, field(t, string(m.Payload), "data", "jobStatus", "state"))
	}
	if len(states) == 0 || states[len(states)-1] != "COMPLETED" {
		t.Errorf("got the states %v, want COMPLETED last", states)
	}
}

func TestEventsComeOverServerSentEvents(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.Register("follow", follower)
	next := s.stream(`subscription { events(filter: {taskId: "follow"}) { id type taskName state job { status } log { level message } progress { value message } } }`)
	executions := s.stream(`subscription { taskExecutions(taskId: "follow") { state jobId output logs { total } } }`)
	job := s.Submit(ratchet.JobRequest{Task: "follow"})
	seen, lastID := "", ""
	for !strings.Contains(seen, `"COMPLETED"`) {
		event, data := next()
		if event != "next" {
			t.Fatalf("got %s %s after %s", event, data, seen)
		}
		seen += data + "\n"
		lastID = field(t, data, "data", "events", "id")
	}
	for _, want := range []string{`"type":"JOB","taskName":"follow","state":"QUEUED"`, `"log":{"level":"WARN","message":"almost"}`, `"progress":{"value":0.5,"message":"half"}`, `"state":"COMPLETED","job":{"status":"COMPLETED"}`} {
		if !strings.Contains(seen, want) {
			t.Errorf("no %s in %s", want, seen)
		}
	}
	for {
		event, data := executions()
		if event != "next" {
			t.Fatalf("got %s %s", event, data)
		}
		if field(t, data, "data", "taskExecutions", "state") == "COMPLETED" {
			if want := `"jobId":"` + job.ID.String() + `","output":{"ok":true},"logs":{"total":1}`; !strings.Contains(data, want) {
				t.Errorf("got %s, want %s", data, want)
			}
			break
		}
	}
	again := s.stream(`subscription { events(filter: {after: "` + lastID + `", types: [JOB]}) { type state } }`)
	s.Submit(ratchet.JobRequest{Task: "follow"})
	if event, data := again(); event != "next" || !strings.Contains(data, "QUEUED") {
		t.Errorf("after the last event: got %s %s", event, data)
	}
	done := s.stream(`subscription { jobStatus(jobId: "` + job.ID.String() + `") { state } }`)
	if event, data := done(); event != "next" || !strings.Contains(data, "COMPLETED") {
		t.Errorf("of a finished job: got %s %s", event, data)
	}
	if event, _ := done(); event != "complete" {
		t.Errorf("got %s, want complete", event)
	}
}

func TestASubscriptionThatIsRefusedSaysWhy(t *testing.T) {
	t.Parallel()
	s := serve(t)
	c := s.open()
	for query, want := range map[string]string{
		`subscription { jobStatus(jobId: "x") { state } }`:                                             `"jobId"`,
		`subscription { jobStatus(jobId: "` + ratchet.NewID[ratchet.Job]().String() + `") { state } }`: "NOT_FOUND",
		`subscription { events(filter: {jobId: "x"}) { id } }`:                                         `"filter","jobId"`,
		`subscription { taskExecutions(taskId: "nope") { id } }`:                                       "NOT_FOUND",
		`subscription { nothing }`:                                                                     "GRAPHQL_VALIDATION_FAILED",
		`subscription { events { id } jobStatus(jobId: "x") { id } }`:                                  "GRAPHQL_VALIDATION_FAILED",
	} {
		c.subscribe("1", query)
		m := c.receive()
		if m.Type != "error" && m.Type != "next" || !strings.Contains(string(m.Payload), want) {
			t.Errorf("%s: got %s %s, want %s", query, m.Type, m.Payload, want)
		}
		if m.Type == "next" {
			c.receive() // complete
		}
		if event, data := s.stream(query)(); event != "next" || !strings.Contains(data, want) {
			t.Errorf("%s: got %s %s, want %s", query, event, data, want)
		}
	}
	if a := s.ask(`subscription { events { id } }`); a.code() != "BAD_USER_INPUT" || !strings.Contains(a.Errors[0].Message, "text/event-stream") {
		t.Errorf("without a stream: got %+v", a)
	}
}

func TestWhoBreaksTheProtocolIsCutOff(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for name, test := range map[string]struct {
		say  []message
		want websocket.StatusCode
	}{
		"no init":              {[]message{{Type: "subscribe", ID: "1"}}, 4401},
		"two inits":            {[]message{{Type: "connection_init"}, {Type: "connection_init"}}, 4429},
		"nonsense":             {[]message{{Type: "connection_init"}, {Type: "hello"}}, 4400},
		"no id":                {[]message{{Type: "connection_init"}, {Type: "subscribe", Payload: json.RawMessage(`{"query":"{stats{tasks}}"}`)}}, 4400},
		"the same twice":       {[]message{{Type: "connection_init"}, {ID: "1", Type: "subscribe", Payload: json.RawMessage(`{"query":"subscription{events{id}}"}`)}, {ID: "1", Type: "subscribe", Payload: json.RawMessage(`{"query":"subscription{events{id}}"}`)}}, 4409},
		"a key that is no key": {[]message{{Type: "connection_init", Payload: json.RawMessage(`{"Authorization":"Bearer rk_x"}`)}}, 4401},
	} {
		c, _, err := s.dial()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range test.say {
			c.send(m)
		}
		for err == nil {
			_, _, err = c.conn.Read(t.Context())
		}
		if got := websocket.CloseStatus(err); got != test.want {
			t.Errorf("%s: got %d (%v), want %d", name, got, err, test.want)
		}
	}
	if conn, resp, err := websocket.Dial(t.Context(), s.URL+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-ws"}}); err == nil || resp.StatusCode != http.StatusBadRequest {
		t.Errorf("another protocol: got %v, %v", conn, err)
	}
}

// A page of another site must not listen here, unless it is named.
func TestAWebSocketIsForPagesThatMay(t *testing.T) {
	t.Parallel()
	s := serve(t, ratchettest.WithConfig(func(c *config.Config) { c.Server.CORS.AllowedOrigins = []string{"https://*.example.com"} }))
	for origin, may := range map[string]bool{"https://evil.test": false, "null": false, "https://app.example.com": true, s.URL: true, "http://127.0.0.1:1": false} {
		c, resp, err := s.dial("Origin", origin)
		if (err == nil) != may {
			t.Errorf("%s: got %v, want it to be let in: %v", origin, err, may)
		}
		if !may && resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: got %s", origin, resp.Status)
		}
		_ = c
	}
}

func TestAStoppingServerTellsItsSubscribers(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.Register("later", "() => 1")
	job := s.Submit(ratchet.JobRequest{Task: "later", Delay: ratchet.Duration(time.Hour)})
	c, idle := s.open(), s.open()
	c.subscribe("events", `subscription { events { type reason } }`)
	c.subscribe("job", `subscription { jobStatus(jobId: "`+job.ID.String()+`") { state } }`)
	c.receive() // the job as it is
	next := s.stream(`subscription { jobStatus(jobId: "` + job.ID.String() + `") { state } }`)
	next()
	c.subscribe("ready", `{ stats { tasks } }`) // answered once the others listen
	c.receive()
	c.receive()
	s.Begin()
	got := map[string]string{}
	for {
		m := c.receive()
		if m.Type == "closed" {
			got["closed"] = string(m.Payload)
			break
		}
		got[m.ID+" "+m.Type] = string(m.Payload)
	}
	for what, want := range map[string]string{
		"events next": `"type":"END","reason":"the server is stopping"`, "events complete": "", "job error": "the server is stopping", "closed": "StatusGoingAway",
	} {
		if text, is := got[what]; !is || !strings.Contains(text, want) {
			t.Errorf("%s: got %q, want %q in it (%v)", what, text, want, got)
		}
	}
	if event, data := next(); event != "next" || !strings.Contains(data, "the server is stopping") || !strings.Contains(data, `"code":"UNAVAILABLE"`) {
		t.Errorf("got %s %s", event, data)
	}
	if event, _ := next(); event != "complete" {
		t.Errorf("got %s, want complete", event)
	}
	if m := idle.receive(); m.Type != "closed" || !strings.Contains(string(m.Payload), "StatusGoingAway") {
		t.Errorf("without a subscription: got %+v", m)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// Whoever does not read what comes is told that it was too slow, once it reads.
func TestASlowSubscriberIsEndedWithTheReason(t *testing.T) {
	t.Parallel()
	s := serve(t, ratchettest.WithConfig(func(c *config.Config) { c.Events.Buffer = 10 }))
	s.Register("talker", `() => { for (let i = 0; i < 4000; i++) console.log("x".repeat(100)); }`)
	next := s.stream(`subscription { events { type reason log { message } } }`)
	for range 8 {
		s.Wait(s.Submit(ratchet.JobRequest{Task: "talker"}).ID)
	}
	for {
		event, data := next()
		if event != "next" {
			t.Fatalf("got %s %s, want an event of the type END", event, data)
		}
		if strings.Contains(data, `"END"`) {
			if strings.Contains(data, `"reason":null`) {
				t.Errorf("got %s, want a reason", data)
			}
			return
		}
	}
}

func TestASubscriptionEndsWhenItsReaderSaysSo(t *testing.T) {
	t.Parallel()
	s := serve(t)
	c := s.open()
	c.subscribe("1", `subscription { events { id } }`)
	c.send(message{ID: "1", Type: "complete"})
	c.send(message{Type: "ping"})
	if m := c.receive(); m.Type != "pong" {
		t.Errorf("got %+v, want nothing but the pong", m)
	}
	if err := c.conn.Close(websocket.StatusNormalClosure, ""); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Whoever waits for a job hears its end, however many they are.
func TestManySubscribersAllHearTheEnd(t *testing.T) {
	t.Parallel()
	many := 300
	if os.Getenv("RATCHET_TORTURE") != "" {
		many = 5000
	}
	s := serve(t)
	s.Register("later", "() => 42")
	job := s.Submit(ratchet.JobRequest{Task: "later", Delay: ratchet.Duration(time.Hour)})
	clients := make([]*client, many)
	for i := range clients {
		clients[i] = s.open()
		clients[i].subscribe("job", `subscription { jobStatus(jobId: "`+job.ID.String()+`") { state output } }`)
		clients[i].receive()
	}
	s.must(`mutation { retryJob(id: "` + job.ID.String() + `") { id } }`)
	for i, c := range clients {
		last := ""
		m := c.receive()
		for ; m.Type == "next"; m = c.receive() {
			last = string(m.Payload)
		}
		if m.Type != "complete" || last != `{"data":{"jobStatus":{"state":"COMPLETED","output":42}}}` {
			t.Fatalf("subscriber %d: got %s last, then %+v", i, last, m)
		}
	}
}

func TestADeliveryIsToldToWhoFollowsEvents(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.Register("double", "(i) => 2 * i.n")
	next := s.stream(`subscription { events(filter: {types: [DELIVERY]}) { type taskName delivery { state destination target job { status } } } }`)
	s.must(`mutation { executeTask(input: {task: "double", inputData: {n: 1}, destinations: [{type: "file", path: "a.json"}]}) { id } }`)
	for {
		event, data := next()
		if event == "" && data == "" {
			t.Fatal("the stream ended")
		}
		if strings.Contains(data, "DELIVERY") {
			if want := `"type":"DELIVERY","taskName":"double","delivery":{"state":"DELIVERED","destination":"file-1","target":"a.json","job":{"status":"COMPLETED"}}`; !strings.Contains(data, want) {
				t.Errorf("got %s, want %s", data, want)
			}
			return
		}
	}
}
