// want: EXECUTION_FAILED TASK_INVALID_SOURCE
() => { const f = new Function("return import('/etc/passwd')"); return f(); }
