//go:build !notypescript

package feature

const typescript = true
