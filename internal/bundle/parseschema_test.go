package bundle_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

func TestASchemaThatStandsAloneIsParsed(t *testing.T) {
	t.Parallel()
	s, err := bundle.ParseSchema(json.RawMessage(`{"properties": {"a": {"$ref": "#/definitions/n"}}, "definitions": {"n": {"type": "number"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if wrong := s.Validate(json.RawMessage(`{"a": "1"}`)); len(wrong) != 1 || wrong[0].Pointer != "/a" {
		t.Errorf("got %+v", wrong)
	}
	for text, part := range map[string]string{
		`{"$ref": "other.json"}`:             "other.json",
		`{"$ref": "https://example.com/s"}`:  "nothing is fetched",
		`{"type": "nombre"}`:                 "not a JSON Schema",
		`7`:                                  "not a JSON Schema",
		`{`:                                  "",
		`{"$ref": "../../../../etc/passwd"}`: "",
	} {
		_, err := bundle.ParseSchema(json.RawMessage(text))
		if e := ratchet.AsError(err); err == nil || e.Code != ratchet.CodeInvalid || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
