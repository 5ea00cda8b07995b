package config

// A Queue says how much may wait.
type Queue struct {
	MaxWaiting int
}

func (q *Queue) settings() []setting {
	return []setting{
		number(&q.MaxWaiting, "max_waiting", 100_000, 1, 100_000_000, "How many jobs may wait. A job beyond is refused with 429 and Retry-After."),
	}
}
