// want: EXECUTION_FAILED
() => new Proxy({}, { ownKeys() { throw new Error("trap"); } })
