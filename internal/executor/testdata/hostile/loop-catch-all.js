// want: EXECUTION_TIMEOUT
() => { for (;;) { try { (function f() { f(); })(); } catch {} } }
