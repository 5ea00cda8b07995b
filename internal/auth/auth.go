// Package auth says who is asking and what they may do: principals, API keys and
// the scopes of both. Where keys are kept is the store's business; how a request
// carries one is the surface's.
package auth

import (
	"context"
	"slices"

	"github.com/ratchet-runner/ratchet-go"
)

// A Principal is who is asking.
type Principal struct {
	Name   string // "local", or the key's name
	Key    ratchet.KeyID
	Scopes []ratchet.Scope
}

// Local is who asks over the loopback interface, where keys are not required.
func Local() Principal {
	return Principal{Name: "local", Scopes: []ratchet.Scope{ratchet.ScopeAdmin}}
}

// Has reports whether p may do what needs the scope: one of its own scopes is
// that, or includes it. Nobody has a scope that there is not.
func (p Principal) Has(scope ratchet.Scope) bool {
	all := ratchet.Scopes()
	needed := slices.Index(all, scope)
	return needed >= 0 && slices.ContainsFunc(p.Scopes, func(s ratchet.Scope) bool {
		return slices.Index(all, s) >= needed
	})
}

type contextKey struct{}

// With returns a context in which p is asking.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// From returns who is asking; ok is false for nobody we know.
func From(ctx context.Context) (p Principal, ok bool) {
	p, ok = ctx.Value(contextKey{}).(Principal)
	return p, ok
}
