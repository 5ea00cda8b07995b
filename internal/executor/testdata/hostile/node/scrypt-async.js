// want: EXECUTION_TIMEOUT
() => new Promise(() => { const { pbkdf2 } = require("crypto"); for (let i = 0; i < 100; i++) pbkdf2("a", "b", 1e9, 64, "sha512", () => {}); })
