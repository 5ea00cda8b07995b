package ratchet_test

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
)

// testEnum checks what all the enumerations have in common.
func testEnum[T interface {
	comparable
	fmt.Stringer
	encoding.TextMarshaler
}](t *testing.T, all []T, parse func(string) (T, error), texts []string, zero, badParse string,
) {
	t.Helper()
	for i, v := range all {
		if v.String() != texts[i] {
			t.Errorf("String: got %s, want %s", v, texts[i])
		}
		for _, text := range []string{texts[i], strings.ToUpper(texts[i]), strings.ToLower(texts[i])} {
			if got, err := parse(text); err != nil || got != v {
				t.Errorf("parse %q: got %v, %v, want %v", text, got, err, v)
			}
		}
		b, err := json.Marshal(v)
		if err != nil || string(b) != `"`+texts[i]+`"` {
			t.Errorf("JSON: got %s, %v, want %q", b, err, texts[i])
		}
		var back T
		if err := json.Unmarshal(b, &back); err != nil || back != v {
			t.Errorf("from JSON %s: got %v, %v", b, back, err)
		}
	}
	if len(all) != len(texts) {
		t.Errorf("got %d values, want %d", len(all), len(texts))
	}
	var v T
	if v.String() != zero {
		t.Errorf("the zero value: got %s, want %s", v, zero)
	}
	if _, err := parse("X"); err == nil || err.Error() != badParse || !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonValidation}) {
		t.Errorf("parse X: got %#v, want VALIDATION_ERROR %s", err, badParse)
	}
	for _, text := range []string{`"X"`, `7`, `""`, `{}`} {
		if err := json.Unmarshal([]byte(text), &v); err == nil {
			t.Errorf("from JSON %s: got %v, want an error", text, v)
		}
	}
}

func TestPriority(t *testing.T) {
	t.Parallel()
	testEnum(t, ratchet.Priorities(), ratchet.ParsePriority,
		[]string{"low", "normal", "high", "urgent"}, "normal",
		"Invalid priority: 'X'. Supported priorities are: low, normal, high, urgent")
	for i, p := range ratchet.Priorities()[1:] {
		if before := ratchet.Priorities()[i]; p <= before {
			t.Errorf("got %s <= %s", p, before)
		}
	}
	for _, text := range []string{"critical", "CRITICAL"} {
		if got, err := ratchet.ParsePriority(text); got != ratchet.PriorityUrgent || err != nil {
			t.Errorf("%s: got %v, %v, want urgent", text, got, err)
		}
	}
	if b, err := ratchet.Priority(9).MarshalText(); err == nil {
		t.Errorf("Priority(9): got %s, want an error", b)
	}
}

func TestLogLevel(t *testing.T) {
	t.Parallel()
	testEnum(t, ratchet.LogLevels(), ratchet.ParseLogLevel,
		[]string{"trace", "debug", "info", "warn", "error"}, "info",
		"Invalid log level: 'X'. Supported levels are: trace, debug, info, warn, error")
	for level, want := range map[ratchet.LogLevel]slog.Level{
		ratchet.LevelDebug: slog.LevelDebug, ratchet.LevelInfo: slog.LevelInfo,
		ratchet.LevelWarn: slog.LevelWarn, ratchet.LevelError: slog.LevelError,
	} {
		if slog.Level(level) != want {
			t.Errorf("%s: got %v of slog, want %v", level, slog.Level(level), want)
		}
	}
	if ratchet.LevelTrace >= ratchet.LevelDebug {
		t.Error("trace is not below debug")
	}
}

func TestHTTPMethod(t *testing.T) {
	t.Parallel()
	testEnum(t, ratchet.HTTPMethods(), ratchet.ParseHTTPMethod,
		[]string{"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"}, "GET",
		"Invalid HTTP method: 'X'. Supported methods are: GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS")
}

func TestAnEngineIsParsedByItsExactName(t *testing.T) {
	t.Parallel()
	for _, want := range ratchet.Engines() {
		if e, err := ratchet.ParseEngine(string(want)); e != want || err != nil {
			t.Errorf("%s: got %q, %v", want, e, err)
		}
	}
	for text, want := range map[string]string{
		"v8":   "Invalid engine: 'v8'. Supported engines are: quickjs, node",
		"Node": "Invalid engine: 'Node'. Supported engines are: quickjs, node",
		"":     "Invalid engine: ''. Supported engines are: quickjs, node",
	} {
		if e, err := ratchet.ParseEngine(text); err == nil || err.Error() != want || !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonEngineUnknown}) {
			t.Errorf("%q: got %q, %v, want ENGINE_UNKNOWN %s", text, e, err, want)
		}
	}
}

func TestOptionsOfAVersionAreParsedFromJSON(t *testing.T) {
	t.Parallel()
	var v ratchet.Version
	if err := json.Unmarshal([]byte(`{"engine": "quickjs", "isolation": "execution", "fetch": "sync"}`), &v); err != nil {
		t.Fatal(err)
	}
	if v.Engine != ratchet.EngineQuickJS || v.Isolation != ratchet.IsolationExecution || v.Fetch != ratchet.FetchSync {
		t.Errorf("got %+v", v)
	}
	for text, want := range map[string]string{
		`{"engine": "v8"}`:      "Invalid engine: 'v8'. Supported engines are: quickjs, node",
		`{"isolation": "none"}`: "Invalid isolation: 'none'. Supported isolations are: task, execution",
		`{"fetch": "later"}`:    "Invalid fetch mode: 'later'. Supported modes are: async, sync",
	} {
		if err := json.Unmarshal([]byte(text), &v); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
