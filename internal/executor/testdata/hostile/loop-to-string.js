// want: EXECUTION_TIMEOUT
() => { throw { get message() { for (;;); } }; }
