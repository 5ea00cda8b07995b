// want: EXECUTION_FAILED
() => new Function("return import('ratchet:core.js')")()
