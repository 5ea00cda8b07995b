// want: EXECUTION_TIMEOUT
() => { (async () => { for (;;) await 0; })(); return 1; }
