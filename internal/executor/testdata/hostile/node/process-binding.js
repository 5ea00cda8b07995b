// want: EXECUTION_FAILED
() => process.binding("spawn_sync")
