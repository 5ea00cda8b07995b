// want: EXECUTION_TIMEOUT ok
() => { const a = []; a[2 ** 32 - 2] = 1; return Array.prototype.reverse.call(a).length; }
