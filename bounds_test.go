package ratchet_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

func TestBoundsOfGates(t *testing.T) {
	t.Parallel()
	for _, c := range []ratchet.Concurrency{{"a", 1}, {"kunde 7 ü", ratchet.MaxGate}, {strings.Repeat("k", ratchet.MaxKeyLength), 2}} {
		checkWrong(t, c.Key, c.Validate())
	}
	for want, c := range map[string]ratchet.Concurrency{
		"/key":      {strings.Repeat("k", ratchet.MaxKeyLength+1), 1},
		"/max":      {"a", ratchet.MaxGate + 1},
		"/key /max": {"", 0},
	} {
		checkWrong(t, want, c.Validate(), strings.Fields(want)...)
	}
	for _, key := range []string{"a\x00", "a\nb", "a\xff"} {
		checkWrong(t, key, ratchet.Concurrency{Key: key, Max: 1}.Validate(), "/key")
	}
}

func TestBoundsOfRates(t *testing.T) {
	t.Parallel()
	for _, r := range []ratchet.Rate{{1, 1}, {ratchet.MaxRate, ratchet.MaxRatePer}} {
		checkWrong(t, "good", r.Validate())
	}
	for want, r := range map[string]ratchet.Rate{
		"/max": {ratchet.MaxRate + 1, 1}, "/per": {1, ratchet.MaxRatePer + 1}, "/max /per": {0, -1},
	} {
		checkWrong(t, want, r.Validate(), strings.Fields(want)...)
	}
	if got := (ratchet.Rate{Max: 60, Per: ratchet.Duration(time.Minute)}).Interval(); got != time.Second {
		t.Errorf("got %s between two of 60 starts a minute, want 1s", got)
	}
}
