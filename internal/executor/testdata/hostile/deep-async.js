// want: RECURSION_LIMIT EXECUTION_FAILED EXECUTION_TIMEOUT MEMORY_LIMIT PROMISE_NEVER_SETTLES
async () => { const f = async () => { await f(); }; await f(); }
