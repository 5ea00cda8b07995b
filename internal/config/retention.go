package config

import "time"

// Retention says how long finished jobs are kept.
type Retention struct {
	Completed time.Duration
	Failed    time.Duration
}

func (r *Retention) settings() []setting {
	const most = 36500 * 24 * time.Hour
	return []setting{
		span(&r.Completed, "completed", "7d", time.Minute, most, "How long completed and cancelled jobs are kept."),
		span(&r.Failed, "failed", "30d", time.Minute, most, "How long failed jobs are kept."),
	}
}
