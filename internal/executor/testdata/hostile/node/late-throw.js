// want: ok EXECUTION_FAILED
() => { queueMicrotask(() => { throw new Error("late"); }); return new Promise((done) => setTimeout(done, 5, 1)); }
