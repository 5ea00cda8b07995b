// want: EXECUTION_FAILED
() => ({ get then() { throw new Error("then"); } })
