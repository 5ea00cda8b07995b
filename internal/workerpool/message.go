package workerpool

import "github.com/ratchet-runner/ratchet-go/internal/ipc"

// Protocol is the version of what the two say to each other.
const Protocol = ipc.Version

// What a worker and whoever runs executions in it say to each other, so that
// the latter need not know the wire.
type (
	// Run is what to execute; the pool numbers it.
	Run = ipc.Run
	// Request asks for an effect, such as "fetch".
	Request = ipc.Request
	// Reply answers a Request; the pool addresses it to the execution.
	Reply = ipc.Reply
	// Log is one line that a task logged.
	Log = ipc.Log
	// Progress is how far a task says it is.
	Progress = ipc.Progress
	// Done is what the worker says at the end.
	Done = ipc.Done
	// Timeline makes a run repeatable.
	Timeline = ipc.Timeline
	// Failure is why an execution ended without output.
	Failure = ipc.Failure
)
