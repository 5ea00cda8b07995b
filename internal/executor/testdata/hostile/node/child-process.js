// want: EXECUTION_FAILED
() => globalThis.require("node:child_process").execSync("id").toString()
