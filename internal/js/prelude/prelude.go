// Package prelude holds what is in JavaScript of a task's globals: one script a
// module, whose value is a function of the host and of what loads other modules.
// The engines run them; what the host does is theirs.
package prelude

import "embed"

// Files are the modules, NAME.js, and what QuickJS compiled of some of them,
// NAME.bytecode.
//
//go:embed *.js *.bytecode
var Files embed.FS
