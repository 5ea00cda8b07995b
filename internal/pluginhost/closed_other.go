//go:build !unix

package pluginhost

func isBrokenPipe(error) bool { return false }
