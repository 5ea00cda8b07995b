// want: MEMORY_LIMIT EXECUTION_TIMEOUT
() => { let a = [1]; for (;;) a = a.concat(a); }
