// want: OUTPUT_TOO_LARGE MEMORY_LIMIT
() => "x".repeat(8e6)
