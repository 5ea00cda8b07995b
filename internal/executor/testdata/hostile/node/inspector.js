// want: EXECUTION_FAILED
() => globalThis.require("inspector").open(0)
