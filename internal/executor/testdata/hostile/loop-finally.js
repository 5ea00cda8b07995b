// want: EXECUTION_TIMEOUT
() => { for (;;) { try { for (;;); } catch {} finally { for (;;); } } }
