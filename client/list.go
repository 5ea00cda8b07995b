package client

import (
	"context"
	"iter"
	"net/url"
	"strconv"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
)

// parameters writes a query as the API has it.
func parameters(q ratchet.Query) url.Values {
	v := filters(q.Filters)
	var sort []string
	for _, s := range q.Sort {
		if s.Desc {
			s.Field = "-" + s.Field
		}
		sort = append(sort, s.Field)
	}
	if len(sort) > 0 {
		v.Set("_sort", strings.Join(sort, ","))
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Offset > 0 {
		v.Set("offset", strconv.Itoa(q.Offset))
	}
	if q.After != "" {
		v.Set("cursor", q.After)
	}
	return v
}

// filters writes the filters as parameters.
func filters(all []ratchet.Filter) url.Values {
	v := url.Values{}
	for _, f := range all {
		switch f.Op {
		case ratchet.OpEqual, ratchet.OpIn: // which is the same, for any of several
			v[f.Field] = append(v[f.Field], f.Values...)
		default:
			v.Add(f.Field+"_"+string(f.Op), strings.Join(f.Values, ","))
		}
	}
	return v
}

// list reads a page of what is at path.
func list[T any](ctx context.Context, c *Client, path string, q ratchet.Query) (ratchet.Page[T], error) {
	page := ratchet.Page[T]{Total: -1}
	a, err := c.do(ctx, read(path, parameters(q)), &page.Items)
	if err != nil {
		return page, err
	}
	page.Offset, page.Next = a.meta.Offset, a.meta.Next
	if a.meta.Total != nil {
		page.Total = *a.meta.Total
	}
	return page, nil
}

// Each goes through a list from page to page, as in
//
//	for job, err := range client.Each(ctx, query, c.Jobs) { … }
//
// An error ends it.
func Each[T any](ctx context.Context, q ratchet.Query, page func(context.Context, ratchet.Query) (ratchet.Page[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			p, err := page(ctx, q)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range p.Items {
				if !yield(item, nil) {
					return
				}
			}
			if p.Next == "" {
				return
			}
			q.After, q.Offset = p.Next, 0
		}
	}
}
