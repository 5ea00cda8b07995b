package exec

import (
	"context"
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// marshalSlice answers with the items of a list, one after the other: what they
// need of the service is fetched for all of them at once, so there is nothing to
// win by a goroutine for each.
func marshalSlice(ctx context.Context, n int, _ int64, _ bool, item func(context.Context, int) graphql.Marshaler) graphql.Array {
	all := make(graphql.Array, n)
	for i := range n {
		all[i] = marshalItem(graphql.WithFieldContext(ctx, &graphql.FieldContext{Index: &i}), i, item)
	}
	return all
}

// marshalItem answers with one item; with null if that panics.
func marshalItem(ctx context.Context, i int, item func(context.Context, int) graphql.Marshaler) (out graphql.Marshaler) {
	defer func() {
		if p := recover(); p != nil {
			graphql.AddError(ctx, graphql.Recover(ctx, p))
			out = graphql.Null
		}
	}()
	return item(ctx, i)
}

// resolveNow answers with a field that a resolver answers. A nullable one is
// invalid only if what is below it says so.
func resolveNow(ctx context.Context, oc *graphql.OperationContext, out *graphql.FieldSet, i int, _, nonNull bool, resolve func(context.Context) graphql.Marshaler) {
	invalid := graphql.RequiredNull
	if nonNull {
		invalid = graphql.Null
	}
	out.Values[i] = recovered(ctx, oc, resolve)
	if out.Values[i] == invalid {
		out.Invalids++
	}
}

// recovered is what resolve answers; null if that panics.
func recovered(ctx context.Context, oc *graphql.OperationContext, resolve func(context.Context) graphql.Marshaler) (out graphql.Marshaler) {
	defer func() {
		if p := recover(); p != nil {
			oc.Error(ctx, oc.Recover(ctx, p))
			out = graphql.Null
		}
	}()
	return resolve(ctx)
}

// resolveLeaf answers with a value that is there already and has no fields. What is
// not as it should be goes the long way, which knows where it is.
func resolveLeaf[T any](
	ctx context.Context,
	oc *graphql.OperationContext,
	field graphql.CollectedField,
	fieldContext func(context.Context, graphql.CollectedField) (*graphql.FieldContext, error),
	resolve func(context.Context) (any, error),
	middleware func(context.Context, graphql.Resolver) graphql.Resolver,
	marshal func(context.Context, ast.SelectionSet, T) graphql.Marshaler,
	recoverFromPanic, nonNull bool,
) graphql.Marshaler {
	if middleware == nil {
		if value, err := resolve(ctx); err == nil {
			if v, ok := value.(T); ok && (!nonNull || !empty(value)) {
				return marshal(ctx, nil, v)
			}
		}
	}
	return graphql.ResolveField(ctx, oc, field, fieldContext, resolve, middleware, marshal, recoverFromPanic, nonNull)
}

// empty reports whether a value would be answered with null.
func empty(value any) bool {
	text, isJSON := value.(json.RawMessage)
	return isJSON && len(text) == 0
}
