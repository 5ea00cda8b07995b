package schema

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	gql "github.com/99designs/gqlgen/graphql"

	"github.com/ratchet-runner/ratchet-go"
)

// A Raw is a JSON value as it was sent.
type Raw = json.RawMessage

// MarshalJSON writes a JSON value as it is.
func MarshalJSON(v json.RawMessage) gql.Marshaler {
	if len(v) == 0 {
		return gql.Null
	}
	return gql.WriterFunc(func(w io.Writer) { _, _ = w.Write(v) }) // into memory
}

// UnmarshalJSON takes a variable as it was sent. What was written in the document
// is not JSON, and made so.
func UnmarshalJSON(v any) (json.RawMessage, error) {
	if raw, ok := v.(json.RawMessage); ok {
		return raw, nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, invalid("this is no JSON value", "any JSON value", "")
	}
	return text, nil
}

// MarshalTime writes a time as in RFC 3339.
func MarshalTime(t time.Time) gql.Marshaler {
	return gql.MarshalString(t.UTC().Format(time.RFC3339Nano))
}

// UnmarshalTime reads a time as in RFC 3339.
func UnmarshalTime(v any) (time.Time, error) {
	text, ok := v.(string)
	t, err := time.Parse(time.RFC3339Nano, text)
	if !ok || err != nil || t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}, invalid("this is no time", "a time such as 2026-08-01T12:30:00Z", shown(v))
	}
	return t, nil
}

// MarshalDuration writes a span such as "30s".
func MarshalDuration(d ratchet.Duration) gql.Marshaler { return gql.MarshalString(d.String()) }

// UnmarshalDuration reads a span such as "30s" or a number of seconds.
func UnmarshalDuration(v any) (ratchet.Duration, error) {
	d, err := ratchet.ParseDuration(shown(v))
	if err != nil {
		return 0, invalid("this is no span of time", "a span such as 30s or 7d, or a number of seconds", shown(v))
	}
	return d, nil
}

// MarshalSize writes a number of bytes.
func MarshalSize(n ratchet.Size) gql.Marshaler {
	return gql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, strconv.FormatInt(int64(n), 10)) })
}

// UnmarshalSize reads "128MB" or a number of bytes.
func UnmarshalSize(v any) (ratchet.Size, error) {
	n, err := ratchet.ParseSize(shown(v))
	if err != nil {
		return 0, invalid("this is no size", "a size such as 128MB, or a number of bytes", shown(v))
	}
	return n, nil
}

// MarshalReason writes a reason, which is a text.
func MarshalReason(r ratchet.Reason) gql.Marshaler { return gql.MarshalString(string(r)) }

// UnmarshalReason is never asked for: reasons are only shown.
func UnmarshalReason(v any) (ratchet.Reason, error) {
	text, err := gql.UnmarshalString(v)
	return ratchet.Reason(text), err
}

// MarshalMethod writes the method of a request, which is a text.
func MarshalMethod(m ratchet.HTTPMethod) gql.Marshaler { return gql.MarshalString(m.String()) }

// UnmarshalMethod is never asked for: methods are only shown.
func UnmarshalMethod(v any) (ratchet.HTTPMethod, error) {
	text, err := gql.UnmarshalString(v)
	if err != nil {
		return 0, err
	}
	return ratchet.ParseHTTPMethod(text)
}

// A File is a file of a multipart request.
type File struct {
	Name string
	Data []byte
}

// MarshalUpload is never asked for: files are only sent.
func MarshalUpload(File) gql.Marshaler { return gql.Null }

// UnmarshalUpload takes the file that the request put in place of the variable.
func UnmarshalUpload(v any) (File, error) {
	if f, ok := v.(File); ok {
		return f, nil
	}
	return File{}, invalid("this is no file", "a file of a multipart request (graphql-multipart-request-spec)", "")
}

// Base64 reads the content of a file that was sent as a text.
func Base64(text string) ([]byte, error) {
	text = strings.TrimRight(strings.NewReplacer("\n", "", "\r", "", "-", "+", "_", "/").Replace(text), "=")
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, invalid("this is not base64", "the bytes of a zip in base64", "")
	}
	return data, nil
}

// invalid is what is wrong with a value.
func invalid(message, expected, got string) *ratchet.Error {
	text := message + ": want " + expected
	if got != "" {
		text = fmt.Sprintf("%s: want %s, got %q", message, expected, got)
	}
	return ratchet.Errorf(ratchet.ReasonValidation, "%s", text).WithDetails(ratchet.Detail{Message: message, Expected: expected, Got: got})
}

// maxShown bounds what is repeated of a bad value.
const maxShown = 200

// shown is the text of a value.
func shown(v any) string {
	var text string
	switch v := v.(type) {
	case string:
		text = v
	case json.Number:
		text = v.String()
	case int64:
		text = strconv.FormatInt(v, 10)
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		text = strconv.FormatBool(v)
	case nil:
		text = "null"
	default:
		text = fmt.Sprintf("%T", v)
	}
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return text
}
