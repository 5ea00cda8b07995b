// want: MEMORY_LIMIT EXECUTION_TIMEOUT
() => new Promise(() => { for (let i = 0; ; i++) setTimeout(() => {}, 1e6); })
