// want: EXECUTION_FAILED RECURSION_LIMIT MEMORY_LIMIT EXECUTION_TIMEOUT
() => new Function("return " + "(".repeat(2e5) + "1" + ")".repeat(2e5))()
