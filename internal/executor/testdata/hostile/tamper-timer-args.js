// want: ok EXECUTION_FAILED PROMISE_NEVER_SETTLES
() => { clearTimeout({ valueOf() { throw 1; } }); clearTimeout(-1); clearTimeout(1e99); setTimeout(() => {}, NaN); setTimeout(() => {}, -Infinity); return new Promise((f) => setTimeout(f, 1n < 2, 1)); }
