package schedule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
)

// Bounds of policies.
const (
	// DefaultMissedMax is how many missed instants MissedAll makes jobs of.
	DefaultMissedMax = 100
	// MaxMissedMax is the most that it may be set to.
	MaxMissedMax = 1000
)

// checkPolicies reports what is wrong with the policies of s.
func checkPolicies(s *ratchet.Schedule) (wrong []ratchet.Detail) {
	wrong = append(wrong, word("/missed", s.Missed, ratchet.MissedPolicies())...)
	wrong = append(wrong, word("/overlap", s.Overlap, ratchet.OverlapPolicies())...)
	if s.MissedMax < 0 || s.MissedMax > MaxMissedMax {
		wrong = append(wrong, ratchet.Detail{
			Pointer: "/missedMax", Message: "missedMax is out of bounds", Expected: fmt.Sprintf("1 to %d", MaxMissedMax), Got: fmt.Sprint(s.MissedMax),
		})
	}
	if s.MissedMax > 0 && s.Missed != ratchet.MissedAll {
		wrong = append(wrong, ratchet.Detail{
			Pointer: "/missedMax", Message: "missedMax has no effect", Expected: `"missed": "all", or no missedMax`, Got: string(s.Missed),
		})
	}
	if s.MaxRuns < 0 {
		wrong = append(wrong, ratchet.Detail{
			Pointer: "/maxRuns", Message: "maxRuns is out of bounds", Expected: "1 or more; 0 for no end", Got: fmt.Sprint(s.MaxRuns),
		})
	}
	return wrong
}

// word reports a policy that is none of those there are. Empty is the default.
func word[S ~string](pointer string, got S, want []S) []ratchet.Detail {
	if got == "" || slices.Contains(want, got) {
		return nil
	}
	known := make([]string, len(want))
	for i, w := range want {
		known[i] = string(w)
	}
	return []ratchet.Detail{{Pointer: pointer, Message: strings.TrimPrefix(pointer, "/") + " is not known", Expected: strings.Join(known, ", "), Got: string(got)}}
}
