// want: ok EXECUTION_FAILED NO_FUNCTION EXECUTION_TIMEOUT
Array.prototype[Symbol.iterator] = function* () { for (;;) yield 1; }; function main() { return 1; } main
