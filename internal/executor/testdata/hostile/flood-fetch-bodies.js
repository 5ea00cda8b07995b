// want: FETCH_LIMIT FETCH_BYTES_LIMIT MEMORY_LIMIT EXECUTION_TIMEOUT
() => { const body = "x".repeat(4e6); const all = []; for (;;) all.push(fetch("http://127.0.0.1:1/", { method: "POST", body })); }
