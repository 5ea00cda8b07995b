package ratchet_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ratchet-runner/ratchet-go"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "1m30s": 90 * time.Second, "250ms": 250 * time.Millisecond,
		"30": 30 * time.Second, "0.5": 500 * time.Millisecond, "0": 0, "1e3": 1000 * time.Second,
		"7d": 7 * 24 * time.Hour, "1d12h": 36 * time.Hour, "0d": 0,
	} {
		if got, err := ratchet.ParseDuration(text); err != nil || time.Duration(got) != want {
			t.Errorf("ParseDuration(%q): got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "x", "-1", "-1s", "NaN", "Inf", "1e30", "9223372036.854775808", "30 parsecs", "s", "d", "1.5d", "-1d", "1d-1h", "1d1", "100000d", "65535d2000000h"} {
		if got, err := ratchet.ParseDuration(text); !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonValidation}) {
			t.Errorf("ParseDuration(%q): got %v, %v, want VALIDATION_ERROR", text, got, err)
		}
	}
}

func TestParseSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]ratchet.Size{
		"128MB": 128 << 20, "128MiB": 128 << 20, "128m": 128 << 20, "1 GB": 1 << 30, "1.5k": 1536, "64kb": 64 << 10,
		"42": 42, "42B": 42, " 42 b ": 42, "0": 0, "1e3": 1000,
	} {
		if got, err := ratchet.ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q): got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MB", "B", "iB", "5i", "5iB", "-1", "-1MB", "NaN", "Inf", "1e30GB", "9223372036854775808", "1TB", "1 2MB"} {
		if got, err := ratchet.ParseSize(text); !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonValidation}) {
			t.Errorf("ParseSize(%q): got %v, %v, want VALIDATION_ERROR", text, got, err)
		}
	}
}

func TestSizesAreShownInTheirLargestUnit(t *testing.T) {
	t.Parallel()
	for size, want := range map[ratchet.Size]string{
		0: "0B", 1023: "1023B", 1024: "1KB", 1536: "1.5KB", 128 * ratchet.MB: "128MB",
		64*ratchet.MB + 300*ratchet.KB: "64.3MB", 4 * ratchet.GB: "4GB",
	} {
		if got := size.String(); got != want {
			t.Errorf("%d bytes: got %s, want %s", int64(size), got, want)
		}
	}
}

func TestUnitsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := ratchet.Limits{
			Wall:   ratchet.Duration(rapid.Int64Min(0).Draw(t, "wall")),
			Memory: ratchet.Size(rapid.Int64Range(0, 1<<53).Draw(t, "memory")), // the integers that JSON's readers keep
		}
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var out ratchet.Limits
		if err := json.Unmarshal(b, &out); err != nil || out != in {
			t.Fatalf("through %s: got %+v, %v, want %+v", b, out, err, in)
		}
		if got, err := ratchet.ParseDuration(in.Wall.String()); err != nil || got != in.Wall {
			t.Fatalf("ParseDuration(%q): got %d, %v, want %d", in.Wall, got, err, in.Wall)
		}
		got, err := ratchet.ParseSize(in.Memory.String())
		if off := math.Abs(float64(got - in.Memory)); err != nil || off > float64(in.Memory)/20 {
			t.Fatalf("ParseSize(%q): got %d, %v, want %d within a twentieth", in.Memory, got, err, in.Memory)
		}
	})
}

func TestUnitsReadJSONStringsAndNumbers(t *testing.T) {
	t.Parallel()
	var l ratchet.Limits
	if err := json.Unmarshal([]byte(`{"timeout": "1m", "cpu": 2.5, "memory": "64MB", "output": 2048, "logs": null}`), &l); err != nil {
		t.Fatal(err)
	}
	want := ratchet.Limits{Wall: ratchet.Duration(time.Minute), CPU: ratchet.Duration(2500 * time.Millisecond), Memory: 64 * ratchet.MB, Output: 2048}
	if l != want {
		t.Errorf("got %+v, want %+v", l, want)
	}
	for _, text := range []string{`{"timeout": true}`, `{"timeout": {}}`, `{"memory": [1]}`, `{"memory": "lots"}`, `{"timeout": ""}`} {
		before := l
		if err := json.Unmarshal([]byte(text), &l); err == nil || l != before {
			t.Errorf("%s: got %+v, %v, want an error and nothing changed", text, l, err)
		}
	}
}
