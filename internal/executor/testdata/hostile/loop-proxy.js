// want: EXECUTION_TIMEOUT
() => { const p = new Proxy({}, { get(t, k, r) { for (;;) Reflect.has(r, k); }, has() { return true; } }); return p.x; }
