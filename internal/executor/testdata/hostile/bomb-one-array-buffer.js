// want: MEMORY_LIMIT EXECUTION_FAILED
() => new ArrayBuffer(2 ** 33).byteLength
