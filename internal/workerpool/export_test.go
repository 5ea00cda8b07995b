package workerpool

// Waiting is how many executions wait for a worker.
func (p *Pool) Waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waiting)
}

// Pids are the resident worker processes.
func (p *Pool) Pids() (pids []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.workers {
		pids = append(pids, w.cmd.Process.Pid)
	}
	return pids
}
