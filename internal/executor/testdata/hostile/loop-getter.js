// want: EXECUTION_TIMEOUT
() => { const o = { get x() { for (;;); } }; return o.x; }
