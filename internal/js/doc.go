// Package js runs JavaScript: it compiles a program once and runs it many
// times, each time in a fresh VM under limits. What a VM may ask of the world
// goes through the [Host] it is given; who answers is no matter of this package.
//
// The engine is QuickJS, transpiled to Go (modernc.org/libquickjs), driven
// directly: every byte of a VM lives in one arena of memory, so that a fresh VM
// is a copy of a snapshot taken after the prelude ran. Where that is not wanted
// (many VMs at once, for which copies would cost memory) a VM is built from
// nothing by the same code.
//
// The globals of a task are the files of prelude/, loaded when first touched.
// docs/javascript.md lists them.
package js
