// Package javascript is the SDK with which plugins are written in JavaScript, as
// files. What a plugin is, its README tells; what a new one looks like is left to
// package scaffold.
package javascript

import "embed"

// Files are what a plugin needs beside itself.
//
//go:embed index.js index.mjs index.d.ts cbor.js frames.js package.json
var Files embed.FS
