// want: EXECUTION_FAILED EXECUTION_WORKER_ERROR
() => require("util").inspect.constructor("return process")().exit(3)
