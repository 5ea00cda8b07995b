// want: EXECUTION_TIMEOUT
() => { const a = [3, 1, 2]; for (;;) a.sort(() => { for (;;); }); }
