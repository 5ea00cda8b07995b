package config

import (
	"strings"

	"github.com/ratchet-runner/ratchet-go"
)

// didYouMean ends a message with the known name that is nearest to got, if one
// is near; of prefix, which both begin with, nothing is counted.
func didYouMean(got string, known []string, prefix string) string {
	short := strings.TrimPrefix(got, prefix)
	var siblings []string
	for _, name := range known {
		if last, ok := strings.CutPrefix(name, prefix); ok {
			siblings = append(siblings, last)
		}
	}
	best := ratchet.Nearest(short, siblings)
	if best != "" {
		best = prefix + best
	} else {
		best = ratchet.Nearest(short, known)
	}
	for _, name := range known { // cut short
		if best == "" && len(short) > 2 && strings.HasPrefix(name, got) {
			best = name
		}
	}
	last := got[strings.LastIndex(got, ".")+1:]
	for _, name := range known { // the right key in the wrong place
		if best == "" && strings.HasSuffix(name, "."+last) {
			best = name
		}
	}
	if best == "" {
		return ""
	}
	return ", did you mean " + best + "?"
}
