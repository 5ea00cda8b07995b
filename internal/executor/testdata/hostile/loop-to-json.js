// want: EXECUTION_TIMEOUT
() => ({ toJSON() { for (;;); } })
