// want: EXECUTION_FAILED ok
() => (function f() { return String(f.caller) + String(arguments.callee.caller); })()
