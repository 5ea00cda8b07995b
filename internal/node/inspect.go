package node

import (
	"slices"

	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// InspectDescriptor is the socket over which an inspected worker speaks the
// inspector's protocol: JSON, a message a line.
const InspectDescriptor = 6

// An Inspection says what somebody may see of a worker from inside.
type Inspection int

// The inspections.
const (
	NotInspected   Inspection = iota
	Inspected                 // somebody may look on
	InspectedBreak            // and programs stop at their first statement, once they may run
)

// Inspect has a Program's worker led by the inspector's protocol. The kernel's
// walls stay as they are, for the guest listens nowhere. Node's own wall, which
// is one more in front of them, is left out: with it there is no inspector.
func Inspect(p sandbox.Program, i Inspection) sandbox.Program {
	if i == NotInspected {
		return p
	}
	word := "@inspect" // without the sign it would be one of Node's own commands
	if i == InspectedBreak {
		word = "@inspect-brk"
	}
	p.Args = slices.DeleteFunc(slices.Clone(p.Args), func(arg string) bool { return arg == "--permission" })
	at := slices.Index(p.Args, sandbox.ReportArg)
	p.Args = slices.Insert(p.Args, at, word)
	p.Keep = append(slices.Clone(p.Keep), InspectDescriptor)
	return p
}
