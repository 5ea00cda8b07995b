// want: MEMORY_LIMIT EXECUTION_TIMEOUT EXECUTION_FAILED
() => { let o = [1]; for (;;) o = structuredClone([o, o]); }
