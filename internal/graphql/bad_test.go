package graphql_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
)

// hostile are requests that would cost much, if they were let.
func hostile() map[string]string {
	query := func(text string) string { return `{"query":` + quote(text) + `}` }
	deep := func(n int) string {
		return query("{ jobs { items " + strings.Repeat("{ task { jobs ", n/2) + "{ id }" + strings.Repeat(" } }", n/2) + "} }")
	}
	var aliases, fields, cycle, doubled strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&aliases, "a%d: stats { tasks } ", i)
	}
	fields.WriteString(strings.Repeat("stats { tasks } ", 2500))
	for i := range 100 {
		fmt.Fprintf(&cycle, "fragment f%d on Job { task { jobs { ...f%d } } } ", i, (i+1)%100)
	}
	for i := range 30 {
		fmt.Fprintf(&doubled, "fragment f%d on Job { task { jobs { ...f%d } } schedule { lastJob { ...f%d } } } ", i, i+1, i+1)
	}
	return map[string]string{
		"a depth of 1,000":         deep(1000),
		"a depth of 100,000":       deep(100_000),
		"a depth of 16":            deep(14),
		"10,000 aliases":           query("{ " + aliases.String() + "}"),
		"101 aliases":              query("{ " + strings.Join(strings.SplitAfterN(aliases.String(), "} ", 102)[:101], "") + "}"),
		"2,500 times a field":      query("{ " + fields.String() + "}"),
		"1,000 operations":         "[" + strings.TrimSuffix(strings.Repeat(`{"query":"{stats{tasks}}"},`, 1000), ",") + "]",
		"a cycle of fragments":     query("{ jobs { items { ...f0 } } } " + cycle.String()),
		"a fragment in itself":     query("{ jobs { items { ...f } } } fragment f on Job { id ...f }"),
		"fragments that double":    query("{ jobs { items { ...f0 } } } " + doubled.String() + "fragment f30 on Job { id }"),
		"lists of lists":           query("{ jobs(limit: 100) { items { executions(last: 100) { id } } } }"),
		"a list that is too long":  query("{ jobs(limit: 1001) { items { id } } }"),
		"a schema of schemas":      query("{ __schema " + strings.Repeat("{ types { fields { type ", 10) + "{ name }" + strings.Repeat(" } } }", 10) + " }"),
		"a batch that costs much":  "[" + strings.TrimSuffix(strings.Repeat(`{"query":"{jobs(limit:500){items{id}}}"},`, 3), ",") + "]",
		"a document without end":   query(strings.Repeat("{ a ", 200_000)),
		"a million brackets":       `{"query":"{health{status}}","variables":` + strings.Repeat("[", 1_000_000) + `}`,
		"many errors":              query("{ " + strings.Repeat("nothing ", 900) + "}"),
		"a text of a megabyte":     query(`{ task(id: "` + strings.Repeat("x", 1<<20) + `") { id } }`),
		"a directive ten thousand": query("{ stats { tasks " + strings.Repeat("@skip(if: true) ", 10_000) + "} }"),
	}
}

// It is refused before anything is done, and soon: the time is that of the
// fastest of some tries, so that a busy machine does not count.
func TestHostileDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for name, body := range hostile() {
		best := time.Hour
		for range 5 {
			s.operations()
			begun := time.Now()
			status, _, answered := s.send("application/json", []byte(body))
			best = min(best, time.Since(begun))
			if !strings.Contains(string(answered), `"errors":[`) || status >= http.StatusInternalServerError {
				t.Errorf("%s: got %d %.300s", name, status, answered)
				break
			}
			if used := s.operations(); len(used) > 0 && name != "a batch that costs much" {
				t.Errorf("%s: it did %v", name, used)
			}
			if len(answered) > 10_000 {
				t.Errorf("%s: got an answer of %d bytes", name, len(answered))
			}
		}
		t.Logf("%-25s %7.2f ms", name, float64(best.Microseconds())/1000)
	}
	if got := s.must(`{ stats { tasks } }`); got != `{"stats":{"tasks":0}}` {
		t.Errorf("after that: got %s", got)
	}
}

func TestAWrongValueIsToldWithItsPath(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.Register("a", "() => 1")
	other := ratchet.NewID[ratchet.Task]().String()
	for query, want := range map[string]string{
		`{ job(id: "x") { id } }`:                                                                               `BAD_USER_INPUT ["job","id"]`,
		`{ j: job(id: "` + other + `") { id } }`:                                                                `BAD_USER_INPUT ["j","id"]`,
		`{ execution(id: 7) { id } }`:                                                                           `BAD_USER_INPUT ["execution","id"]`,
		`{ jobs(filters: {state: NOPE}) { items { id } } }`:                                                     `GRAPHQL_VALIDATION_FAILED ["jobs","filters","state"]`,
		`{ jobs(filters: {stateIn: [QUEUED, NOPE]}) { items { id } } }`:                                         `GRAPHQL_VALIDATION_FAILED ["jobs","filters","stateIn",1]`,
		`{ jobs(sort: [{field: INPUT}]) { items { id } } }`:                                                     `GRAPHQL_VALIDATION_FAILED ["jobs","sort",0,"field"]`,
		`{ jobs(filters: {createdAfter: "yesterday"}) { items { id } } }`:                                       `BAD_USER_INPUT ["jobs","filters","createdAfter"]`,
		`{ jobs(filters: {idIn: []}) { items { id } } }`:                                                        `BAD_USER_INPUT ["jobs","filters","idIn"]`,
		`{ jobs(filters: {id: "7"}) { items { id } } }`:                                                         `BAD_USER_INPUT ["jobs"]`,
		`{ jobs(limit: 0) { items { id } } }`:                                                                   `BAD_USER_INPUT ["jobs","limit"]`,
		`{ jobs(offset: -1) { items { id } } }`:                                                                 `BAD_USER_INPUT ["jobs","offset"]`,
		`{ jobs(offset: 1, after: "x") { items { id } } }`:                                                      `BAD_USER_INPUT ["jobs","after"]`,
		`{ jobs(after: "x") { items { id } } }`:                                                                 `BAD_USER_INPUT ["jobs"]`,
		`{ jobs { items { nope } } }`:                                                                           `GRAPHQL_VALIDATION_FAILED ["jobs","items","nope"]`,
		`{ jobs(nope: 1) { items { id } } }`:                                                                    `GRAPHQL_VALIDATION_FAILED ["jobs"]`,
		`{ job { id } }`:                                                                                        `GRAPHQL_VALIDATION_FAILED ["job"]`,
		`{ jobs { items { executions(last: 0) { id } } } } `:                                                    `no error null`,
		`{ job(id: "` + other[5:] + `") { id } }`:                                                               `no error null`,
		`{ task(id: "nope") { id } }`:                                                                           `no error null`,
		`{ task(id: "a") { id jobs(last: 0) { id } } }`:                                                         `BAD_USER_INPUT ["task","jobs","last"]`,
		`{ env(taskId: "nope") { name } }`:                                                                      `NOT_FOUND ["env"]`,
		`mutation { cancelJob(id: "x") { id } }`:                                                                `BAD_USER_INPUT ["cancelJob","id"]`,
		`mutation { cancelJobs(filters: {}) { matched } }`:                                                      `BAD_USER_INPUT ["cancelJobs","filters"]`,
		`mutation { executeTask(input: {task: "nope"}) { id } }`:                                                `NOT_FOUND ["executeTask"]`,
		`mutation { executeTask(input: {task: "a", timeout: "x"}) { id } }`:                                     `BAD_USER_INPUT ["executeTask","input","timeout"]`,
		`mutation { executeTask(input: {task: "a", priority: X}) { id } }`:                                      `GRAPHQL_VALIDATION_FAILED ["executeTask","input","priority"]`,
		`mutation { executeTask(input: {task: "a", maxAttempts: -1}) { id } }`:                                  `BAD_USER_INPUT ["executeTask"]`,
		`mutation { registerTask(input: {}) { created } }`:                                                      `BAD_USER_INPUT ["registerTask","input"]`,
		`mutation { registerTask(input: {archive: "!"}) { created } }`:                                          `BAD_USER_INPUT ["registerTask","input","archive"]`,
		`mutation { registerTask(input: {archive: "eA=="}) { created } }`:                                       `BAD_USER_INPUT ["registerTask"]`,
		`mutation { updateSchedule(id: "x", input: {name: null}) { id } }`:                                      `BAD_USER_INPUT ["updateSchedule","input","name"]`,
		`mutation { setEnv(taskId: "a", values: [{name: "A", value: "1"}, {name: "A", value: "2"}]) { name } }`: `BAD_USER_INPUT ["setEnv","values"]`,
		`{ a: stats { tasks }`:                                                                                  `GRAPHQL_PARSE_FAILED null`,
		``:                                                                                                      `BAD_USER_INPUT null`,
		`fragment f on Job { id }`:                                                                              `BAD_USER_INPUT null`,
	} {
		a := s.ask(query)
		if got := a.code() + " " + a.path(); got != want && !(want == "no error null" && a.code() == "no error") {
			t.Errorf("%s: got %s, want %s: %+v", query, got, want, a.Errors)
		}
	}
	for variables, want := range map[string]string{
		`{"f":{"state":"NOPE"}}`: `["variable","f","state"]`, `{"f":{"nope":1}}`: `["variable","f","nope"]`, `{"f":7}`: `["variable","f"]`, `{"f":{"attempts":"many"}}`: `["variable","f","attempts"]`,
		`{"f":{"attempts":1.5}}`: `["variable","f","attempts"]`, `{"f":{"task":7}}`: `["variable","f","task"]`,
	} {
		_, _, body := s.send("application/json", []byte(`{"query":"query($f: JobFiltersInput) { jobs(filters: $f) { items { id } } }","variables":`+variables+`}`))
		var a answer
		if err := json.Unmarshal(body, &a); err != nil || a.path() != want || a.code() != "BAD_USER_INPUT" {
			t.Errorf("%s: got %s, want %s", variables, body, want)
		}
	}
}

func TestARequestThatCannotBeReadIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, test := range []struct {
		kind, body string
		status     int
	}{
		{"application/json", `{`, 400},
		{"application/json", ``, 400},
		{"application/json", `[]`, 400},
		{"application/json", `[1]`, 400},
		{"application/json", `{"query":7}`, 400},
		{"text/plain", `{"query":"{stats{tasks}}"}`, 415},
		{"", `{}`, 415},
		{"multipart/form-data; boundary=x", "--x--", 400},
		{"multipart/form-data", "x", 400},
		{"application/json", `{"query":"{stats{tasks}}","variables":[]}`, 200},
	} {
		if status, _, body := s.send(test.kind, []byte(test.body)); status != test.status || !strings.Contains(string(body), `"errors":[`) {
			t.Errorf("%s %s: got %d %s, want %d", test.kind, test.body, status, body, test.status)
		}
	}
	for method, want := range map[string]int{http.MethodPut: 405, http.MethodDelete: 405, http.MethodOptions: 204} {
		r, _ := http.NewRequestWithContext(t.Context(), method, s.URL+"/graphql", nil)
		if status, header, _ := s.roundTrip(r); status != want || header.Get("Allow") == "" {
			t.Errorf("%s: got %d, want %d", method, status, want)
		}
	}
	if status, header, _ := s.send("application/json", []byte(`{"query":"{nope}"}`), "Accept", "application/graphql-response+json"); status != 400 || !strings.HasPrefix(header.Get("Content-Type"), "application/graphql-response+json") {
		t.Errorf("got %d %v", status, header)
	}
}

func (s *server) get(query url.Values, headers ...string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.URL+"/graphql?"+query.Encode(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	status, _, body := s.roundTrip(r, headers...)
	return status, string(body)
}

func TestAQueryMayComeByGETAndByItsHash(t *testing.T) {
	t.Parallel()
	s := serve(t)
	query := `query Count($n: Int) { jobs(limit: $n) { meta { limit } } }`
	if _, got := s.get(url.Values{"query": {query}, "variables": {`{"n":3}`}}); got != `{"data":{"jobs":{"meta":{"limit":3}}}}` {
		t.Errorf("got %s", got)
	}
	if _, got := s.get(url.Values{"query": {`mutation { pauseAll { paused } }`}}); !strings.Contains(got, "METHOD_NOT_ALLOWED") {
		t.Errorf("got %s", got)
	}
	if _, got := s.get(url.Values{"query": {`mutation { pauseAll { paused } }`}}, "Accept", "text/event-stream"); !strings.Contains(got, "METHOD_NOT_ALLOWED") {
		t.Errorf("got %s", got)
	}
	if got := s.must(`{ stats { paused } }`); !strings.Contains(got, "false") {
		t.Error("a GET paused everything")
	}
	sum := sha256.Sum256([]byte(query))
	extensions := `{"persistedQuery":{"version":1,"sha256Hash":"` + hex.EncodeToString(sum[:]) + `"}}`
	if _, got := s.get(url.Values{"extensions": {extensions}}); !strings.Contains(got, "PERSISTED_QUERY_NOT_FOUND") {
		t.Errorf("got %s", got)
	}
	if _, _, got := s.send("application/json", []byte(`{"query":`+quote(query)+`,"extensions":`+extensions+`}`)); !strings.Contains(string(got), `"limit":25`) {
		t.Errorf("got %s", got)
	}
	if _, got := s.get(url.Values{"extensions": {extensions}, "variables": {`{"n":4}`}}); !strings.Contains(got, `"limit":4`) {
		t.Errorf("got %s", got)
	}
	if _, _, got := s.send("application/json", []byte(`{"query":"{stats{tasks}}","extensions":`+extensions+`}`)); !strings.Contains(string(got), "not the hash") {
		t.Errorf("got %s", got)
	}
	if _, _, got := s.send("application/json", []byte(`[{"query":"{stats{tasks}}"},{"query":"{nope}"},{"query":"query a{stats{paused}} query b{stats{tasks}}","operationName":"a"}]`)); !strings.HasPrefix(string(got), `[{"data":{"stats":{"tasks":0}}},{"errors":[`) || !strings.HasSuffix(string(got), `{"data":{"stats":{"paused":false}}}]`) {
		t.Errorf("got %s", got)
	}
}

func TestATaskIsUploadedAsAFile(t *testing.T) {
	t.Parallel()
	s := serve(t)
	form := func(query, variables, places string) (int, string) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		w.WriteField("operations", `{"query":`+quote(query)+`,"variables":`+variables+`}`)
		w.WriteField("map", places)
		f, _ := w.CreateFormFile("0", "task.zip")
		f.Write(ratchettest.Zip(t, "uploaded", map[string]string{"main.js": "() => 1"}))
		w.Close()
		status, _, body := s.send(w.FormDataContentType(), b.Bytes())
		return status, string(body)
	}
	const query = `mutation($file: Upload!) { registerTask(input: {file: $file}) { created task { name } } }`
	if _, got := form(query, `{"file":null}`, `{"0":["variables.file"]}`); got != `{"data":{"registerTask":{"created":true,"task":{"name":"uploaded"}}}}` {
		t.Errorf("got %s", got)
	}
	if _, got := form(`mutation($in: RegisterTaskInput!) { registerTask(input: $in) { created } }`, `{"in":{"file":null}}`, `{"0":["variables.in.file"]}`); got != `{"data":{"registerTask":{"created":false}}}` {
		t.Errorf("got %s", got)
	}
	for _, places := range []string{`{}`, `{"0":["operations"]}`, `7`} {
		if status, got := form(query, `{"file":null}`, places); status != 400 || !strings.Contains(got, "errors") {
			t.Errorf("%s: got %d %s", places, status, got)
		}
	}
}

func TestAKeyDoesWhatItsScopeAllows(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.Register("a", "() => 1")
	keys := map[ratchet.Scope]string{}
	for _, scope := range ratchet.Scopes() {
		k, err := s.Service().CreateKey.Call(s.Context(), ratchet.KeyRequest{Name: string(scope), Scopes: []ratchet.Scope{scope}})
		if err != nil {
			t.Fatal(err)
		}
		keys[scope] = k.Text
	}
	for query, needs := range map[string]int{
		`{ tasks { items { id } } }`:                          0,
		`{ health { status } }`:                               0,
		`mutation { executeTask(input: {task: "a"}) { id } }`: 1,
		`mutation { pauseTask(id: "a") { id } }`:              2,
		`{ keys { items { id } } }`:                           2,
	} {
		for i, scope := range ratchet.Scopes() {
			s.key = keys[scope]
			want := "FORBIDDEN"
			if i >= needs {
				want = "no error"
			}
			if got := s.ask(query).code(); got != want {
				t.Errorf("%s with %s: got %s, want %s", query, scope, got, want)
			}
		}
	}
	s.key = keys[ratchet.ScopeRead]
	if a := s.ask(`{ tasks { items { name } } keys { items { id } } }`); a.path() != `["keys"]` || string(a.Data) != "null" {
		t.Errorf("got %s %+v", a.Data, a.Errors)
	}
}

// Where keys are needed, a browser gets the page and nothing else; it shows its key
// in the first message of a WebSocket.
func TestWithoutAKeyThereIsOnlyThePage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := serve(t, ratchettest.InDir(dir))
	k, err := first.Service().CreateKey.Call(first.Context(), ratchet.KeyRequest{Name: "r", Scopes: []ratchet.Scope{ratchet.ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	s := serve(t, ratchettest.InDir(dir), ratchettest.WithConfig(func(c *config.Config) { c.Auth.RequireKeys = true }))
	if status, _, body := s.send("application/json", []byte(`{"query":"{__schema{types{name}}}"}`)); status != 401 || !strings.Contains(string(body), `"code":"UNAUTHENTICATED"`) {
		t.Errorf("got %d %s", status, body)
	}
	if status, body := s.get(nil, "Accept", "text/html"); status != 200 || !strings.Contains(body, "graphiql.min.js") {
		t.Errorf("got %d %.100s", status, body)
	}
	c, _, err := s.dial()
	if err != nil {
		t.Fatal(err)
	}
	c.send(message{Type: "connection_init"})
	if m := c.receive(); m.Type != "closed" || !strings.Contains(string(m.Payload), "4401") {
		t.Errorf("without a key: got %+v", m)
	}
	if c, _, err = s.dial(); err != nil {
		t.Fatal(err)
	}
	c.send(message{Type: "connection_init", Payload: json.RawMessage(`{"Authorization":"Bearer ` + k.Text + `"}`)})
	if m := c.receive(); m.Type != "connection_ack" {
		t.Errorf("with a key: got %+v", m)
	}
	c.subscribe("1", `{ tasks { meta { total } } }`)
	if m := c.receive(); string(m.Payload) != `{"data":{"tasks":{"meta":{"total":0}}}}` {
		t.Errorf("got %s", m.Payload)
	}
}

func TestThePageLoadsOnlyWhatIsHere(t *testing.T) {
	t.Parallel()
	s := serve(t)
	_, index := s.get(nil, "Accept", "text/html,application/xhtml+xml")
	if strings.Contains(index, "//") {
		t.Errorf("the page names another place: %s", index)
	}
	parts := 0
	for _, piece := range strings.Split(index, `"/graphql/`)[1:] {
		name, _, _ := strings.Cut(piece, `"`)
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/graphql/"+name, nil)
		status, header, body := s.roundTrip(r)
		if status != 200 || len(body) < 20 || strings.HasPrefix(string(body), "\x1f\x8b") || header.Get("Content-Type") == "" {
			t.Errorf("%s: got %d %v, %d bytes", name, status, header, len(body))
		}
		if status, _, again := s.roundTrip(r, "If-None-Match", header.Get("Etag")); status != http.StatusNotModified || len(again) > 0 {
			t.Errorf("%s: got %d for what is known", name, status)
		}
		parts++
	}
	if parts != 6 {
		t.Errorf("the page has %d parts", parts)
	}
	for path, want := range map[string]int{"LICENSES.txt": 200, "nothing.js": 404, "../graphql/page.js": 404} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/graphql/"+path, nil)
		if status, _, _ := s.roundTrip(r); status != want && !strings.HasPrefix(path, "..") {
			t.Errorf("%s: got %d, want %d", path, status, want)
		}
	}
}
