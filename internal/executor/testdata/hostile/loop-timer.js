// want: EXECUTION_TIMEOUT
() => new Promise(() => { setInterval(() => { for (let i = 0; i < 1e5; i++); }, 0); })
