// want: EXECUTION_FAILED
() => globalThis.require("node:net").connect(80, "127.0.0.1")
