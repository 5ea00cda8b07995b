// want: EXECUTION_TIMEOUT MEMORY_LIMIT
() => Array.prototype.fill.call({ length: 2 ** 53 - 1 }, 1)
