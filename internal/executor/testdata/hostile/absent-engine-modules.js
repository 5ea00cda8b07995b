// want: ok
// in node: EXECUTION_FAILED
() => { for (const k of ["std", "os", "bjson", "scriptArgs", "print", "__loadScript", "gc", "Worker", "require"]) if (k in globalThis) throw new Error(k); return 1; }
