package config

// Events is about the stream that clients follow.
type Events struct {
	Keep   int
	Buffer int
}

func (e *Events) settings() []setting {
	return []setting{
		number(&e.Keep, "keep", 10_000, 0, 10_000_000, "How many events are kept, in memory, for a client that was cut off and comes back."),
		number(&e.Buffer, "buffer", 1000, 1, 1_000_000, "How many events a client may be behind before it is cut off."),
	}
}
