// want: EXECUTION_TIMEOUT MEMORY_LIMIT
() => new Promise(() => { for (let i = 0; i < 2e4; i++) setInterval(() => {}, 0); })
