// want: EXECUTION_FAILED
() => globalThis.require("fs").readFileSync("/node").length
