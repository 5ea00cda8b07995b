// want: ok EXECUTION_FAILED
() => { Function.prototype.call = Function.prototype.apply = Function.prototype[Symbol.hasInstance] = () => { throw 1; }; throw new TypeError("x"); }
