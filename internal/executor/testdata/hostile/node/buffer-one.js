// want: MEMORY_LIMIT
() => Buffer.alloc(3e9, 1).length
