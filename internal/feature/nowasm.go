//go:build nowasm || noserver

package feature

const wasm = false
