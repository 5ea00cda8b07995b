// want: EXECUTION_TIMEOUT MEMORY_LIMIT EXECUTION_FAILED
// in node: ok EXECUTION_FAILED EXECUTION_TIMEOUT MEMORY_LIMIT
() => { const a = []; a.length = 2 ** 32 - 1; return [].concat(a, a, a).length; }
