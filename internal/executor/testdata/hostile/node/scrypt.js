// want: EXECUTION_TIMEOUT MEMORY_LIMIT EXECUTION_FAILED
() => { const { scryptSync } = require("crypto"); for (;;) scryptSync("a", "b", 64, { N: 16384 }); }
