// want: EXECUTION_FAILED EXECUTION_TIMEOUT
() => { Error.prepareStackTrace = () => { throw 1; }; Error.stackTraceLimit = Infinity; null.x; }
