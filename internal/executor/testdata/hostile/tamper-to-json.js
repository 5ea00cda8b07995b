// want: ok EXECUTION_FAILED
() => { Object.prototype.toJSON = () => { throw 1; }; return { a: 1 }; }
