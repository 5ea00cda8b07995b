// want: EXECUTION_TIMEOUT ok
() => { const s = "a".repeat(2e6), t = "a".repeat(1e6) + "b"; return s.indexOf(t); }
