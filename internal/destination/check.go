package destination

import "github.com/ratchet-runner/ratchet-go"

// Check reports what is wrong with a destination; pointers are JSON names: "/url".
func Check(d *ratchet.Destination, where Where) (wrong []ratchet.Detail) { return nil }
