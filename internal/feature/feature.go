// Package feature says which of the parts that a build may leave out this program
// was built with, each by a build tag in a file of its own. What the parts do, and
// what happens without them, is left to those that own them.
package feature

// A Feature is a part of Ratchet that not everyone needs.
type Feature struct {
	Name string // for people: "PostgreSQL"
	Tag  string // the build tag that leaves it out: "nopostgres"
	In   bool   // this program has it
}

// All lists the features in the order of their tags.
func All() []Feature { return []Feature{GraphQL(), Postgres(), Server(), TypeScript(), WASM()} }

// Postgres is the store on PostgreSQL, and with it several servers.
func Postgres() Feature { return Feature{"PostgreSQL", "nopostgres", postgres} }

// Server is what serves jobs, and all that is in it. The commands that run tasks
// by themselves or ask a server elsewhere do without.
func Server() Feature { return Feature{"the server", "noserver", server} }

// TypeScript is the bundler: TypeScript, imports, require and module.exports.
func TypeScript() Feature { return Feature{"TypeScript", "notypescript", typescript} }

// GraphQL is the API at /graphql.
func GraphQL() Feature { return Feature{"GraphQL", "nographql", graphql} }

// WASM runs plugins that are WebAssembly.
func WASM() Feature { return Feature{"WebAssembly", "nowasm", wasm} }

// Without lists the tags of what this program was built without.
func Without() []string {
	var tags []string
	for _, f := range All() {
		if !f.In {
			tags = append(tags, f.Tag)
		}
	}
	return tags
}

// Missing is the remark that an error ends with where a feature is wanted and not
// there: how the program was built, and what to do.
func (f Feature) Missing() string {
	return "this ratchet was built without " + f.Name + " (build tag " + f.Tag + "); use the default build"
}
