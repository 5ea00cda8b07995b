package rest_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/rest"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func TestABodyIsWhatItsSenderMeantOrRefused(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, test := range []struct {
		body      string
		malformed bool
		pointers  []string // of what is wrong
	}{
		{body: `{"task":"a","input":{"n":123456789012345678901234567890.5e400,"n2":-0.0e-1},"timeout":30,"retry":{"factor":1.5},"tags":["é"]}`},
		{body: ` { "task" : null , "input" : null } `},
		{body: `{"input":` + deep(99) + `}`},
		{body: `{"input":` + deep(100) + `}`, malformed: true, pointers: []string{"/input" + strings.Repeat("/0", 99)}},
		{body: `{"input":` + strings.Repeat("[", 100_000), malformed: true, pointers: []string{"/input" + strings.Repeat("/0", 99)}},
		{body: `{"input":` + strings.Repeat(`{"a":`, 100_000), malformed: true, pointers: []string{"/input" + strings.Repeat("/a", 99)}},
		{body: `{"task":"a","task":"b"}`, malformed: true, pointers: []string{"/task"}},
		{body: `{"task":"a","t\u0061sk":"b"}`, malformed: true, pointers: []string{"/task"}},
		{body: `{"input":{"a":1,"b":[{"c/~":1,"c/~":2}]}}`, malformed: true, pointers: []string{"/input/b/0/c~1~0"}},
		{body: `{} {}`, malformed: true, pointers: []string{""}},
		{body: `{"task":"a"`, malformed: true, pointers: []string{""}},
		{body: `{"task":"a",}`, malformed: true, pointers: []string{""}},
		{body: `{'task':"a"}`, malformed: true, pointers: []string{""}},
		{body: `{"task":tru}`, malformed: true, pointers: []string{"/task"}},
		{body: `{"task":"a` + "\n" + `"}`, malformed: true, pointers: []string{"/task"}},
		{body: `{"task":"\x"}`, malformed: true, pointers: []string{"/task"}},
		{body: `{"task":"\u12g4"}`, malformed: true, pointers: []string{"/task"}},
		{body: "{\"task\":\"\xff\"}", malformed: true, pointers: []string{""}},
		{body: "\xef\xbb\xbf{}", malformed: true, pointers: []string{""}},
		{body: `{"input":01}`, malformed: true, pointers: []string{"/input"}},
		{body: `{"input":1.}`, malformed: true, pointers: []string{"/input"}},
		{body: `{"input":.5}`, malformed: true, pointers: []string{"/input"}},
		{body: `{"input":1e}`, malformed: true, pointers: []string{"/input"}},
		{body: `{"input":NaN}`, malformed: true, pointers: []string{"/input"}},
		{body: `[]`, pointers: []string{""}},
		{body: `"a"`, pointers: []string{""}},
		{body: `null`, pointers: []string{""}},
		{body: `{"task":5,"Task":"a","priorty":"low","priority":"medium","maxAttempts":1.5,"timeout":"soon","tags":["a",null,7],"latest":"yes","runAt":"tomorrow","retry":[],"concurrency":{"key":"a","max":1,"min":0}}`, pointers: []string{
			"/task", "/Task", "/priorty", "/priority", "/maxAttempts", "/timeout", "/tags/1", "/tags/2", "/latest", "/runAt", "/retry", "/concurrency/min",
		}},
		{body: `{"maxAttempts":99999999999999999999,"priority":1,"runAt":5,"task":{"a":1},"tags":"a","task":"\u0000"}`, malformed: true, pointers: []string{"/maxAttempts", "/priority", "/runAt", "/task", "/tags", "/task", "/task"}},
	} {
		faults, malformed := rest.Scan[ratchet.JobRequest]([]byte(test.body))
		var pointers []string
		for _, f := range faults {
			pointers = append(pointers, f.Pointer)
			if f.Message == "" || f.Expected == "" && !strings.Contains(f.Message, "want") && !strings.Contains(f.Message, "Supported") {
				t.Errorf("%.60s: got %+v, which names no remedy", test.body, f)
			}
		}
		if malformed != test.malformed || !slices.Equal(pointers, test.pointers) {
			t.Errorf("%.60s: got %v, %q, want %v, %q", test.body, malformed, pointers, test.malformed, test.pointers)
		}
	}
}

func TestAnUnknownMemberNamesTheNearest(t *testing.T) {
	t.Parallel()
	faults, _ := rest.Scan[ratchet.JobRequest]([]byte(`{"priorty":"low"}`))
	if len(faults) != 1 || !strings.HasPrefix(faults[0].Expected, "priority?") || !strings.Contains(faults[0].Expected, "maxAttempts") {
		t.Errorf("got %+v", faults)
	}
}

// What passes the scanner is what encoding/json reads, and whatever it reads not
// the scanner refuses.
func FuzzScanAgreesWithEncodingJSON(f *testing.F) {
	for _, seed := range []string{
		sum, `{"jobs":[{"task":"a","timeout":"1s","retry":{"jitter":0.5}}]}`, `{"a":{"a":[1,2,{"b":null}]}}`, `{"\ud800":"\n"}`, `[[1e5,-0,""]]`, `{"a":1,"a":2}`, " ", `"\u0000"`, `{"jobs":[{"runAt":"2026-01-01T00:00:00Z","tags":["x"],"input":[]}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, malformed := rest.Scan[json.RawMessage](data)
		if !malformed && !json.Valid(data) {
			t.Errorf("%q is no JSON, and passed", data)
		}
		faults, _ := rest.Scan[service.SubmitJobs](data)
		var into service.SubmitJobs
		if err := json.Unmarshal(data, &into); err != nil && len(faults) == 0 {
			t.Errorf("%q passed, but: %v", data, err)
		}
		if len(faults) > 200 {
			t.Errorf("%d faults", len(faults))
		}
	})
}

func FuzzListQuery(f *testing.F) {
	for _, seed := range []string{
		"status=queued&_sort=-id&_start=0&_end=5", "created_at_gte=2026-01-01T00:00:00Z&page=2", "priority_in=low,high&cursor=x", "id=job_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69", "%", "a;b", "_order=asc", "tags=a&tags=b", "task=%00", "limit=-1&offset=99999999999999999999", "_sort=task,-task",
	} {
		f.Add(seed)
	}
	fields := map[string]ratchet.Field{}
	for _, field := range ratchet.JobFields() {
		fields[field.Name] = field
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := rest.List(raw)
		if err != nil {
			return
		}
		if q.Limit < 1 || q.Limit > ratchet.MaxLimit || q.Offset < 0 || q.After != "" && q.Offset > 0 {
			t.Errorf("%q: got the page %+v", raw, q)
		}
		for _, filter := range q.Filters {
			if !slices.Contains(fields[filter.Field].Kind.Ops(), filter.Op) || len(filter.Values) == 0 {
				t.Errorf("%q: got the filter %+v", raw, filter)
			}
			if strings.ContainsFunc(strings.Join(filter.Values, ""), func(r rune) bool { return r < ' ' }) {
				t.Errorf("%q: got the control characters %q", raw, filter.Values)
			}
		}
		for _, s := range q.Sort {
			if !fields[s.Field].Sort {
				t.Errorf("%q: got the sort %+v", raw, s)
			}
		}
	})
}
