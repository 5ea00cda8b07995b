// want: EXECUTION_TIMEOUT ok
() => { let n = 0; (function f() { n++; try { f(); } catch { } })(); return n; }
