// want: ok
() => ({ then(a, b) { a(1); b(new Error("2")); a(3); throw new Error("4"); } })
