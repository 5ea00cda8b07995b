// Package bundle turns a task on disk (a folder, a zip or a single file) into a
// checked Bundle: its metadata, its schemas and the one piece of code that the
// engine runs, named by a digest of everything they were made from. Where tasks
// come from and how their code runs is left to others.
package bundle
