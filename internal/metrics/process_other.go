//go:build !unix

package metrics

func cpuSeconds() float64 { return 0 }

func residentBytes() (float64, bool) { return 0, false }

func openFiles() (int, bool) { return 0, false }
