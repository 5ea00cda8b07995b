package service_test

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func TestEveryOperationSaysWhatItIsAndWhoMay(t *testing.T) {
	t.Parallel()
	s := service.New(service.Deps{}, service.Config{})
	names, routes := map[string]string{}, map[string]string{}
	fields := reflect.TypeFor[service.Catalogue]()
	path := regexp.MustCompile(`^(/([a-z]+|\{[a-z]+\}))+$`)
	for i, o := range s.Operations() {
		field := fields.Field(i).Name
		if o.Name == "" || o.Summary == "" || strings.HasSuffix(o.Summary, ".") {
			t.Errorf("%s: got name %q, summary %q, want both, the summary without a full stop", field, o.Name, o.Summary)
		}
		if !path.MatchString(o.Path) {
			t.Errorf("%s: got path %q", field, o.Path)
		}
		if !(auth.Principal{Scopes: ratchet.Scopes()}).Has(o.Scope) {
			t.Errorf("%s: got scope %q, which nobody has", field, o.Scope)
		}
		if o.Tag() == "" || o.Tag() == o.Name {
			t.Errorf("%s: the name %q has no noun before a dot", field, o.Name)
		}
		// A read may be a POST, if what is asked does not fit a URL.
		if (o.Effect == service.Read) != (o.Method == "GET") && o.Name != "schedules.preview" {
			t.Errorf("%s: got effect %q by %s", field, o.Effect, o.Method)
		}
		if o.Effect != service.Read && o.Effect != service.Write && o.Effect != service.Destructive {
			t.Errorf("%s: got effect %q", field, o.Effect)
		}
		if (o.Effect != service.Read) && o.Scope == ratchet.ScopeRead {
			t.Errorf("%s: whoever may read may change something", field)
		}
		if (o.Method == "DELETE") != (o.Effect == service.Destructive) && !strings.HasPrefix(o.Name, "jobs.cancel") {
			t.Errorf("%s: got effect %q by %s", field, o.Effect, o.Method)
		}
		route := o.Method + " " + regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(o.Path, "{}")
		if other := names[o.Name]; other != "" {
			t.Errorf("%s and %s have the name %q", field, other, o.Name)
		}
		if other := routes[route]; other != "" {
			t.Errorf("%s and %s have the route %q", field, other, route)
		}
		names[o.Name], routes[route] = field, field
	}
}

func TestNobodyGetsPastThePolicy(t *testing.T) {
	t.Parallel()
	s := service.New(service.Deps{}, service.Config{})
	var used []service.Use
	s.OnUse(func(u service.Use) { used = append(used, u) })
	v := reflect.ValueOf(s.Catalogue)
	for i, o := range s.Operations() {
		call := v.Field(i).MethodByName("Call")
		in := reflect.Zero(call.Type().In(1))
		for _, who := range []struct {
			name string
			ctx  any
			want ratchet.Code
		}{
			{"nobody", t.Context(), ratchet.CodeUnauthenticated},
			{"somebody without scopes", auth.With(t.Context(), auth.Principal{Name: "x"}), ratchet.CodeForbidden},
			{"somebody with one scope too little", auth.With(t.Context(), auth.Principal{Name: "x", Scopes: below(o.Scope)}), ratchet.CodeForbidden},
		} {
			out := call.Call([]reflect.Value{reflect.ValueOf(who.ctx), in})
			err, _ := out[1].Interface().(error)
			if e := ratchet.AsError(err); err == nil || e.Code != who.want {
				t.Errorf("%s by %s: got %v, want %s", o.Name, who.name, err, who.want)
			} else if who.want == ratchet.CodeForbidden && !strings.Contains(e.Message, string(o.Scope)) {
				t.Errorf("%s by %s: %q does not name the scope %s", o.Name, who.name, e.Message, o.Scope)
			}
			if len(used) == 0 || used[len(used)-1].Operation != o.Name || used[len(used)-1].Code != who.want {
				t.Errorf("%s by %s was not counted", o.Name, who.name)
			}
		}
	}
}

// below returns the scopes that are less than the one.
func below(scope ratchet.Scope) (less []ratchet.Scope) {
	for _, s := range ratchet.Scopes() {
		if s == scope {
			break
		}
		less = append(less, s)
	}
	return less
}
