// want: EXECUTION_FAILED
() => { const F = require("util").inspect.constructor; return F("return process.getBuiltinModule('fs').readSync(3, Buffer.alloc(9))")(); }
