package ratchet_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go"
)

func TestADestinationOfTheEarlierRatchetIsReadAsOneOfToday(t *testing.T) {
	t.Parallel()
	for old, today := range map[string]string{
		`{"type":"filesystem","path":"out/{{task_name}}.json","format":"json","permissions":420,"create_dirs":true,"overwrite":false,"backup_existing":false}`: `{"type":"file","path":"out/{{task_name}}.json","format":"json","mode":"0644"}`,
		`{"type":"filesystem","path":"a","permissions":"644","overwrite":true}`:                                                                                `{"type":"file","path":"a","mode":"644","ifExists":"overwrite"}`,
		`{"type":"filesystem","path":"a","overwrite":true,"backup_existing":true,"format":{"template":"{{job_id}}"}}`:                                          `{"type":"file","path":"a","ifExists":"backup","template":"{{job_id}}"}`,
		`{"type":"webhook","url":"https://x/{{job_id}}","timeout_seconds":30,"content_type":"text/plain",
		  "retry_policy":{"max_attempts":3,"initial_delay":1,"max_delay":60,"backoff_multiplier":2.0,"jitter":true,"retry_on_status":[429,500]},"auth":{"bearer":{"token":"t"}}}`: `{"type":"webhook","url":"https://x/{{job_id}}","timeout":"30s","contentType":"text/plain","retryOn":[429,500],
		  "retry":{"maxAttempts":3,"initialDelay":"1s","maxDelay":"1m","factor":2},"auth":{"bearer":"t"}}`,
		`{"type":"webhook","url":"https://x","auth":{"type":"bearer","token":"t"}}`:                    `{"type":"webhook","url":"https://x","auth":{"bearer":"t"}}`,
		`{"type":"webhook","url":"https://x","auth":{"api_key":{"header":"X-K","key":"k"}}}`:           `{"type":"webhook","url":"https://x","auth":{"apiKey":{"header":"X-K","key":"k"}}}`,
		`{"type":"webhook","url":"https://x","auth":{"type":"basic","username":"u","password":"p"}}`:   `{"type":"webhook","url":"https://x","auth":{"basic":{"username":"u","password":"p"}}}`,
		`{"destinationType":"filesystem","filesystem":{"path":"a","format":"YAML"}}`:                   `{"type":"file","path":"a","format":"yaml"}`,
		`{"destinationType":"stdio","stdio":{"stream":"stderr","includeMetadata":true,"prefix":"> "}}`: `{"type":"stderr","prefix":"> "}`,
		`{"destinationType":"webhook","webhook":{"url":"https://x","method":"PUT","timeoutSeconds":5,"retryPolicy":{"maxAttempts":2,"initialDelaySeconds":1},
		  "authentication":{"authType":"api_key","apiKey":{"key":"k","headerName":"X-K"}}}}`: `{"type":"webhook","url":"https://x","method":"PUT","timeout":"5s","retry":{"maxAttempts":2,"initialDelay":"1s"},"auth":{"apiKey":{"header":"X-K","key":"k"}}}`,
	} {
		var got, want ratchet.Destination
		if err := json.Unmarshal([]byte(old), &got); err != nil {
			t.Errorf("%s: %v", old, err)
			continue
		}
		if err := json.Unmarshal([]byte(today), &want); err != nil {
			t.Fatalf("%s: %v", today, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", old, diff)
		}
	}
}

func TestADestinationThatCannotBeReadSaysWhereAndWhatWouldBeRight(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		`{"type":"webhook","ulr":"x"}`:                        {"/ulr", `"ulr" is not known here, expected url? Allowed is one of type, name`},
		`{"type":"webhook","url":7}`:                          {"/url", "url has the wrong type, expected a string"},
		`{"type":"webhook","retry":{"maxAttempts":"x"}}`:      {"/retry/maxAttempts", "maxAttempts has the wrong type, expected a number"},
		`{"type":"webhook","timeout":"soon"}`:                 {"/timeout", "soon"},
		`["webhook"]`:                                         {"", `a destination has the wrong type, expected an object such as {"type": "webhook"`},
		`"webhook"`:                                           {"", "a destination has the wrong type"},
		`{"type":"database","connection_string":"postgres:"}`: {"/type", "there is no such type of destination, expected webhook, file, stdout, stderr or plugin"},
	} {
		var d ratchet.Destination
		err := ratchet.AsError(json.Unmarshal([]byte(text), &d))
		if err == nil || len(err.Details) == 0 {
			t.Errorf("%s: got %v, want an error with a detail", text, err)
			continue
		}
		if err.Details[0].Pointer != want[0] || !strings.Contains(err.Message, want[1]) {
			t.Errorf("%s: got %q at %q, want %q at %q", text, err.Message, err.Details[0].Pointer, want[1], want[0])
		}
	}
}

func TestOfASecretOnlyItsVariableIsShown(t *testing.T) {
	t.Parallel()
	var d ratchet.Destination
	text := `{"type":"webhook","url":"https://x","secrets":["sealed:aaaa","whsec_bbbb","${HOOK_SECRET}"],
		"auth":{"bearer":"cccc","basic":{"username":"u","password":"sealed:dddd"},"apiKey":{"header":"X-K","key":"eeee"}}}`
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal(ratchet.Shown([]ratchet.Destination{d}))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"aaaa", "bbbb", "cccc", "dddd", "eeee"} {
		if strings.Contains(string(shown), secret) {
			t.Errorf("%s shows %s", shown, secret)
		}
	}
	if !strings.Contains(string(shown), "${HOOK_SECRET}") || !strings.Contains(string(shown), `"username":"u"`) {
		t.Errorf("%s hides what is no secret", shown)
	}
	if d.Auth.Bearer != "cccc" || d.Secrets[0] != "sealed:aaaa" {
		t.Errorf("the original was changed: %+v", d)
	}
}
