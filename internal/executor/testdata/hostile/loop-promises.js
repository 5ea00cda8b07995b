// want: EXECUTION_TIMEOUT MEMORY_LIMIT
async () => { const again = () => Promise.resolve().then(again); await again(); }
