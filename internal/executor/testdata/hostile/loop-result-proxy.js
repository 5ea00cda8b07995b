// want: EXECUTION_TIMEOUT MEMORY_LIMIT
// in node: OUTPUT_TOO_LARGE EXECUTION_TIMEOUT MEMORY_LIMIT
() => new Proxy([], { get(t, k) { return k === "length" ? 2 ** 32 - 1 : k === "toJSON" ? undefined : 1; } })
