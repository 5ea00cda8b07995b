package js

// performanceFuncs are the host functions of prelude/performance.js.
func performanceFuncs() map[string]Func {
	return map[string]Func{
		// timeOrigin() is when the execution began, in milliseconds since 1970.
		"timeOrigin": func(c *Call) error {
			c.ReturnNumber(float64(c.vm.exec.clock.start().UnixMicro()) / 1000)
			return nil
		},
	}
}
