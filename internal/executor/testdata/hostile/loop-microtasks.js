// want: EXECUTION_TIMEOUT
() => new Promise(() => { const again = () => queueMicrotask(again); again(); })
