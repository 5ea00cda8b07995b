// want: EXECUTION_FAILED
() => { Error.prototype.toString = () => { throw 1; }; Object.defineProperty(Error.prototype, "message", { get() { for (let i = 0; i < 10; i++); return 1n; } }); throw new Error(); }
