// want: MEMORY_LIMIT EXECUTION_FAILED EXECUTION_TIMEOUT
() => { const all = []; for (;;) all.push(new WebAssembly.Table({ initial: 1e7, element: "anyfunc" })); }
