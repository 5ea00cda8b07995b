// Package ratchet is the domain: tasks and their versions, jobs, executions,
// their states and the transitions between them, identifiers, limits and
// errors. It knows no database, no network and no JavaScript engine.
//
// A task is a plain JavaScript or TypeScript function in a folder. A version is
// one content of that folder, named by its digest. A job is what was asked of a
// version; an execution is one attempt at a job.
package ratchet
