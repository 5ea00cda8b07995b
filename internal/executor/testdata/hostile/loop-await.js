// want: EXECUTION_TIMEOUT
async () => { for (;;) await null; }
