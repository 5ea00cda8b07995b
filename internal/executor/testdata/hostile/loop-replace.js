// want: EXECUTION_TIMEOUT
() => "x".replace(/x/g, () => { for (;;); })
