package delivery

import (
	"context"

	"github.com/ratchet-runner/ratchet-go"
)

// A TestRequest asks to try destinations: to make what would be delivered to them,
// and to deliver it if Send says so.
type TestRequest struct {
	// Destinations are as [destination.Prepare] leaves them; their secrets are plain, references or
	// sealed.
	Destinations []ratchet.Destination
	// Job is whose result is delivered, with its last execution and the semantic
	// version of what ran; zero: one is made up.
	Job       ratchet.Job
	Execution *ratchet.Execution
	Version   string
	// Task is whose environment references are of; zero: the Job's.
	Task ratchet.TaskID
	Send bool
}

// Test tries destinations, all at once, and writes nothing of it.
func (r *Runner) Test(ctx context.Context, request TestRequest) []ratchet.DestinationTest {
	return make([]ratchet.DestinationTest, len(request.Destinations))
}
