package ratchet

import "fmt"

// An HTTPMethod is a method that a task may use in a request. The zero value is
// MethodGet.
type HTTPMethod uint8

// The methods.
const (
	MethodGet HTTPMethod = iota
	MethodPost
	MethodPut
	MethodDelete
	MethodPatch
	MethodHead
	MethodOptions
)

// HTTPMethods returns every HTTPMethod.
func HTTPMethods() []HTTPMethod {
	return []HTTPMethod{MethodGet, MethodPost, MethodPut, MethodDelete, MethodPatch, MethodHead, MethodOptions}
}

// ParseHTTPMethod parses a method's name in any case.
func ParseHTTPMethod(s string) (HTTPMethod, error) {
	return parseOneOf(s, "HTTP method", "methods", HTTPMethods())
}

// String returns the name in upper case.
func (m HTTPMethod) String() string {
	switch m {
	case MethodGet:
		return "GET"
	case MethodPost:
		return "POST"
	case MethodPut:
		return "PUT"
	case MethodDelete:
		return "DELETE"
	case MethodPatch:
		return "PATCH"
	case MethodHead:
		return "HEAD"
	case MethodOptions:
		return "OPTIONS"
	default:
		return fmt.Sprintf("HTTPMethod(%d)", uint8(m))
	}
}

// MarshalText writes the name in upper case; JSON has it as a string.
func (m HTTPMethod) MarshalText() ([]byte, error) {
	return marshalOneOf(m, "HTTP method", HTTPMethods())
}

// UnmarshalText reads what [ParseHTTPMethod] accepts.
func (m *HTTPMethod) UnmarshalText(b []byte) (err error) {
	*m, err = ParseHTTPMethod(string(b))
	return err
}
