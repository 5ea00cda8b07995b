// want: FETCH_LIMIT MEMORY_LIMIT EXECUTION_TIMEOUT
() => { const all = []; for (let i = 0; i < 1e6; i++) all.push(fetch("http://127.0.0.1:1/" + i)); return Promise.all(all); }
