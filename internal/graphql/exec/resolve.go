package exec

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
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
