// want: ok EXECUTION_FAILED PROMISE_NEVER_SETTLES
() => { Map.prototype.get = Map.prototype.set = Map.prototype.delete = () => { throw 1; }; return new Promise((f) => setTimeout(f, 1, 1)); }
