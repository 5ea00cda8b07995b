// Package exec is the code that gqlgen makes of the GraphQL schema: it reads
// arguments, calls resolvers and writes answers. What they do is package graphql's
// business. Nothing but this comment is written by hand: ../generate.sh does it.
package exec
