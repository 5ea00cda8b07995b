// want: EXECUTION_FAILED EXECUTION_WORKER_ERROR
() => { const F = require("util").inspect.constructor; F("process.abort()")(); }
