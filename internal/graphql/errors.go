package graphql

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	gql "github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/graphql/schema"
)

// failure is an error with a code of its own.
func failure(code, message string) *gqlerror.Error {
	return &gqlerror.Error{Message: message, Extensions: map[string]any{"code": code}}
}

func unauthenticated() error {
	return ratchet.Errorf(ratchet.ReasonUnauthenticated, "an API key is needed: send one as \"Authorization: Bearer rk_…\" or \"X-API-Key: rk_…\"; \"ratchet key create\" makes one")
}

func wrongMethod(method string) error {
	return ratchet.Errorf(ratchet.ReasonMethod, "%s is not for this path: use GET or POST", shorten(method))
}

// overLimit is that there is more of something than may be.
func overLimit(what string, most int, remedy string) error {
	return ratchet.Errorf(ratchet.ReasonTooLarge, "the request has more than %d %s: %s", most, what, remedy).
		WithDetails(ratchet.Detail{Message: "too many " + what, Expected: fmt.Sprintf("at most %d", most)})
}

// maxShown bounds what is repeated of a bad value.
const maxShown = 200

func shorten(text string) string {
	if len(text) <= maxShown {
		return text
	}
	return strings.ToValidUTF8(text[:maxShown], "") + "…"
}

// codeOf is the code of an error as GraphQL's clients know it.
func codeOf(c ratchet.Code) string {
	switch c {
	case ratchet.CodeInvalid:
		return "BAD_USER_INPUT"
	case ratchet.CodeExhausted:
		return "RATE_LIMITED"
	default:
		return strings.ToUpper(string(c))
	}
}

// present is an error as the asker sees it.
func (h *Handler) present(ctx context.Context, err error) *gqlerror.Error {
	out := &gqlerror.Error{Path: gql.GetPath(ctx)}
	if at, ok := errors.AsType[*gqlerror.Error](err); ok {
		if at.Extensions["code"] != nil {
			return at
		}
		if len(at.Path) > 0 {
			out.Path = at.Path
		}
		out.Locations = at.Locations
	}
	if field, ok := errors.AsType[*schema.FieldError](err); ok {
		out.Path = append(append(ast.Path{}, out.Path...), ast.PathName(field.Field))
	}
	e := ratchet.AsError(err)
	if e.Code == ratchet.CodeInternal {
		e = h.hide(ctx, err, out.Path)
	}
	out.Message = e.Message
	out.Extensions = map[string]any{"code": codeOf(e.Code), "reason": e.Reason}
	if len(e.Details) > 0 {
		details := append([]ratchet.Detail{}, e.Details...)
		for i := range details {
			details[i].Got = shorten(details[i].Got)
		}
		out.Extensions["details"] = details
	}
	if delay := e.RetryDelay(); delay > 0 {
		out.Extensions["retryAfterMs"] = delay.Milliseconds()
	}
	if id := requestID(ctx); id != "" && e.Code == ratchet.CodeInternal {
		out.Extensions["requestId"] = id
	}
	return out
}

// hide replaces an error from inside, and says it in the log.
func (h *Handler) hide(ctx context.Context, err error, at ast.Path) *ratchet.Error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return ratchet.Errorf(ratchet.ReasonTimeout, "this took too long: try again")
	case errors.Is(err, context.Canceled):
		return ratchet.Errorf(ratchet.ReasonServiceUnavailable, "the request ended before it was answered: try again")
	}
	text := err.Error()
	if cause := ratchet.AsError(err).Cause; cause != nil && !strings.Contains(text, cause.Error()) {
		text += ": " + cause.Error()
	}
	h.log.ErrorContext(ctx, "request failed", "surface", "graphql", "field", at.String(), "request_id", requestID(ctx), "error", text)
	return ratchet.Errorf(ratchet.ReasonInternal, "something went wrong inside Ratchet: its log says what, under this request's ID")
}

// list is an error from before there is anything to answer.
func (h *Handler) list(ctx context.Context, err error) gqlerror.List {
	return gqlerror.List{h.present(ctx, err)}
}

// recovered turns a panic into an error that says nothing.
func (h *Handler) recovered(ctx context.Context, p any) error {
	h.log.ErrorContext(ctx, "a resolver panicked", "panic", p, "field", gql.GetPath(ctx).String(), "request_id", requestID(ctx), "stack", string(debug.Stack()))
	out := h.present(ctx, ratchet.Errorf(ratchet.ReasonValidation, "x"))
	out.Message = "something went wrong inside Ratchet: its log says what, under this request's ID"
	out.Extensions = map[string]any{"code": "INTERNAL", "reason": ratchet.ReasonInternal, "requestId": requestID(ctx)}
	return out
}

// badDocument is that a document cannot be read.
func badDocument(err error) gqlerror.List {
	out := &gqlerror.Error{Message: err.Error()}
	if at, ok := errors.AsType[*gqlerror.Error](err); ok {
		out.Message, out.Locations = at.Message, at.Locations
	}
	out.Message = shorten(out.Message)
	out.Extensions = map[string]any{"code": "GRAPHQL_PARSE_FAILED", "reason": ratchet.ReasonSerialization}
	if strings.Contains(out.Message, "exceeded token limit") {
		out.Message = fmt.Sprintf("the document has more than %d words and signs: send what varies as variables", maxTokens)
		out.Extensions = map[string]any{"code": "BAD_USER_INPUT", "reason": ratchet.ReasonTooLarge}
	}
	return gqlerror.List{out}
}

// badVariables is that a variable is not of its type.
func badVariables(err error) gqlerror.List {
	out := &gqlerror.Error{Message: err.Error()}
	if at, ok := errors.AsType[*gqlerror.Error](err); ok {
		out.Message, out.Path = at.Message, at.Path
	}
	out.Message = shorten(out.Message)
	out.Extensions = map[string]any{"code": "BAD_USER_INPUT", "reason": ratchet.ReasonValidation}
	return gqlerror.List{out}
}

// maxErrors is how many errors of one document are told.
const maxErrors = 20

// invalidDocument says what of a document is not as the schema says, and where.
func invalidDocument(doc *ast.QueryDocument, errs gqlerror.List) gqlerror.List {
	if len(errs) > maxErrors {
		errs = errs[:maxErrors]
	}
	all := make(gqlerror.List, len(errs))
	for i, err := range errs {
		all[i] = &gqlerror.Error{Message: shorten(err.Message), Locations: err.Locations, Path: err.Path, Rule: err.Rule}
		if len(err.Locations) > 0 && len(err.Path) == 0 {
			all[i].Path = pathTo(doc, err.Locations[0])
		}
		all[i].Extensions = map[string]any{"code": "GRAPHQL_VALIDATION_FAILED", "reason": ratchet.ReasonValidation}
	}
	return all
}

// pathTo is the path of the innermost field or argument that begins at the
// location or before.
func pathTo(doc *ast.QueryDocument, at gqlerror.Location) (path ast.Path) {
	before := func(p *ast.Position) bool {
		return p != nil && (p.Line < at.Line || p.Line == at.Line && p.Column <= at.Column)
	}
	var value func(v *ast.Value, to ast.Path)
	value = func(v *ast.Value, to ast.Path) {
		if v == nil || !before(v.Position) {
			return
		}
		path = to
		for i, child := range v.Children {
			step := ast.PathElement(ast.PathName(child.Name))
			if child.Name == "" {
				step = ast.PathIndex(i)
			}
			value(child.Value, append(to[:len(to):len(to)], step))
		}
	}
	var selection func(set ast.SelectionSet, to ast.Path)
	selection = func(set ast.SelectionSet, to ast.Path) {
		for _, s := range set {
			switch s := s.(type) {
			case *ast.Field:
				if before(s.Position) {
					path = append(to[:len(to):len(to)], ast.PathName(s.Alias))
					here := path
					for _, arg := range s.Arguments {
						value(arg.Value, append(here[:len(here):len(here)], ast.PathName(arg.Name)))
					}
					selection(s.SelectionSet, here)
				}
			case *ast.InlineFragment:
				selection(s.SelectionSet, to)
			}
		}
	}
	for _, op := range doc.Operations {
		if before(op.Position) {
			selection(op.SelectionSet, nil)
		}
	}
	return path
}
