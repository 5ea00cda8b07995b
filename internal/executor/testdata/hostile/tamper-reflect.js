// want: ok EXECUTION_FAILED
() => { Reflect.apply = Reflect.construct = Object.defineProperty = Object.keys = () => { throw 1; }; console.log({ a: [new Map([[1, 2]])] }); return fetch("http://127.0.0.1:1/").catch(() => 1); }
