// want: RECURSION_LIMIT
() => String({ toString() { return `${this}`; } })
