//go:build !nowasm && !noserver

package feature

const wasm = true
