package destination_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/destination"
)

// event is the end of a job, on its way to the destination.
func event(spec ratchet.Destination, change ...func(*ratchet.DueDelivery)) *destination.Event {
	at := time.Date(2026, 3, 4, 15, 6, 7, 0, time.UTC)
	d := &ratchet.DueDelivery{
		Delivery: ratchet.Delivery{Destination: "out", CreatedAt: at},
		Job: ratchet.Job{
			Task: "report", State: ratchet.JobCompleted, Attempts: 2, Tags: []string{"team=billing", "month: may"},
			Input: json.RawMessage(`{}`), Output: json.RawMessage(`{"b":1.50,"a":[{"x":"<1>","y":null},{"x":"2","z":[1]}],"text":"say \"hi\"\n"}`),
			StartedAt: at.Add(-1500 * time.Millisecond), FinishedAt: at,
		},
		Version: "1.2.0", Spec: spec,
	}
	d.ID, _ = ratchet.ParseID[ratchet.Delivery]("delivery_0198c9d2-0000-7000-8000-000000000001")
	d.Job.ID, _ = ratchet.ParseID[ratchet.Job]("job_0198c9d2-0000-7000-8000-000000000002")
	for _, c := range change {
		c(d)
	}
	return destination.NewEvent(d, destination.Site{Environment: "production", Hostname: "here", Variables: map[string]string{"env_region": "eu"}})
}

func body(t *testing.T, spec ratchet.Destination, change ...func(*ratchet.DueDelivery)) *destination.Body {
	t.Helper()
	b, err := event(spec, change...).Body(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheEnvelopeHasEverythingTheEarlierOneHad(t *testing.T) {
	t.Parallel()
	var got map[string]json.RawMessage
	if err := json.Unmarshal(body(t, ratchet.Destination{Type: "webhook"}).Data, &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"task_name": `"report"`, "task_version": `"1.2.0"`, "status": `"completed"`, "completed_at": `"2026-03-04T15:06:07Z"`, "execution_duration_ms": "1500",
		"error": "null", "metadata": `{"month":" may","team":"billing"}`, "environment": `"production"`, "timestamp": `"2026-03-04T15:06:07Z"`, "execution_id": "null",
		"job_id": `"job_0198c9d2-0000-7000-8000-000000000002"`, "delivery_id": `"delivery_0198c9d2-0000-7000-8000-000000000001"`, "attempts": "2",
		"output": `{"b":1.50,"a":[{"x":"<1>","y":null},{"x":"2","z":[1]}],"text":"say \"hi\"\n"}`, "type": `"job.completed"`,
		"trace_id": `"0198c9d2-0000-7000-8000-000000000002--1772636767"`, "tags": `["team=billing","month: may"]`,
	} {
		if string(got[name]) != want {
			t.Errorf("%s: got %s, want %s", name, got[name], want)
		}
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		spec              ratchet.Destination
		want, contentType string
	}{
		{ratchet.Destination{Type: "webhook", Select: ".output.a[0]"}, `{"x":"<1>","y":null}`, "application/json"},
		{ratchet.Destination{Type: "file", Select: "{b: .output.b, id: 1}"}, "{\n  \"b\": 1.50,\n  \"id\": 1\n}\n", "application/json"},
		{ratchet.Destination{Type: "file", Select: ".output", Format: "json_compact"}, `{"b":1.50,"a":[{"x":"<1>","y":null},{"x":"2","z":[1]}],"text":"say \"hi\"\n"}` + "\n", "application/json"},
		{ratchet.Destination{Type: "file", Select: ".output", Format: "yaml"}, "b: 1.50\na:\n    - x: <1>\n      y: null\n    - x: \"2\"\n      z:\n        - 1\ntext: |\n    say \"hi\"\n", "application/yaml"},
		{ratchet.Destination{Type: "file", Select: ".output.a", Format: "csv"}, "x,y,z\n<1>,,\n2,,[1]\n", "text/csv; charset=utf-8"},
		{ratchet.Destination{Type: "file", Select: `[["a","b"],[1,"x,y"]]`, Format: "csv"}, "a,b\n1,\"x,y\"\n", "text/csv; charset=utf-8"},
		{ratchet.Destination{Type: "file", Select: "[]", Format: "csv"}, "", "text/csv; charset=utf-8"},
		{ratchet.Destination{Type: "file", Select: ".output.text", Format: "raw"}, "say \"hi\"\n", "text/plain; charset=utf-8"},
		{ratchet.Destination{Type: "file", Select: ".output.missing", Format: "raw", ContentType: "text/x-log"}, "null", "text/x-log"},
		{ratchet.Destination{Type: "webhook", Template: `{"text":"{{task_name}} says {{output}}","n":{{attempts}},"all":{{ output }},"v":"{{task_version}}"}`}, `{"text":"report says {\"b\":1.50,\"a\":[{\"x\":\"<1>\",\"y\":null},{\"x\":\"2\",\"z\":[1]}],\"text\":\"say \\\"hi\\\"\\n\"}","n":2,"all":{"b":1.50,"a":[{"x":"<1>","y":null},{"x":"2","z":[1]}],"text":"say \"hi\"\n"},"v":"1.2.0"}`, "application/json"},
		{ratchet.Destination{Type: "webhook", Select: ".output.text", Template: `[{{selected}}, "{{selected}}"]`}, `["say \"hi\"\n", "say \"hi\"\n"]`, "application/json"},
		{ratchet.Destination{Type: "webhook", Template: `{{date}} {{time}} {{meta_team}} {{env_region}} {{duration_ms}} {{unix_timestamp}}`}, `2026-03-04 15-06-07 billing eu 1500 1772636767`, "text/plain; charset=utf-8"},
	} {
		b := body(t, c.spec)
		if string(b.Data) != c.want || b.ContentType != c.contentType {
			t.Errorf("%+v:\ngot  %q %s\nwant %q %s", c.spec, b.Data, b.ContentType, c.want, c.contentType)
		}
	}
	if _, err := event(ratchet.Destination{Type: "file", Select: `[1, {"a":1}]`, Format: "csv"}).Body(t.Context()); err == nil {
		t.Error("a list of unlike things became CSV")
	}
}

func TestEveryVariableOfTheEarlierRatchetWorks(t *testing.T) {
	t.Parallel()
	names := "job_id task_id execution_id task_name task_version timestamp iso_timestamp unix_timestamp date time year month day hour env hostname duration_ms duration_secs" +
		" meta_team env_region job_uuid priority schedule_id environment minute second status output_size"
	for name := range strings.FieldsSeq(names) {
		spec := ratchet.Destination{Type: "file", Path: "x-{{" + name + "}}.json"}
		if wrong := destination.Check(&spec, destination.Where{Tags: []string{"team=x"}, Variables: []string{"env_region"}}); len(wrong) > 0 {
			t.Errorf("%s: %v", name, wrong)
		}
		if p, err := event(spec).Path(); err != nil || strings.Contains(p, "{{") {
			t.Errorf("%s: got %q, %v", name, p, err)
		}
	}
}

func TestValuesStayInTheirPlace(t *testing.T) {
	t.Parallel()
	evil := func(d *ratchet.DueDelivery) {
		d.Job.Tags = []string{"x=../../etc/passwd", "dots=..", "q=a&b=c#d e", "line=a\r\nX-Evil: 1"}
	}
	for spec, want := range map[string]string{
		"out/{{meta_x}}":       "out/.._.._etc_passwd",
		"out/{{meta_dots}}/a":  "out/__/a",
		"{{meta_line}}.txt":    "a__X-Evil_ 1.txt",
		"a/{{execution_id}}/b": "a/b",
	} {
		if got, err := event(ratchet.Destination{Type: "file", Path: spec}, evil).Path(); got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", spec, got, err, want)
		}
	}
	for spec, want := range map[string]string{
		"https://h/a/{{meta_x}}?v={{meta_q}}": "https://h/a/..%2F..%2Fetc%2Fpasswd?v=a%26b%3Dc%23d+e",
		"https://h/{{meta_dots}}/b":           "https://h/%2E%2E/b",
		"https://h/{{meta_q}}/b":              "https://h/a&b=c%23d%20e/b",
		"https://h/${PATH_OF_IT}":             "https://h/T0/B1/x?y=1",
	} {
		got, err := event(ratchet.Destination{Type: "webhook", URL: spec}, evil).URL(map[string]string{"PATH_OF_IT": "T0/B1/x?y=1"})
		if got != want || err != nil {
			t.Errorf("%s: got %q, %v, want %q", spec, got, err, want)
		}
	}
	h := event(ratchet.Destination{Type: "webhook", Headers: map[string]string{"X": "{{meta_line}}"}}, evil)
	if got, err := h.Header("X", nil); got != "a  X-Evil: 1" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestWhatIsWrongWithADestinationIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, pointer, says string }{
		{`{"type":"webhook","url":"https://x/{{jobid}}"}`, "/url", "job_id?"},
		{`{"type":"webhook","url":"https://x/{{output}}"}`, "/url", `"template" only`},
		{`{"type":"webhook","url":"https://x/{{env_home}}"}`, "/url", "delivery.variables"},
		{`{"type":"webhook","url":"https://x/{{meta_nope}}"}`, "/url", "nope=…"},
		{`{"type":"webhook","url":"https://x/{{"}`, "/url", "begins a variable"},
		{`{"type":"webhook","url":"https://{{task_name}}.example.com/"}`, "/url", "behind the host"},
		{`{"type":"webhook","url":"https://example.com{{task_name}}"}`, "/url", "behind the host"},
		{`{"type":"webhook","url":"ftp://example.com/"}`, "/url", "not of http or https"},
		{`{"type":"webhook","url":"https://user:hunter2@example.com/"}`, "/url", "use auth"},
		{`{"type":"webhook","url":"https://example.com/#top"}`, "/url", "never sent"},
		{`{"type":"webhook","url":"https://x/${server:HOME}"}`, "/url", "not the name"},
		{`{"type":"webhook"}`, "/url", "missing"},
		{`{"type":"webhook","url":"https://x/","method":"TRACE"}`, "/method", "not known"},
		{`{"type":"webhook","url":"https://x/","headers":{"Authorization":"Bearer abc"}}`, "/headers/Authorization", "auth"},
		{`{"type":"webhook","url":"https://x/","headers":{"webhook-id":"1"}}`, "/headers/webhook-id", "set by Ratchet"},
		{`{"type":"webhook","url":"https://x/","headers":{"A":"b\r\nC: d"}}`, "/headers/A", "not that of a header"},
		{`{"type":"webhook","url":"https://x/","headers":{"A B":"c"}}`, "/headers/A B", "name of a header"},
		{`{"type":"webhook","url":"https://x/","auth":{}}`, "/auth", "0 ways"},
		{`{"type":"webhook","url":"https://x/","secrets":["hunter2"]}`, "/secrets/0", "whsec_"},
		{`{"type":"webhook","url":"https://x/","secrets":["whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="]}`, "/secrets/0", "whsk_"},
		{`{"type":"webhook","url":"https://x/","secrets":["sealed:AAAA"]}`, "/secrets/0", "how a secret is kept"},
		{`{"type":"webhook","url":"https://x/","secrets":["***"]}`, "/secrets/0", "in place of"},
		{`{"type":"webhook","url":"https://x/","auth":{"bearer":"${UNSET}"}}`, "/auth/bearer", "no value"},
		{`{"type":"webhook","url":"https://x/","retryOn":[200]}`, "/retryOn/0", "never tried again"},
		{`{"type":"webhook","url":"https://x/","retry":{"maxAttempts":1000}}`, "/retry/maxAttempts", "1 to 100"},
		{`{"type":"webhook","url":"https://x/","timeout":"1h"}`, "/timeout", "5m"},
		{`{"type":"webhook","url":"https://x/","path":"a"}`, "/path", "type file only"},
		{`{"type":"webhook","url":"https://x/","select":".output |"}`, "/select", "not jq"},
		{`{"type":"webhook","url":"https://x/","select":"input"}`, "/select", "cannot call input/0"},
		{`{"type":"webhook","url":"https://x/","select":"$ENV.HOME"}`, "/select", "cannot read $ENV"},
		{`{"type":"webhook","url":"https://x/","template":"{{secret_of_mine}}"}`, "/template", "no template variable"},
		{`{"type":"webhook","url":"https://x/","template":"x","format":"csv"}`, "/format", "exclude"},
		{`{"type":"webhook","url":"https://x/","on":"never"}`, "/on", "success, failure, always"},
		{`{"type":"webhook","url":"https://x/","name":"a b"}`, "/name", "letters"},
		{`{"type":"file","path":"../x"}`, "/path", ".."},
		{`{"type":"file","path":"a/../../x"}`, "/path", ".."},
		{`{"type":"file","path":"/etc/passwd"}`, "/path", "relative"},
		{`{"type":"file","path":"a\\b"}`, "/path", "elements"},
		{`{"type":"file","path":"a/"}`, "/path", "folder"},
		{`{"type":"file","path":"a","mode":"999"}`, "/mode", "octal"},
		{`{"type":"file","path":"a","ifExists":"append-it"}`, "/ifExists", "append"},
		{`{"type":"file"}`, "/path", "missing"},
		{`{"type":"stdout","prefix":"a\nb"}`, "/prefix", "one line"},
		{`{"type":"plugin"}`, "/plugin", "missing"},
		{`{"type":"s3","path":"a"}`, "/type", "plugins"},
		{`{}`, "/type", "missing"},
	} {
		var d ratchet.Destination
		if err := json.Unmarshal([]byte(c.text), &d); err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		wrong := destination.Check(&d, destination.Where{Tags: []string{}, Env: func(name string) bool { return name != "UNSET" }})
		if !slices.ContainsFunc(wrong, func(w ratchet.Detail) bool {
			return w.Pointer == c.pointer && strings.Contains(w.Message+" "+w.Expected, c.says)
		}) {
			t.Errorf("%s: got %+v, want %s: … %s …", c.text, wrong, c.pointer, c.says)
		}
		for _, w := range wrong {
			if strings.Contains(w.Message+w.Expected+w.Got, "hunter2") {
				t.Errorf("%s: the secret is repeated: %+v", c.text, w)
			}
		}
	}
}

func TestRightDestinationsPass(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"type":"webhook","url":"https://example.com"}`,
		`{"type":"webhook","url":"https://example.com?job={{job_id}}"}`,
		`{"type":"webhook","url":"${SLACK_URL}"}`,
		`{"type":"webhook","url":"http://127.0.0.1:8080/x/${PART}/{{task_name}}","headers":{"X-Api-Key":"${KEY}","X-Task":"{{task_name}}"},"auth":{"basic":{"username":"u","password":"p"}}}`,
		`{"type":"webhook","url":"https://example.com","secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw","${NEW}"],"method":"put","retryOn":[404,500]}`,
		`{"type":"file","path":"reports/{{year}}/{{job_id}}.json","mode":"0600","ifExists":"backup"}`,
		`{"type":"stderr","prefix":"[{{task_name}}] ","format":"json_compact","on":"always"}`,
		`{"type":"plugin","plugin":"notification","config":{"channel":"#ops"}}`,
	} {
		var d ratchet.Destination
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			t.Fatal(err)
		}
		if wrong := destination.Check(&d, destination.Where{}); len(wrong) > 0 {
			t.Errorf("%s: %+v", text, wrong)
		}
	}
	bundle := ratchet.Destination{Type: "webhook", URL: "https://x/", Auth: &ratchet.WebhookAuth{Bearer: "abc"}}
	if wrong := destination.Check(&bundle, destination.Where{Bundle: true}); len(wrong) != 1 || wrong[0].Pointer != "/auth/bearer" {
		t.Errorf("a secret in a bundle: got %+v", wrong)
	}
	if wrong := destination.CheckAll(make([]ratchet.Destination, 11), destination.Where{}); len(wrong) != 1 {
		t.Errorf("eleven: got %+v", wrong)
	}
	twice := []ratchet.Destination{{Type: "stdout", Name: "a"}, {Type: "stderr", Name: "a"}}
	if wrong := destination.CheckAll(twice, destination.Where{}); len(wrong) != 1 || wrong[0].Pointer != "/1/name" {
		t.Errorf("one name twice: got %+v", wrong)
	}
}

func TestShortForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]ratchet.Destination{
		"webhook=https://x/?a=b":        {Type: "webhook", URL: "https://x/?a=b"},
		"https://x/":                    {Type: "webhook", URL: "https://x/"},
		"file=out/{{job_id}}.json":      {Type: "file", Path: "out/{{job_id}}.json"},
		"file=rows.CSV":                 {Type: "file", Path: "rows.CSV", Format: "csv", Select: ".output"},
		"failure:file=rows.csv":         {Type: "file", Path: "rows.csv", Format: "csv", On: "failure"},
		"success:file=a.b/{{date}}.txt": {Type: "file", Path: "a.b/{{date}}.txt", Format: "raw", Select: ".output", On: "success"},
		"file=all.yml":                  {Type: "file", Path: "all.yml", Format: "yaml"},
		"file=of.csv/all":               {Type: "file", Path: "of.csv/all"},
		"always:stdout":                 {Type: "stdout", On: "always"},
		"failure:plugin=notification":   {Type: "plugin", Plugin: "notification", On: "failure"},
	} {
		got, err := destination.ParseShort(text)
		if err != nil || got.Type != want.Type || got.URL != want.URL || got.Path != want.Path || got.On != want.On || got.Plugin != want.Plugin ||
			got.Format != want.Format || got.Select != want.Select {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "webhook", "webhook=", "s3=x", "stdout=x", "never:stdout"} {
		if _, err := destination.ParseShort(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
