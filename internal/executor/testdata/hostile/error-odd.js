// want: EXECUTION_FAILED
() => { throw Object.create(null); }
