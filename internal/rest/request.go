package rest

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/problem"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// A request is read part by part. What is wrong with it is gathered, so that its
// sender learns everything at once.
type request struct {
	*http.Request
	w     http.ResponseWriter
	route *route

	query  url.Values // by the parameters' own names
	faults []problem.Fault
	// unread says that a part could not be read, rather than that it is not
	// allowed: 400 and not 422.
	unread  bool
	refused *problem.Problem // says more than the faults
	waits   bool             // it said how long to wait, and that is not 0
	limit   int              // of the page of a list
	nulls   []string         // members of the body that are null
}

// maxParameter bounds parameters of the path, and texts that stand for something
// short, such as a time or a priority.
const maxParameter = 300

func newRequest(w http.ResponseWriter, hr *http.Request, rt *route) *request {
	r := &request{Request: hr, w: w, route: rt, query: url.Values{}}
	for _, name := range rt.inPath {
		if v := hr.PathValue(name); !plain(v) || len(v) > maxParameter {
			r.wrong(name, name+" cannot be read", "printable text of at most "+strconv.Itoa(maxParameter)+" bytes", v)
		}
	}
	values, err := url.ParseQuery(hr.URL.RawQuery)
	if err != nil {
		r.wrong("", "the query cannot be read: "+err.Error(), "name=value pairs, joined with \"&\", percent-encoded", hr.URL.RawQuery)
	}
	for _, key := range slices.Sorted(mapKeys(values)) {
		r.parameter(key, values[key])
	}
	return r
}

// parameter takes a parameter of the query under its own name, which may also be
// written in snake case.
func (r *request) parameter(key string, values []string) {
	name, known := r.route.parameter(key)
	if !known {
		r.wrong(key, "the parameter "+strconv.Quote(problem.Shorten(key))+" is not known here", oneOf(key, r.route.parameters()), "")
		return
	}
	for _, v := range values {
		if !plain(v) {
			r.wrong(key, key+" cannot be read", "text in UTF-8 without control characters", v)
			return
		}
	}
	r.query[name] = append(r.query[name], values...)
}

// plain reports whether the text is UTF-8 without control characters.
func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// wrong notes what is wrong with a parameter.
func (r *request) wrong(name, message, expected, got string) {
	r.unread = true
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, problem.Fault{
			Parameter: problem.Shorten(name), Message: strings.ToValidUTF8(message, "�"),
			Expected: expected, Got: strings.ToValidUTF8(problem.Shorten(got), "�"),
		})
	}
}

// problem is what is wrong with the request; nil if nothing is.
func (r *request) problem() error {
	switch {
	case r.refused != nil:
		return r.refused
	case len(r.faults) == 0:
		return nil
	case r.unread:
		return problem.Invalid(http.StatusBadRequest, ratchet.ReasonValidation, r.faults)
	default:
		return problem.Invalid(http.StatusUnprocessableEntity, ratchet.ReasonValidation, r.faults)
	}
}

// one is the value of a parameter that may be given once.
func (r *request) one(name string) (text string, given bool) {
	values, given := r.query[name]
	if len(values) > 1 {
		r.wrong(name, name+" is given more than once", "it once", strings.Join(values, ", "))
	}
	if !given {
		return "", false
	}
	return values[0], true
}

func (r *request) text(name string) string {
	text, _ := r.one(name)
	return text
}

// texts are the values of a parameter that may be given more than once, or with
// commas.
func (r *request) texts(name string) (all []string) {
	for _, v := range r.query[name] {
		all = append(all, strings.Split(v, ",")...)
	}
	return all
}

// yes is true for a parameter without a value, as in "?replace".
func (r *request) yes(name string) bool {
	text, given := r.one(name)
	if !given || text == "false" {
		return false
	}
	if text != "" && text != "true" {
		r.wrong(name, name+" cannot be read", "true or false", text)
	}
	return true
}

func (r *request) number(name string, least, most, otherwise int) int {
	text, given := r.one(name)
	if !given {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		r.wrong(name, name+" is out of bounds", "a whole number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most), text)
	}
	return n
}

// into has v read the parameter of the query, if it is given.
func (r *request) into(name string, v encoding.TextUnmarshaler) {
	if text, given := r.one(name); given {
		r.read(name, text, v)
	}
}

// id has v read the parameter of the path.
func (r *request) id(name string, v encoding.TextUnmarshaler) { r.read(name, r.PathValue(name), v) }

func (r *request) read(name, text string, v encoding.TextUnmarshaler) {
	if len(text) > maxParameter { // what reads it would repeat it
		r.wrong(name, name+" is too long", "at most "+strconv.Itoa(maxParameter)+" bytes", text)
		return
	}
	if err := v.UnmarshalText([]byte(text)); err != nil {
		r.wrong(name, err.Error(), "", text)
	}
}

// wait is how long the asker waits for a result: "30s", a number of seconds, or
// nothing for the default.
func (r *request) wait(otherwise time.Duration) time.Duration {
	text, given := r.one("wait")
	d := ratchet.Duration(otherwise)
	switch {
	case given && (text == "" || text == "true"):
		d = ratchet.Duration(service.DefaultWait)
	case given && text == "false":
		d = 0
	case given:
		r.read("wait", text, &d)
	}
	if time.Duration(d) > service.MaxWait {
		r.wrong("wait", "wait is too long", "at most "+ratchet.Duration(service.MaxWait).String(), text)
	}
	r.waits = d > 0
	return time.Duration(d)
}

// body reads a JSON body into a T. What is missing is the service's to say.
func body[T any](r *request, want *shape) (v T) {
	data := r.content(r.route.maxBody)
	if r.refused != nil {
		return v
	}
	if len(bytes.TrimSpace(data)) == 0 {
		r.refused = problem.New(http.StatusBadRequest, ratchet.ReasonSerialization, "the body is missing: send a JSON object")
		return v
	}
	s := scan(data, want)
	r.nulls = s.nulls
	if len(s.faults) > 0 {
		r.unread = r.unread || s.malformed
		if s.malformed && len(r.faults) == 0 {
			r.refused = problem.Invalid(http.StatusBadRequest, ratchet.ReasonSerialization, s.faults)
		}
		r.faults = append(r.faults, s.faults...)
		return v
	}
	if err := json.Unmarshal(data, &v); err != nil { // the shape and the type differ
		r.refused = problem.New(http.StatusUnprocessableEntity, ratchet.ReasonValidation, "the body cannot be read: %v", err)
	}
	return v
}

// raw reads a JSON body as it is; nil if there is none.
func (r *request) raw() json.RawMessage {
	if r.ContentLength == 0 {
		return nil
	}
	data := r.content(r.route.maxBody)
	if r.refused != nil || len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	if s := scan(data, &shape{}); len(s.faults) > 0 {
		r.refused = problem.Invalid(http.StatusBadRequest, ratchet.ReasonSerialization, s.faults)
	}
	return data
}

// content reads the whole body, which must be of one of the route's types.
func (r *request) content(limit int64) []byte {
	if r.mediaType(); r.refused != nil {
		return nil
	}
	if r.ContentLength > limit { // it need not be sent first
		r.refused = unreadable(&http.MaxBytesError{Limit: limit}, limit)
		return nil
	}
	data, err := io.ReadAll(http.MaxBytesReader(r.w, r.Body, limit))
	if err != nil {
		r.refused = unreadable(err, limit)
	}
	return data
}

// mediaType checks the type of the body and returns it. A body without a type
// has the first of the route's.
func (r *request) mediaType() (name string, options map[string]string) {
	allowed := r.route.accepts
	if c := r.Header.Get("Content-Encoding"); c != "" && !strings.EqualFold(c, "identity") {
		r.refused = problem.New(http.StatusUnsupportedMediaType, ratchet.ReasonMediaType, "a body with Content-Encoding %q is not taken: send it as it is", problem.Shorten(c))
		return "", nil
	}
	given := r.Header.Get("Content-Type")
	if given == "" {
		return allowed[0], nil
	}
	name, options, err := mime.ParseMediaType(given)
	charset := options["charset"]
	if err == nil && strings.HasPrefix(name, "application/") && strings.HasSuffix(name, "+json") && allowed[0] == jsonType {
		name = jsonType
	}
	if err != nil || !slices.Contains(allowed, name) || charset != "" && !strings.EqualFold(charset, "utf-8") {
		r.refused = problem.New(http.StatusUnsupportedMediaType, ratchet.ReasonMediaType,
			"a body of type %q is not taken here: send it with \"Content-Type: %s\"", problem.Shorten(given), strings.Join(allowed, "\" or \""))
		r.refused.Header = http.Header{"Accept": {strings.Join(allowed, ", ")}}
	}
	return name, options
}

// unreadable says why a body could not be read to its end.
func unreadable(err error, limit int64) *problem.Problem {
	if e, ok := errors.AsType[*ratchet.Error](err); ok { // it says itself what to do
		return problem.Of(e)
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return problem.New(http.StatusRequestEntityTooLarge, ratchet.ReasonTooLarge, "the body is too large: at most %v are taken here", ratchet.Size(limit))
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return problem.New(http.StatusRequestTimeout, ratchet.ReasonTimeout, "the body took too long to arrive: send it again")
	}
	return problem.New(http.StatusBadRequest, ratchet.ReasonSerialization, "the body ended before it was complete: send it again")
}

// cleared sets the fields of a patch that were null to their zero values: null
// takes a value away, where a missing member leaves it.
func cleared[T any](v *T, nulls []string) {
	fields := reflect.ValueOf(v).Elem()
	for i := range fields.NumField() {
		name, _, _ := strings.Cut(fields.Type().Field(i).Tag.Get("json"), ",")
		if f := fields.Field(i); slices.Contains(nulls, name) && f.Kind() == reflect.Pointer {
			f.Set(reflect.New(f.Type().Elem()))
		}
	}
}
