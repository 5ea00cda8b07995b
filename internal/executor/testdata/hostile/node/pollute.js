// want: ok EXECUTION_FAILED
() => { const O = Object.getPrototypeOf(Object.getPrototypeOf(require("util").inspect)); O.then = (f) => f(1); O.toString = () => { throw 1; }; return 1; }
