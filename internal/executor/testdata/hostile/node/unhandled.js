// want: ok
() => { Promise.reject(new Error("nobody")); return 1; }
