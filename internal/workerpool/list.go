package workerpool

import "time"

// A Worker is a resident worker process as it is at one moment.
type Worker struct {
	ID       string // as Execution.Worker gives it
	PID      int
	Key      string // of the Domain that it is bound to; empty for a spare
	Engine   string
	Running  int // executions now
	Served   int // executions so far
	LastUsed time.Time
}

// Workers lists the workers that live.
func (p *Pool) Workers() []Worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]Worker, 0, len(p.workers))
	for _, w := range p.workers {
		one := Worker{
			ID: (&Execution{worker: w}).Worker(), PID: w.cmd.Process.Pid,
			Engine: w.engine, Running: w.used, Served: w.served, LastUsed: w.lastUsed,
		}
		if w.domain != nil {
			one.Key = w.domain.Key
		}
		list = append(list, one)
	}
	return list
}
