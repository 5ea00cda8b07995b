// want: ok EXECUTION_FAILED
() => { Array.prototype[Symbol.iterator] = function* () { for (;;) yield 1; }; Array.prototype.push = Array.prototype.map = () => { throw 1; }; return [1, 2]; }
