// want: EXECUTION_TIMEOUT
() => { for (;;); }
