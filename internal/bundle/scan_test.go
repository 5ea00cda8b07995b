package bundle_test

import (
	"reflect"
	"strings"
	"testing"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

func TestOldFetchIsInferred(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"(i) => fetch(i.url).body":                                                true,
		"(function(i) { return fetch(i.url).body })":                              true,
		"(i) => fetch(i.url, {method: 'GET'}).status":                             true,
		"(i) => fetch(i.url)?.ok":                                                 true,
		"(i) => fetch(i.url)\n  .body":                                            true,
		"(i) => { const r = fetch(i.url); return r.body }":                        true,
		"(i) => { const r = fetch(i.url)\n if (!r.ok) throw 1 }":                  true,
		"(i) => { let r; try { r = fetch(i.url) } catch (e) {} return r.status }": true,
		"(i) => { var a = 1, r = fetch(f(i)), b; return r.body.items }":           true,
		"(i) => { const { body } = fetch(i.url); return body }":                   true,
		"(i) => { const { ok: fine, status } = fetch(i.url); return fine }":       true,
		"(i) => fetch(`${i.base}/x?${'a'}`).body":                                 true,
		"/* fetch(x).then */ (i) => fetch(i.url).body // await":                   true,
		"(i) => { const re = /async await/; return fetch(i.url).body }":           true,
		"(i) => typeof fetch === 'function' ? fetch(i.url).body : null":           true,

		"(i) => fetch(i.url)":                                                      false,
		"(function(i) { return fetch(i.url) })":                                    false,
		"(i) => { const r = fetch(i.url); return r }":                              false,
		"(i) => fetch(i.url).then((r) => r.json())":                                false,
		"(i) => fetch(i.url).then(function(r) { return r.status })":                false,
		"(i) => { const p = fetch(i.url); return p.then((r) => r.ok) }":            false,
		"async (i) => (await fetch(i.url)).body":                                   false,
		"async (i) => { const r = await fetch(i.url); return r.ok }":               false,
		"async function main(i) { const r = await fetch(i.url); return r.status }": false,
		"async (i) => { const p = fetch(i.url); const r = await p; return r.ok }":  false,
		"(i) => Promise.all([fetch(i.a), fetch(i.b)]).then(([a, b]) => a.ok)":      false,
		"function* f(i) { const r = yield fetch(i.url); return r.ok }":             false,
		"// fetch(i.url).body\n(i) => i":                                           false,
		"(i) => 'fetch(i.url).body'":                                               false,
		"(i) => `fetch(i.url).body`":                                               false,
		"(i) => /fetch(i.url).body/.test(i.x)":                                     false,
		"(i) => api.fetch(i.url).body":                                             false,
		"function fetch(u) { return {body: u} }\n(i) => fetch(i.url).body":         false,
		"const f = fetch; (i) => f(i.url).body":                                    false,
		"(i, fetch) => fetch(i.url).body":                                          false,
		"(i) => fetch(i.url).json().body":                                          false,
		"(i) => fetch(i.url).body()":                                               false,
		"(i) => { const r = fetch(i.url).headers; return r.ok }":                   false,
		"(i) => { const r = i; fetch(i.url); return r.status }":                    false,
		"(i) => { const { data } = fetch(i.url); return data.ok }":                 false,
		"(i) => i.body":                      false,
		"({ fetch() { return this.body } })": false,
		"":                                   false,
	} {
		if got := bundle.ReadsFetchDirectly(code); got != want {
			t.Errorf("%s: got %v, want %v", code, got, want)
		}
	}
}

func TestFetchMode(t *testing.T) {
	t.Parallel()
	b := load(t, "testdata/tasks/old-fetch")
	if b.Fetch != ratchet.FetchSync || b.Kind != bundle.Script || b.Name != "old-weather" {
		t.Errorf("got fetch %s of a %s called %s", b.Fetch, b.Kind, b.Name)
	}
	wants(t, lines(b.Warnings), `main.js:6:16: the task reads the response straight off fetch`, `"fetch": "sync" in metadata.json`)

	said := files{"metadata.json": `{"name": "a", "version": "1.0.0", "fetch": "async"}`, "main.js": "(i) => fetch(i.url).body"}
	if b := load(t, said.write(t)); b.Fetch != ratchet.FetchAsync || len(b.Warnings) > 0 {
		t.Errorf("got fetch %s and %s, want what the metadata says", b.Fetch, lines(b.Warnings))
	}
	module := files{"main.js": "export default (i) => fetch(i.url).body"}
	if b := load(t, module.write(t)); b.Fetch != ratchet.FetchAsync {
		t.Errorf("got fetch %s of a module", b.Fetch)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"a = b / c / d":                      "a = b / c / d",
		"a = /b/g.test(c) / 2":               "a = /b/g . test ( c ) / 2",
		"x = a ? /[/]/ : 1":                  "x = a ? /[/]/ : 1",
		"if (a) /b'/.test(c)":                "if ( a ) /b'/ . test ( c )",
		"f(a) / 2 / 'x'":                     "f ( a ) / 2 / 'x'",
		"return /\"/":                        "return /\"/",
		"{}\n/a'/.test(b)":                   "{ } /a'/ . test ( b )",
		"x = {} / 2 / 'a'":                   "x = { } / 2 / 'a'",
		"a++ / 2 / b":                        "a ++ / 2 / b",
		"`a${ {b: `c${d}`} }e` / 2":          "`a${ { b : `c${ d }` } }e` / 2",
		"'a\\'b' + \"c\\\"d\"":               "'a\\'b' + \"c\\\"d\"",
		"a // b\n/* c\n*/ d":                 "a d",
		"1.5e+3 + .5 + 0x1F + 1_000n":        "1.5e+3 + .5 + 0x1F + 1_000n",
		"a?.b ?? c?.5:1":                     "a ?. b ?? c ? .5 : 1",
		"#!/usr/bin/env node\na":             "a",
		"class A { #p = 1; get ['x']() {} }": "class A { #p = 1 ; get [ 'x' ] ( ) { } }",
		"'unclosed\nnext":                    "'unclosed next",
		"`unclosed${a":                       "`unclosed${ a",
		")]}":                                ") ] }",
		"const é = \\u0061":                  "const é = \\u0061",
		"a => a\u2028b":                      "a => a b",
	} {
		if got := bundle.Tokens(code); !reflect.DeepEqual(got, strings.Fields(want)) {
			t.Errorf("%q: got %q, want %q", code, got, strings.Fields(want))
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		"(function(input) { return input })", "`${`${1}`}`", "a/b/c", "/[/]/", "'", "`", "/*", "}}}((", "async function(", "import('x')", "const {body} = fetch(x)",
		"function(){} = fetch({", "export", "\\", "#!",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, code string) {
		for _, text := range bundle.Tokens(code) {
			if text == "" {
				t.Errorf("%q: an empty token", code)
			}
		}
		bundle.ReadsFetchDirectly(code)
	})
}
