package ratchet

import (
	"fmt"
	"strings"
)

// parseOneOf returns the value among all whose text is s in any case. One and
// many name the kind of value in the error.
func parseOneOf[T fmt.Stringer](s, one, many string, all []T) (v T, err error) {
	texts := make([]string, len(all))
	for i, a := range all {
		texts[i] = a.String()
		if strings.EqualFold(texts[i], s) {
			return a, nil
		}
	}
	return v, Errorf(ReasonValidation, "Invalid %s: '%s'. Supported %s are: %s", one, s, many, strings.Join(texts, ", "))
}

// marshalOneOf returns the text of v, which must be among all.
func marshalOneOf[T interface {
	comparable
	fmt.Stringer
}](v T, one string, all []T) ([]byte, error) {
	for _, a := range all {
		if a == v {
			return []byte(v.String()), nil
		}
	}
	return nil, Errorf(ReasonInternal, "no such %s: %s", one, v)
}
