// want: PROMISE_NEVER_SETTLES
() => new Promise(() => {})
