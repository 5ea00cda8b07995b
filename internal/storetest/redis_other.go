//go:build !linux

package storetest

import "testing"

// A RedisServer is a Redis of one test.
type RedisServer struct{ URL string }

// Redis says that there is none here.
func Redis(t testing.TB) *RedisServer {
	t.Helper()
	t.Skip("Redis is tested on Linux only")
	return nil
}

// Start does nothing here.
func (*RedisServer) Start() {}

// Kill does nothing here.
func (*RedisServer) Kill() {}

// Freeze does nothing here.
func (*RedisServer) Freeze() {}

// Thaw does nothing here.
func (*RedisServer) Thaw() {}
