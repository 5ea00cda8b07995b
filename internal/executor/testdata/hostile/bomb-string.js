// want: MEMORY_LIMIT EXECUTION_FAILED
() => { let s = "x"; for (;;) s += s + "y"; }
