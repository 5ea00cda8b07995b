// want: EXECUTION_FAILED
() => process.kill(1, "SIGKILL")
