package bundle_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

func withDestinations(t *testing.T, destinations string) (*bundle.Bundle, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"main.js":       "() => 1",
		"metadata.json": "{\n  \"name\": \"t\", \"version\": \"1.0.0\", \"permissions\": {\"env\": [\"TOKEN\"]},\n  \"destinations\": " + destinations + "\n}",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return bundle.Load(t.Context(), dir, bundle.Options{})
}

func TestATaskNamesDestinationsWhoseSecretsAreVariables(t *testing.T) {
	t.Parallel()
	b, err := withDestinations(t, `[{"type": "webhook", "url": "https://example.com/{{env_region}}/{{job_id}}", "auth": {"bearer": "${TOKEN}"}}]`)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Destinations) != 1 || b.Destinations[0].Auth.Bearer != "${TOKEN}" {
		t.Errorf("got %+v", b.Destinations)
	}
	for destinations, want := range map[string][2]string{
		`{"type": "stdout"}`: {"/destinations", "destinations has the wrong type"},
		`[{"type": "webhook", "url": "https://example.com/", "auth": {"bearer": "plain"}}]`:    {"/destinations/0/auth/bearer", "must not hold secrets"},
		`[{"type": "webhook", "url": "https://example.com/", "auth": {"bearer": "${OTHER}"}}]`: {"/destinations/0/auth/bearer", "does not declare this variable"},
		`[{"type": "webhook", "ulr": "https://example.com/"}]`:                                 {"/destinations/0/ulr", `"ulr" is not known here`},
		`[{"type": "file", "path": "../{{job_id}}"}]`:                                          {"/destinations/0/path", ""},
		`[{"type": "stdout"}, {"type": "file", "path": "{{nobody}}"}]`:                         {"/destinations/1/path", `there is no template variable "nobody"`},
	} {
		_, err := withDestinations(t, destinations)
		e := ratchet.AsError(err)
		if err == nil || len(e.Details) == 0 || e.Details[0].Pointer != want[0] || !strings.Contains(e.Details[0].Message, want[1]) || e.Details[0].Line != 3 {
			t.Errorf("%s: got %+v, want %v on line 3", destinations, err, want)
		}
	}
}
