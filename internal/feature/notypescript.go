//go:build notypescript

package feature

const typescript = false
