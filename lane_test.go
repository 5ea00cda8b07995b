package ratchet_test

import (
	"slices"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
)

func TestALaneIsTheHostAndATargetTellsNoSecret(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		d            ratchet.Destination
		lane, target string
	}{
		{ratchet.Destination{Type: "webhook", URL: "https://Example.org/a/{{job_id}}?token=s3cret#x"}, "webhook:example.org:443", "https://Example.org/a/{{job_id}}"},
		{ratchet.Destination{Type: "webhook", URL: "http://user:s3cret@example.org:8080"}, "webhook:example.org:8080", "http://example.org:8080"},
		{ratchet.Destination{Type: "webhook", URL: "http://[::1]/x"}, "webhook:[::1]:80", "http://[::1]/x"},
		{ratchet.Destination{Type: "webhook", URL: "http://[::1]:81?a=b"}, "webhook:[::1]:81", "http://[::1]:81"},
		{ratchet.Destination{Type: "webhook", URL: "{{env_url}}/a?b"}, "webhook:{{env_url}}:443", "https://{{env_url}}/a"},
		{ratchet.Destination{Type: "file", Path: "out/{{job_id}}.json"}, "file", "out/{{job_id}}.json"},
		{ratchet.Destination{Type: "stderr"}, "stderr", "stderr"},
		{ratchet.Destination{Type: "plugin", Plugin: "slack"}, "plugin:slack", "slack"},
	} {
		if got := test.d.Lane(); got != test.lane {
			t.Errorf("lane of %s: got %q, want %q", test.d.URL, got, test.lane)
		}
		if got := test.d.Target(); got != test.target {
			t.Errorf("target of %s: got %q, want %q", test.d.URL, got, test.target)
		}
	}
}

func TestNamesOfDestinationsAreThereOnceEach(t *testing.T) {
	t.Parallel()
	got := ratchet.DestinationNames([]ratchet.Destination{
		{Type: "webhook"}, {Type: "webhook", Name: "webhook-1"}, {Type: "file"}, {Type: "webhook"}, {Type: "file", Name: "a"}, {Type: "file", Name: "a"},
	})
	want := []string{"webhook-2", "webhook-1", "file-1", "webhook-3", "a", "a-1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestADestinationIsToldOfTheEndsItWants(t *testing.T) {
	t.Parallel()
	for on, want := range map[ratchet.DeliverWhen][]ratchet.JobState{
		"":                     {ratchet.JobCompleted},
		ratchet.DeliverSuccess: {ratchet.JobCompleted},
		ratchet.DeliverFailure: {ratchet.JobFailed},
		ratchet.DeliverAlways:  {ratchet.JobCompleted, ratchet.JobFailed, ratchet.JobCancelled},
	} {
		var got []ratchet.JobState
		for _, state := range ratchet.JobStates() {
			if (&ratchet.Destination{On: on}).Wants(state) {
				got = append(got, state)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("on %q: got %v, want %v", on, got, want)
		}
	}
}
