package rest

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/problem"
)

// describe is the description of the API before its routes are added.
func (a *api) describe() *huma.OpenAPI {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	alias(registry)
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Ratchet", Version: a.config.Version,
			Description: "Runs JavaScript and TypeScript tasks as durable jobs. " +
				"Answers are {\"data\": …}, lists {\"data\": […], \"meta\": {…}}. " +
				"Errors are application/problem+json and list everything that is wrong at once. " +
				"Parameters may be written in snake case. A filter that is given more than once means any of its values.",
			License: &huma.License{Name: "MIT"},
		},
		Servers: []*huma.Server{{URL: base}},
		Components: &huma.Components{
			Schemas: registry,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"bearer": {Type: "http", Scheme: "bearer", Description: "An API key, which begins with rk_."},
				"apiKey": {Type: "apiKey", In: "header", Name: "X-API-Key", Description: "An API key, which begins with rk_."},
			},
		},
		Security: []map[string][]string{{"bearer": {}}, {"apiKey": {}}, {}},
		Tags:     tags(),
	}
}

func tags() []*huma.Tag {
	return []*huma.Tag{
		{Name: "tasks", Description: "What can be run: named functions and their versions. A task is addressed by ID, name or alias."},
		{Name: "env", Description: "The variables of a task's environment. Values are write-only."},
		{Name: "jobs", Description: "What was asked to be run, and what came of it."},
		{Name: "executions", Description: "The attempts at jobs: times, output, logs, requests."},
		{Name: "events", Description: "The one stream of what happens."},
		{Name: "schedules", Description: "Rules by which jobs are submitted. A schedule is addressed by ID or name."},
		{Name: "deliveries", Description: "Results on their way to the destinations that a job, its schedule or its task names."},
		{Name: "hooks", Description: "URLs that make jobs of what is posted to them: POST /hooks/{token}, signed."},
		{Name: "cluster", Description: "The server itself: nodes, worker processes, numbers."},
		{Name: "keys", Description: "What programs show to be let in."},
	}
}

// document describes a route.
func (rt *route) document(registry huma.Registry) *huma.Operation {
	op := &huma.Operation{
		Method: rt.op.Method, Path: rt.op.Path, OperationID: strings.ReplaceAll(rt.op.Name, ".", "_"),
		Summary: rt.op.Summary, Description: rt.op.Description, Tags: []string{rt.op.Tag()},
		DefaultStatus: rt.status(), Responses: map[string]*huma.Response{},
		Extensions: map[string]any{"x-scope": string(rt.op.Scope), "x-effect": string(rt.op.Effect)},
	}
	for _, name := range rt.inPath {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: textSchema(), Description: pathDoc(rt, name)})
	}
	for _, p := range rt.params {
		in := "query"
		if p.header {
			in = "header"
		}
		op.Parameters = append(op.Parameters, &huma.Param{Name: p.name, In: in, Schema: p.schema, Description: p.doc})
	}
	for _, f := range rt.fields {
		for _, compare := range f.Kind.Ops() {
			op.Parameters = append(op.Parameters, filterDoc(f, compare))
		}
	}
	op.RequestBody = rt.bodyDoc(registry)
	rt.responses(op, registry)
	return op
}

func pathDoc(rt *route, name string) string {
	switch name {
	case "task":
		return "The task's ID, name or alias."
	case "schedule":
		return "The schedule's ID or name."
	case "version":
		return "A semantic version, a digest (or a unique beginning of it) or an ID."
	case "name":
		return "The variable's name."
	}
	noun, _, _ := strings.Cut(strings.TrimPrefix(rt.op.Path, "/"), "/")
	if noun == "deliveries" {
		noun = "delivery"
	}
	return "The ID of the " + strings.TrimSuffix(noun, "s") + "; the part before the \"_\" may be left out."
}

// filterDoc describes one filter of a list.
func filterDoc(f ratchet.Field, compare ratchet.Op) *huma.Param {
	schema := textSchema()
	switch f.Kind {
	case ratchet.FieldEnum:
		schema = wordSchema(f.Values...)
	case ratchet.FieldBool:
		schema = yesSchema()
	case ratchet.FieldNumber:
		schema = &huma.Schema{Type: huma.TypeInteger}
	case ratchet.FieldTime:
		schema.Format = "date-time"
	}
	what := map[ratchet.Op]string{
		ratchet.OpEqual: "is this", ratchet.OpNot: "is not this", ratchet.OpLess: "is less than this", ratchet.OpAtMost: "is this or less",
		ratchet.OpMore: "is more than this", ratchet.OpAtLeast: "is this or more", ratchet.OpContains: "contains this, in any case (also _contains)",
		ratchet.OpPrefix: "starts with this", ratchet.OpSuffix: "ends with this",
		ratchet.OpIn: "is one of these, with commas", ratchet.OpNotIn: "is none of these, with commas",
	}[compare]
	if f.Kind == ratchet.FieldSet {
		what = strings.Replace(what, "is", "has", 1)
	}
	if compare == ratchet.OpIn || compare == ratchet.OpNotIn {
		schema = textSchema()
	}
	return &huma.Param{Name: filterParameter(f, compare), In: "query", Schema: schema, Description: "Only where " + f.Name + " " + what + "."}
}

func (rt *route) bodyDoc(registry huma.Registry) *huma.RequestBody {
	if len(rt.accepts) == 0 {
		return nil
	}
	doc := &huma.RequestBody{Required: rt.needed, Content: map[string]*huma.MediaType{}}
	for _, kind := range rt.accepts {
		media := &huma.MediaType{Schema: &huma.Schema{}}
		switch {
		case kind == zipType:
			media.Schema = archiveSchema()
		case kind == multipartType:
			media.Schema = &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"file": archiveSchema()}, Required: []string{"file"}}
		case rt.takes != nil:
			media.Schema = registry.Schema(rt.takes, true, "")
		}
		if rt.example != "" && kind == jsonType {
			media.Example = rawExample(rt.example)
		}
		doc.Content[kind] = media
	}
	return doc
}

// responses describes what a request gets.
func (rt *route) responses(op *huma.Operation, registry huma.Registry) {
	media := map[string]*huma.MediaType{}
	if rt.returns != nil {
		data := registry.Schema(rt.returns, true, "")
		if !rt.streams || rt.list {
			media[jsonType] = &huma.MediaType{Schema: rt.envelope(data, registry)}
		}
		if rt.streams {
			events := registry.Schema(reflect.TypeFor[ratchet.Event](), true, "")
			media[streamType] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Description: "A stream of events; the data of each is an Event.", AnyOf: []*huma.Schema{events}}}
		}
	}
	add := func(code int, what string, content map[string]*huma.MediaType) {
		op.Responses[strconv.Itoa(code)] = &huma.Response{Description: what, Content: content, Headers: rt.headerDocs(code)}
	}
	add(rt.status(), http.StatusText(rt.status()), media)
	failed := map[string]*huma.MediaType{problem.ContentType: {Schema: registry.Schema(reflect.TypeFor[problem.Problem](), true, "")}}
	for _, s := range rt.statuses {
		if s.code >= http.StatusBadRequest {
			add(s.code, s.what, failed)
		} else {
			add(s.code, s.what, media)
		}
	}
	if rt.tagged && rt.op.Method == http.MethodGet {
		add(http.StatusNotModified, "It is as you saw it.", nil)
	}
	op.Responses["default"] = &huma.Response{Description: "What is wrong.", Content: failed}
}

// envelope is the whole of an answer.
func (rt *route) envelope(data *huma.Schema, registry huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"data": data}, Required: []string{"data"}}
	if rt.list {
		s.Properties["data"] = &huma.Schema{Type: huma.TypeArray, Items: data}
		s.Properties["meta"] = registry.Schema(reflect.TypeFor[meta](), true, "Meta")
		s.Required = append(s.Required, "meta")
	}
	return s
}

func (rt *route) headerDocs(code int) map[string]*huma.Header {
	docs := map[string]*huma.Header{}
	add := func(name, what string) {
		docs[name] = &huma.Header{Description: what, Schema: textSchema()}
	}
	if rt.location && (code == http.StatusCreated || code == http.StatusAccepted) {
		add("Location", "Where to look at it.")
	}
	if rt.tagged && code < http.StatusBadRequest {
		add("ETag", "Names this content, for If-None-Match.")
	}
	if rt.list && rt.op.Method == http.MethodGet {
		add("X-Total-Count", "meta.total, if it is known.")
		add("Content-Range", "Which part of the list this is, as in \"jobs 0-24/137\" or \"jobs 0-24/*\".")
		add("Link", "The next page, as rel=\"next\".")
	}
	if len(docs) == 0 {
		return nil
	}
	return docs
}
