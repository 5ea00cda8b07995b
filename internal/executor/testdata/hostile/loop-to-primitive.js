// want: EXECUTION_TIMEOUT
() => 1 + { [Symbol.toPrimitive]() { for (;;); } }
