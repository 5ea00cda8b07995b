//go:build noserver

package feature

const server = false
