package sandbox

// archProgramCalls are those of programFilter that only this architecture has.
func archProgramCalls() []uint32 { return nil }
