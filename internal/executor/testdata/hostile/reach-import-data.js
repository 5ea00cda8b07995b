// want: EXECUTION_FAILED
() => new Function("return import('data:text/javascript,1')")()
