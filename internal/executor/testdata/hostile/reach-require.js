// want: EXECUTION_FAILED
() => Function("return require('fs')")()
