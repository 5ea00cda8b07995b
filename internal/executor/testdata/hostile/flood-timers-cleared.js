// want: EXECUTION_TIMEOUT
() => { for (;;) clearTimeout(setTimeout(() => {}, 1e9)); }
