// Package schedule knows when schedules run, and runs them: rules give instants,
// the runner makes jobs of those that are due. What a job is made of, and where
// schedules and jobs are kept, is left to others.
//
// # When a rule runs
//
// A cron rule names times on the clock of its zone. Where that clock jumps, two
// kinds of rules differ, as in the cron of Unix:
//
//   - A rule whose hours begin with "*", or are all 24, goes by elapsed time: it
//     runs whenever the clock shows a time that it names. An hour that comes twice
//     has its runs twice, one that is left out has none.
//   - Every other rule is of fixed times, each of which runs once a day. A time that
//     the clock leaves out runs at the first instant after the gap, one that comes
//     twice runs the first time only.
//
// An interval ("@every 90m", or Every) has no clock: it counts from the schedule's
// start, or from when it was made.
package schedule
