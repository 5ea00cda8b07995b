package graphql

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	gql "github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/ratchet-runner/ratchet-go"
)

// encode writes an answer. The data is left as it is.
func encode(data json.RawMessage, errs gqlerror.List) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	if len(errs) > 0 {
		b.WriteString(`"errors":`)
		b.Write(encodeErrors(errs))
	}
	if len(data) > 0 {
		if len(errs) > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"data":`)
		b.Write(data)
	}
	b.WriteByte('}')
	return b.Bytes()
}

func encodeErrors(errs gqlerror.List) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(errs); err != nil { // cannot be: they are made of texts
		return []byte(`[{"message":"the errors cannot be shown"}]`)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// answer does the operations of a request one after the other, and answers.
func (h *Handler) answer(ctx context.Context, w http.ResponseWriter, r *http.Request, in *request) {
	budget := h.config.MaxCost
	strict, status := accepts(r, graphqlType), http.StatusOK
	answers := make([][]byte, len(in.operations))
	for i := range in.operations {
		body, refused := h.do(ctx, in, &in.operations[i], &budget)
		if refused && strict && !in.batch {
			status = http.StatusBadRequest
		}
		answers[i] = body
	}
	body := answers[0]
	if in.batch {
		body = append(append([]byte{'['}, bytes.Join(answers, []byte{','})...), ']')
	}
	kind := jsonType
	if strict {
		kind = graphqlType
	}
	send(w, status, kind, body)
}

// do does one operation that is no subscription. Refused says that it was not
// even begun.
func (h *Handler) do(ctx context.Context, in *request, op *operation, budget *int) (body []byte, refused bool) {
	oc, errs := h.prepare(ctx, op, budget)
	switch {
	case errs != nil:
	case oc.Operation.Operation == ast.Subscription:
		errs = h.list(ctx, ratchet.Errorf(ratchet.ReasonValidation, "a subscription needs a stream: send Accept: text/event-stream, or open a WebSocket with the protocol graphql-transport-ws"))
	case in.readOnly && oc.Operation.Operation != ast.Query:
		errs = h.list(ctx, ratchet.Errorf(ratchet.ReasonMethod, "GET is for queries: send a mutation by POST"))
	}
	if errs != nil {
		return encode(nil, errs), true
	}
	return h.begin(ctx, oc)(), false
}

// begin starts an operation. What it returns gives the next answer, or nil after
// the last one.
func (h *Handler) begin(ctx context.Context, oc *gql.OperationContext) func() []byte {
	ctx = gql.WithOperationContext(ctx, oc)
	first := h.collecting(h.loading(ctx))
	responses := h.exec.Exec(first)
	if errs := gql.GetErrors(first); errs != nil {
		told := false
		return func() []byte {
			if told {
				return nil
			}
			told = true
			return encode(nil, errs)
		}
	}
	return func() []byte {
		ctx := h.collecting(h.loading(ctx)) // what was loaded for one event is not true for the next
		response := responses(ctx)
		if response == nil {
			return nil
		}
		return encode(response.Data, append(response.Errors, gql.GetErrors(ctx)...))
	}
}

// collecting returns a context that collects errors.
func (h *Handler) collecting(ctx context.Context) context.Context {
	return gql.WithResponseContext(ctx, h.present, h.recovered)
}

// refuse answers a request of which nothing was begun.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, status int, err error) {
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="ratchet"`)
	}
	ctx := withRequestID(r.Context(), w.Header().Get(requestIDHeader))
	send(w, status, jsonType, encode(nil, h.list(ctx, err)))
}

func send(w http.ResponseWriter, status int, kind string, body []byte) {
	header := w.Header()
	header.Set("Content-Type", kind+"; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone hears nothing
}
