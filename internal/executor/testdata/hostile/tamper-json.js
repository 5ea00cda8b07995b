// want: ok EXECUTION_FAILED
() => { JSON.stringify = () => "broken"; JSON.parse = () => null; String.prototype.toString = () => "x"; return { a: 1 }; }
