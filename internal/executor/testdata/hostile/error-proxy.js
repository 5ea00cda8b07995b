// want: EXECUTION_FAILED
() => { throw new Proxy(new Error("x"), { get() { throw new Error("y"); } }); }
