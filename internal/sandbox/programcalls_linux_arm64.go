package sandbox

// archProgramCalls are those of programFilter that only this architecture has.
func archProgramCalls() []uint32 { return nil }

// archModeCalls are those that change a file's mode or owner, too.
func archModeCalls() []uint32 { return nil }
