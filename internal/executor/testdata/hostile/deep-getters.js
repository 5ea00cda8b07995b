// want: RECURSION_LIMIT
() => { const o = { get x() { return this.x + 1; } }; return o.x; }
