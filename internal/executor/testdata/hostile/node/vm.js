// want: EXECUTION_FAILED
() => globalThis.require("vm").runInThisContext("process.exit(1)")
