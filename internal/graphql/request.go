package graphql

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/graphql/schema"
)

const (
	jsonType        = "application/json"
	graphqlType     = "application/graphql-response+json"
	streamType      = "text/event-stream"
	requestIDHeader = "X-Request-Id"
)

// A request is what one HTTP request, or one message, asks for.
type request struct {
	operations []operation
	batch      bool // answers are a list
	readOnly   bool // it came by GET
}

// An operation is one of the things that a request asks for.
type operation struct {
	Query         string          `json:"query"`
	OperationName string          `json:"operationName"`
	Variables     json.RawMessage `json:"variables"`
	Extensions    struct {
		PersistedQuery *persisted `json:"persistedQuery"`
	} `json:"extensions"`

	files map[string]schema.File // by variable
}

// A persisted query is sent once, and named by its hash from then on.
type persisted struct {
	Version int    `json:"version"`
	Hash    string `json:"sha256Hash"`
}

type requestIDKey struct{}

func withRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// accepts reports whether the asker takes the media type by name.
func accepts(r *http.Request, kind string) bool {
	return strings.Contains(strings.Join(r.Header.Values("Accept"), ","), kind)
}

func wantsStream(r *http.Request) bool { return accepts(r, streamType) }

// wantsPage reports whether a browser was led here by somebody who wants to look.
func wantsPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && accepts(r, "text/html") && !r.URL.Query().Has("query") && !r.URL.Query().Has("extensions")
}

// read reads what a request asks for. On an error, status is that of the answer.
func (h *Handler) read(w http.ResponseWriter, r *http.Request) (in *request, status int, err error) {
	if r.Method != http.MethodPost {
		in, err = readQuery(r)
		return in, http.StatusBadRequest, err
	}
	kind, options, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && kind == jsonType:
		in, err = h.readBody(http.MaxBytesReader(w, r.Body, h.config.MaxBody))
	case err == nil && kind == "multipart/form-data":
		in, err = h.readForm(multipart.NewReader(http.MaxBytesReader(w, r.Body, h.config.MaxArchive), options["boundary"]))
	default:
		return nil, http.StatusUnsupportedMediaType, ratchet.Errorf(ratchet.ReasonMediaType, "send the body as application/json, or as multipart/form-data with files")
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, http.StatusRequestEntityTooLarge, ratchet.Errorf(ratchet.ReasonTooLarge, "the body is larger than %v", ratchet.Size(h.config.MaxBody))
	}
	return in, http.StatusBadRequest, err
}

// readQuery reads an operation from the parameters of a GET.
func readQuery(r *http.Request) (*request, error) {
	query := r.URL.Query()
	op := operation{Query: query.Get("query"), OperationName: query.Get("operationName")}
	if text := query.Get("variables"); text != "" {
		op.Variables = json.RawMessage(text)
	}
	if text := query.Get("extensions"); text != "" {
		if err := json.Unmarshal([]byte(text), &op.Extensions); err != nil {
			return nil, unreadable("the parameter extensions", err)
		}
	}
	return &request{operations: []operation{op}, readOnly: true}, nil
}

// readBody reads an operation, or a list of them.
func (h *Handler) readBody(body io.Reader) (*request, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, unreadable("the body", err)
	}
	in := &request{}
	if trimmed := bytes.TrimLeft(text, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '[' {
		in.batch = true
		in.operations, err = h.readBatch(text)
		return in, err
	}
	var op operation
	if err := json.Unmarshal(text, &op); err != nil {
		return nil, unreadable("the body", err)
	}
	in.operations = []operation{op}
	return in, nil
}

// readBatch reads a list of operations, and stops at one too many.
func (h *Handler) readBatch(text []byte) (all []operation, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if _, err := decoder.Token(); err != nil {
		return nil, unreadable("the body", err)
	}
	for decoder.More() {
		if len(all) == h.config.MaxBatch {
			return nil, overLimit("operations", h.config.MaxBatch, "send them in several requests")
		}
		var op operation
		if err := decoder.Decode(&op); err != nil {
			return nil, unreadable("the body", err)
		}
		all = append(all, op)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, unreadable("the body", err)
	}
	if len(all) == 0 {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "the list of operations is empty")
	}
	return all, nil
}

// readForm reads an operation with files, as graphql-multipart-request-spec says:
// the operation, which file is for which variable, the files.
func (h *Handler) readForm(form *multipart.Reader) (*request, error) {
	var op operation
	places := map[string][]string{}
	for n := 0; ; n++ {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, unreadable("the form", err)
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return nil, unreadable("the form", err)
		}
		switch name := part.FormName(); {
		case n == 0 && name == "operations":
			err = json.Unmarshal(data, &op)
		case n == 1 && name == "map":
			err = json.Unmarshal(data, &places)
		case n > 1 && part.FileName() != "" && places[name] != nil:
			err = op.place(places[name], schema.File{Name: part.FileName(), Data: data})
		default:
			return nil, ratchet.Errorf(ratchet.ReasonSerialization, "the form should hold operations, map and then the files that map names")
		}
		if err != nil {
			return nil, unreadable("the form's "+part.FormName(), err)
		}
	}
	if op.Query == "" {
		return nil, ratchet.Errorf(ratchet.ReasonSerialization, "the form has no operations: send operations, map and then the files")
	}
	return &request{operations: []operation{op}}, nil
}

// place puts a file where the map says: "variables.file" or "variables.input.file".
func (op *operation) place(paths []string, f schema.File) error {
	for _, path := range paths {
		name, ok := strings.CutPrefix(path, "variables.")
		if !ok || strings.Count(name, ".") > 1 {
			return errPlace
		}
		if op.files == nil {
			op.files = map[string]schema.File{}
		}
		op.files[name] = f
	}
	return nil
}

var errPlace = errors.New("a file goes to a variable, such as variables.file or variables.input.file")

// unreadable is what is wrong with what cannot even be read.
func unreadable(what string, err error) error {
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return err
	}
	return ratchet.Errorf(ratchet.ReasonSerialization, "%s cannot be read: %v", what, err)
}
