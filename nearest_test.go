package ratchet_test

import (
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
)

func TestNearestFindsWhatWasLikelyMeant(t *testing.T) {
	t.Parallel()
	words := []string{"addition", "send-invoice", "a", "größe"}
	for got, want := range map[string]string{
		"addition": "addition", "adition": "addition", "aditoin": "addition", "Addition": "addition", "sendinvoice": "send-invoice",
		"grosse": "", "subtraction": "", "": "", "b": "", "A": "a", "xyz": "", strings.Repeat("addition", 1000): "",
	} {
		if near := ratchet.Nearest(got, words); near != want {
			t.Errorf("%.20q: got %q, want %q", got, near, want)
		}
	}
	if near := ratchet.Nearest("x", nil); near != "" {
		t.Errorf("got %q among none", near)
	}
}
