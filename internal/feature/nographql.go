//go:build nographql || noserver

package feature

const graphql = false
