//go:build nopostgres || noserver

package feature

const postgres = false
