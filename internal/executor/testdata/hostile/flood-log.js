// want: LOG_LIMIT
() => { for (;;) console.log("flood ".repeat(100)); }
