// want: EXECUTION_TIMEOUT
() => { let n = 0; return Array.from({ get length() { for (;;) n++; } }); }
