// want: EXECUTION_FAILED
() => process.exit(3)
