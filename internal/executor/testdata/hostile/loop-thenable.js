// want: EXECUTION_TIMEOUT
() => ({ then(resolve) { resolve(this); } })
