// want: EXECUTION_TIMEOUT
(i, c) => { for (;;) c.progress(0.5, "x".repeat(1000)); }
