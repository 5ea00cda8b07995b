package ratchet

import (
	"encoding/json"
	"strings"
)

// required describes a value that is missing.
func required(pointer, expected string) Detail {
	return Detail{Pointer: pointer, Message: fieldName(pointer) + " is missing", Expected: expected}
}

// oneOf describes a value that is none of the wanted.
func oneOf[S ~string](pointer, got string, want ...S) Detail {
	words := make([]string, len(want))
	for i, w := range want {
		words[i] = string(w)
	}
	return Detail{
		Pointer: pointer, Message: fieldName(pointer) + " is not known",
		Expected: strings.Join(words, ", "), Got: got,
	}
}

// notJSON describes raw if it is neither empty nor a JSON text.
func notJSON(pointer string, raw json.RawMessage) []Detail {
	if len(raw) == 0 || json.Valid(raw) {
		return nil
	}
	return []Detail{{Pointer: pointer, Message: fieldName(pointer) + " is not JSON", Expected: "a JSON text"}}
}

// under returns the details with their pointers below prefix.
func under(prefix string, details []Detail) []Detail {
	for i := range details {
		details[i].Pointer = prefix + details[i].Pointer
	}
	return details
}

// fieldName returns the last part of a JSON pointer.
func fieldName(pointer string) string {
	return pointer[strings.LastIndexByte(pointer, '/')+1:]
}
