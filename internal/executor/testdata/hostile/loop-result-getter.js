// want: EXECUTION_TIMEOUT
() => ({ get x() { for (;;); } })
