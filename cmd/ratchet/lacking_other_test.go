//go:build !linux

package main_test

// lacking is for Linux only; the scripts that use it skip elsewhere.
func lacking() {}
