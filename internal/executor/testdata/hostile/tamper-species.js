// want: ok EXECUTION_FAILED
() => { Object.defineProperty(Array, Symbol.species, { get() { throw 1; } }); Object.defineProperty(Promise, Symbol.species, { get() { throw 1; } }); return [1].map((x) => x); }
