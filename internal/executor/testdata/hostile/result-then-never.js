// want: PROMISE_NEVER_SETTLES
() => ({ then() {} })
