// want: ok EXECUTION_FAILED RECURSION_LIMIT EXECUTION_TIMEOUT
// in node: LOG_LIMIT ok EXECUTION_FAILED
() => { let o = []; for (let i = 0; i < 1e5; i++) o = [o]; console.log(o); console.dir(o, { depth: Infinity }); return 1; }
