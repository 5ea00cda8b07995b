// Package recording is what passed the host seam of an execution, on disk: a
// folder with the input, the output, every request with its answer (as HAR 1.2),
// the log, and all that it takes to run the execution again. It writes, redacts,
// reads and replays; who asks for that, and how differences are shown, is the
// caller's business.
//
// A [Recorder] stands before an execution's Effects and writes it down; a
// [Replay] stands in their place and answers from a [Recording], without any
// network. docs/recordings.md describes the format.
package recording
