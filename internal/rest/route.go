package rest

import (
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

const (
	jsonType   = "application/json"
	streamType = "text/event-stream"
)

// A route is an operation, how a request for it is read and how it is answered.
type route struct {
	op      service.Operation
	inPath  []string // its parameters
	params  []param  // of the query and the headers
	fields  []ratchet.Field
	filters map[string]filterName // of a list, by parameter

	accepts []string     // types of the body; none: there is no body
	takes   reflect.Type // the body, as JSON; nil: anything
	maxBody int64
	needed  bool // there must be a body
	example string

	returns  reflect.Type // what "data" is; nil: there is no body
	list     bool         // "data" is a list of it
	statuses []status     // other than the operation's own
	location bool         // says where what was made is
	tagged   bool         // has an ETag
	streams  bool         // can answer with a stream of events
	extra    bool         // another way to an operation

	handle func(*request) (answer, error)
}

// A status is an answer besides the usual one.
type status struct {
	code int
	what string
}

// A param is a parameter of the query, or a header.
type param struct {
	name   string
	header bool
	doc    string
	schema *huma.Schema
}

var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

// An option adds to a route.
type option func(*route)

// newRoute makes a route of an operation: how its input is read, and how its
// output is answered.
func newRoute[In, Out any](op service.Op[In, Out], read func(*request) In, reply func(*request, Out) (answer, error), options ...option) *route {
	return newHandler(op.Operation, read, func(r *request, in In) (answer, error) {
		out, err := op.Call(r.Context(), in)
		if err != nil {
			return answer{}, err
		}
		return reply(r, out)
	}, options...)
}

// newHandler makes a route that does more than call its operation.
func newHandler[In any](op service.Operation, read func(*request) In, do func(*request, In) (answer, error), options ...option) *route {
	rt := &route{op: op}
	for _, m := range pathParameter.FindAllStringSubmatch(op.Path, -1) {
		rt.inPath = append(rt.inPath, m[1])
	}
	for _, o := range options {
		o(rt)
	}
	rt.handle = func(r *request) (answer, error) {
		in := read(r)
		if err := r.problem(); err != nil {
			return answer{}, err
		}
		return do(r, in)
	}
	return rt
}

// status is that of an answer that says nothing else.
func (rt *route) status() int {
	if rt.op.Status == 0 {
		return http.StatusOK
	}
	return rt.op.Status
}

// parameter returns a parameter's own name.
func (rt *route) parameter(key string) (name string, known bool) {
	field, suffix := splitFilter(key)
	for _, name := range []string{key, camel(key), camel(field) + suffix} {
		if _, filter := rt.filters[name]; filter {
			return name, true
		}
		if slices.ContainsFunc(rt.params, func(p param) bool { return !p.header && p.name == name }) {
			return name, true
		}
	}
	return key, false
}

// parameters are the names of those of the query, in the order in which they are
// to be read about.
func (rt *route) parameters() (names []string) {
	for _, p := range rt.params {
		if !p.header {
			names = append(names, p.name)
		}
	}
	for _, f := range rt.fields {
		for _, op := range f.Kind.Ops() {
			names = append(names, filterParameter(f, op))
		}
	}
	return names
}

func filterParameter(f ratchet.Field, op ratchet.Op) string {
	if op == ratchet.OpEqual {
		return f.Name
	}
	return f.Name + "_" + string(op)
}

// with adds parameters.
func with(params ...param) option {
	return func(rt *route) { rt.params = append(rt.params, params...) }
}

// filtered adds the filters of a list.
func filtered(fields []ratchet.Field) option {
	return func(rt *route) { rt.fields, rt.filters = fields, filterNames(fields) }
}

// gives says what the answer holds.
func gives[T any](rt *route) { rt.returns = reflect.TypeFor[T]() }

// listing says that the answer holds a list.
func listing[T any](rt *route) { rt.returns, rt.list = reflect.TypeFor[T](), true }

// sent says that a T must be sent, as JSON.
func sent[T any](limit int64, example string) option {
	return func(rt *route) {
		rt.accepts, rt.takes, rt.maxBody, rt.needed, rt.example = []string{jsonType}, reflect.TypeFor[T](), limit, true, example
	}
}

// also documents another status.
func also(code int, what string) option {
	return func(rt *route) { rt.statuses = append(rt.statuses, status{code, what}) }
}

func located(rt *route) { rt.location = true }
func tagged(rt *route)  { rt.tagged = true }

func nothing(*request) (none service.None) { return none }

// query makes a parameter of the query.
func query(name, doc string, schema *huma.Schema) param {
	return param{name: name, doc: doc, schema: schema}
}

// header makes a parameter that is a header.
func header(name, doc string) param {
	return param{name: name, doc: doc, schema: &huma.Schema{Type: huma.TypeString}, header: true}
}

func textSchema(examples ...any) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Examples: examples}
}

func wordSchema(words ...string) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, w := range words {
		s.Enum = append(s.Enum, w)
	}
	return s
}

func yesSchema() *huma.Schema { return &huma.Schema{Type: huma.TypeBoolean} }

func numberSchema(least, most int) *huma.Schema {
	low, high := float64(least), float64(most)
	return &huma.Schema{Type: huma.TypeInteger, Minimum: &low, Maximum: &high}
}

// waiting is the parameter of what can be waited for.
func waiting(otherwise string) param {
	return query("wait", "How long to wait for the result: \"30s\", a number of seconds, or no value for 30s; at most 10m. "+otherwise, textSchema("30s"))
}

// pages are the parameters of every list.
func pages(fields []ratchet.Field) []param {
	sort := sortable(fields)
	return []param{
		query("limit", "How many there are in a page.", numberSchema(1, ratchet.MaxLimit)),
		query("offset", "How many to leave out before the page.", numberSchema(0, maxOffset)),
		query("page", "The page's number, from 1. Instead of offset.", numberSchema(1, maxOffset/ratchet.MaxLimit)),
		query("_start", "The place of the first, from 0. Instead of offset.", numberSchema(0, maxOffset)),
		query("_end", "The place after the last. With _start, instead of limit.", numberSchema(1, maxOffset)),
		query("cursor", "meta.next of the page before: the page after it, however far, for the same price. Instead of offset.", textSchema()),
		query("_sort", "What to sort by, with commas: "+strings.Join(sort, ", ")+". A \"-\" before a field turns its order around.", textSchema("-"+sort[len(sort)-1])),
		query("_order", "asc or desc, for all fields of _sort or for each.", textSchema("desc")),
	}
}
