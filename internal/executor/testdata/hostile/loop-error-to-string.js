// want: EXECUTION_TIMEOUT
() => { const e = new Error(); Object.defineProperty(e, "message", { get() { return { toString() { for (;;); } }; } }); throw e; }
