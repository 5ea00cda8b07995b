// want: EXECUTION_TIMEOUT ok EXECUTION_FAILED
async () => { Promise.prototype.then = () => { for (;;); }; globalThis.Promise = class {}; await null; return 1; }
