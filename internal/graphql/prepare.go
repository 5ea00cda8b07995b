package graphql

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	gql "github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/ratchet-runner/ratchet-go"
)

// prepare makes an operation ready to be done: it is found, read, measured,
// checked against the schema, and paid from the budget.
func (h *Handler) prepare(ctx context.Context, op *operation, budget *int) (*gql.OperationContext, gqlerror.List) {
	doc, errs := h.document(ctx, op)
	if errs != nil {
		return nil, errs
	}
	chosen := doc.Operations.ForName(op.OperationName)
	if chosen == nil {
		return nil, h.list(ctx, ratchet.Errorf(ratchet.ReasonValidation, "the document has %d operations, and none is called %q: name one in operationName", len(doc.Operations), op.OperationName))
	}
	given, err := h.variables(op, chosen)
	if err != nil {
		return nil, h.list(ctx, err)
	}
	values, err := validator.VariableValues(h.schema, chosen, given)
	if err != nil {
		return nil, badVariables(err)
	}
	if *budget -= cost(chosen, values, doc); *budget < 0 {
		return nil, h.list(ctx, overLimit("cost", h.config.MaxCost, "ask for fewer things, or for shorter lists with limit and last"))
	}
	return &gql.OperationContext{
		RawQuery: op.Query, Variables: values, OperationName: op.OperationName, Doc: doc, Operation: chosen,
		RecoverFunc:            h.recovered,
		ResolverMiddleware:     func(ctx context.Context, next gql.Resolver) (any, error) { return next(ctx) },
		RootResolverMiddleware: func(ctx context.Context, next gql.RootResolver) gql.Marshaler { return next(ctx) },
	}, nil
}

// document returns the document of the operation, which is checked once.
func (h *Handler) document(ctx context.Context, op *operation) (*ast.QueryDocument, gqlerror.List) {
	if err := h.persist(ctx, op); err != nil {
		return nil, gqlerror.List{err}
	}
	if doc, known := h.known.Get(ctx, op.Query); known {
		return doc, nil
	}
	if len(op.Query) > maxDocument {
		return nil, h.list(ctx, overLimit("bytes", maxDocument, "send what varies as variables"))
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: op.Query}, maxTokens)
	if err != nil {
		return nil, badDocument(err)
	}
	if len(doc.Operations) == 0 {
		return nil, h.list(ctx, ratchet.Errorf(ratchet.ReasonValidation, "the document has no operation: send one, such as {health{status}}"))
	}
	// What a document would cost to check is bounded before it is checked.
	if err := h.measure(doc); err != nil {
		return nil, h.list(ctx, err)
	}
	if errs := validator.ValidateWithRules(h.schema, doc, rules.NewDefaultRules()); len(errs) > 0 {
		return nil, invalidDocument(doc, errs)
	}
	h.known.Add(ctx, op.Query, doc)
	return doc, nil
}

// persist finds the query that a hash names, or remembers it.
func (h *Handler) persist(ctx context.Context, op *operation) *gqlerror.Error {
	p := op.Extensions.PersistedQuery
	if p == nil {
		return nil
	}
	if p.Version != 1 {
		return failure("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")
	}
	if op.Query == "" {
		query, known := h.queries.Get(ctx, p.Hash)
		if !known {
			return failure("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
		}
		op.Query = query
		return nil
	}
	if sum := sha256.Sum256([]byte(op.Query)); hex.EncodeToString(sum[:]) != p.Hash {
		return failure("BAD_USER_INPUT", "the persisted query's sha256Hash is not the hash of the query")
	}
	if len(op.Query) <= maxDocument {
		h.queries.Add(ctx, p.Hash, op.Query)
	}
	return nil
}
