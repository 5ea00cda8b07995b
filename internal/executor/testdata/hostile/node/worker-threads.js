// want: EXECUTION_FAILED
() => { const { Worker } = globalThis.require("worker_threads"); new Worker("for (;;);", { eval: true }); }
