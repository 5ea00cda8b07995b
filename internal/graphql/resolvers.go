package graphql

import (
	"context"
	"errors"
	"slices"

	gql "github.com/99designs/gqlgen/graphql"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/graphql/exec"
	"github.com/ratchet-runner/ratchet-go/internal/graphql/schema"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// resolvers answer the fields of the schema that are more than a value.
type resolvers struct {
	svc    *service.Service
	health func(context.Context) Health
	looks  chan struct{} // of subscriptions
}

// Each type of the schema whose fields are resolved has its own.
type (
	query        struct{ *resolvers }
	mutation     struct{ *resolvers }
	subscription struct{ *resolvers }
	ofTask       struct{ *resolvers }
	ofJob        struct{ *resolvers }
	ofExecution  struct{ *resolvers }
	ofSchedule   struct{ *resolvers }
	ofEvent      struct{ *resolvers }
	ofDelivery   struct{ *resolvers }
)

var _ exec.ResolverRoot = (*resolvers)(nil)

// Query returns the resolver of queries, as do the others of theirs.
func (r *resolvers) Query() exec.QueryResolver { return query{r} }

// Mutation returns the resolver of mutations.
func (r *resolvers) Mutation() exec.MutationResolver { return mutation{r} }

// Subscription returns the resolver of subscriptions.
func (r *resolvers) Subscription() exec.SubscriptionResolver { return subscription{r} }

// Task returns the resolver of tasks.
func (r *resolvers) Task() exec.TaskResolver { return ofTask{r} }

// Job returns the resolver of jobs.
func (r *resolvers) Job() exec.JobResolver { return ofJob{r} }

// Execution returns the resolver of executions.
func (r *resolvers) Execution() exec.ExecutionResolver { return ofExecution{r} }

// Schedule returns the resolver of schedules.
func (r *resolvers) Schedule() exec.ScheduleResolver { return ofSchedule{r} }

// Event returns the resolver of events.
func (r *resolvers) Event() exec.EventResolver { return ofEvent{r} }

// Delivery returns the resolver of deliveries.
func (r *resolvers) Delivery() exec.DeliveryResolver { return ofDelivery{r} }

// at says of which argument an error is.
func at(ctx context.Context, argument string, err error) error {
	if err == nil {
		return nil
	}
	return gql.ErrorOnPath(gql.WithPathContext(ctx, gql.NewPathWithField(argument)), err)
}

// orNil turns what is not there into nil.
func orNil[T, V any](v *T, err error, wrap func(*T) V) (*V, error) {
	if e, ok := errors.AsType[*ratchet.Error](err); ok && e.Code == ratchet.CodeNotFound {
		return nil, nil //nolint:nilnil // null is the answer
	}
	if err != nil || v == nil {
		return nil, err
	}
	out := wrap(v)
	return &out, nil
}

// the returns what is there.
func the[T, V any](v *T, err error, wrap func(*T) V) (out V, _ error) {
	if err != nil {
		return out, err
	}
	return wrap(v), nil
}

// each wraps the items of a list.
func each[T, V any](items []T, wrap func(*T) V) []V {
	all := make([]V, len(items))
	for i := range items {
		all[i] = wrap(&items[i])
	}
	return all
}

func asTask(t *ratchet.Task) schema.Task             { return schema.Task{Task: t} }
func asVersion(v *ratchet.Version) schema.Version    { return schema.Version{Version: v} }
func asJob(j *ratchet.Job) schema.Job                { return schema.Job{Job: j} }
func asSchedule(s *ratchet.Schedule) schema.Schedule { return schema.Schedule{Schedule: s} }
func asKey(k *ratchet.Key) schema.Key                { return schema.Key{Key: k} }
func asDelivery(d *ratchet.Delivery) schema.Delivery { return schema.Delivery{Delivery: d} }
func asHook(h *ratchet.Hook) schema.Hook             { return schema.Hook{Hook: h} }
func asStats(s *ratchet.Stats) schema.Stats          { return schema.Stats{Stats: s} }

// listed is an execution of a list, without its logs and fetches.
func listed(e *ratchet.Execution) schema.Execution { return schema.Execution{Execution: e} }

// whole is an execution with all that there is of it.
func whole(e *ratchet.Execution) schema.Execution { return schema.Execution{Execution: e, Whole: true} }

// pageQuery is what a list is asked for.
func pageQuery[F ~[]ratchet.Filter](ctx context.Context, filters F, sort []ratchet.Sort, limit, offset *int, after *string) (q ratchet.Query, err error) {
	q = ratchet.Query{Filters: filters, Sort: sort, Limit: ratchet.DefaultLimit, Uncounted: !asksFor(ctx, "meta", "total", "totalPages")}
	if limit != nil {
		if q.Limit = *limit; q.Limit < 1 || q.Limit > ratchet.MaxLimit {
			return q, at(ctx, "limit", ratchet.Errorf(ratchet.ReasonValidation, "the limit %d is out of bounds: want 1 to %d", q.Limit, ratchet.MaxLimit))
		}
	}
	if offset != nil {
		if q.Offset = *offset; q.Offset < 0 {
			return q, at(ctx, "offset", ratchet.Errorf(ratchet.ReasonValidation, "the offset %d is out of bounds: want 0 or more", q.Offset))
		}
	}
	if after != nil && *after != "" {
		if q.After = *after; q.Offset > 0 {
			return q, at(ctx, "after", ratchet.Errorf(ratchet.ReasonValidation, "offset and after do not go together: give one of them"))
		}
	}
	return q, nil
}

// asksFor reports whether the field that is being answered is asked for one of the
// fields of another below it.
func asksFor(ctx context.Context, below string, names ...string) bool {
	oc := gql.GetOperationContext(ctx)
	for _, f := range gql.CollectFieldsCtx(ctx, nil) {
		if f.Name != below {
			continue
		}
		for _, f := range gql.CollectFields(oc, f.Selections, nil) {
			if slices.Contains(names, f.Name) {
				return true
			}
		}
	}
	return false
}

// within is a number of an argument that is bounded.
func within(ctx context.Context, argument string, given *int, otherwise, most int) (int, error) {
	if given == nil {
		return otherwise, nil
	}
	if *given < 1 || *given > most {
		return 0, at(ctx, argument, ratchet.Errorf(ratchet.ReasonValidation, "%s %d is out of bounds: want 1 to %d", argument, *given, most))
	}
	return *given, nil
}

// value is what an argument says, or the zero value.
func value[T any](given *T) (v T) {
	if given != nil {
		return *given
	}
	return v
}
