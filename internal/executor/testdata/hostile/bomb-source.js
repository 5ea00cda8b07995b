// want: MEMORY_LIMIT EXECUTION_TIMEOUT EXECUTION_FAILED
() => (0, eval)("[" + "1,".repeat(3e6) + "]").length
