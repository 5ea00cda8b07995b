package sandbox

import (
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
)

// A Spawner starts workers, each from the same operating system thread. The
// kernel kills a worker when the thread that started it ends, so that thread has
// to live as long as the workers should: it belongs to the Spawner, and ends
// with [Spawner.Close] or with the process, however that ends.
type Spawner struct {
	orders  chan order
	closing chan struct{}
	closed  chan struct{}
	once    sync.Once
}

// An order asks the Spawner's thread for one worker.
type order struct {
	cmd    *exec.Cmd
	opts   Options
	slot   int
	result chan result
}

type result struct {
	used Options
	err  error
}

// errClosed is what Start returns after Close.
var errClosed = errors.New("sandbox: the spawner is closed")

// NewSpawner starts a Spawner's thread. The caller owns it and closes it.
func NewSpawner() *Spawner {
	s := &Spawner{
		orders:  make(chan order),
		closing: make(chan struct{}),
		closed:  make(chan struct{}),
	}
	onOwnThread(s.run)
	return s
}

// run is what the Spawner's thread does.
func (s *Spawner) run() {
	defer close(s.closed)
	for {
		select {
		case o := <-s.orders:
			used, err := start(o.cmd, o.opts, o.slot)
			o.result <- result{used, err}
		case <-s.closing:
			return
		}
	}
}

// Start starts cmd as the worker of a slot, confined by the server's half of the
// layers, and returns the options as they turned out. It appends their Arg to
// cmd.Args and sets cmd.SysProcAttr. Where the kernel refuses the namespaces or
// the user id it starts the worker without them; the worker's Report will name
// what is missing.
//
// cmd must not have been given pipes with StdoutPipe and its like, which do not
// outlive a refused try: pass files. Slots that live at the same time must have
// different numbers, 0 and up (they may go on counting), for each has its own user id where
// the server is root.
func (s *Spawner) Start(cmd *exec.Cmd, opts Options, slot int) (Options, error) {
	o := order{cmd: cmd, opts: opts, slot: slot, result: make(chan result, 1)}
	select {
	case s.orders <- o:
		r := <-o.result
		return r.used, r.err
	case <-s.closing:
		return Options{}, errClosed
	}
}

// Close ends the Spawner's thread, and with it every worker it started that is
// still alive.
func (s *Spawner) Close() {
	s.once.Do(func() { close(s.closing) })
	<-s.closed
}

// An attempt is one way to start a worker: the layers it brings, and how.
type attempt struct {
	layers []Layer
	attr   *syscall.SysProcAttr
}

// start tries the attempts, best first, until the kernel accepts one.
func start(cmd *exec.Cmd, opts Options, slot int) (Options, error) {
	unstarted := *cmd
	refused := make(map[Layer]syscall.Errno)
	all := attempts(opts, slot)
	for i, a := range all {
		used := Options{Insecure: opts.Insecure, Program: opts.Program, Without: opts.Without}
		for l, errno := range refused {
			used.note(l, errno)
		}
		for _, l := range a.layers {
			used.note(l, 0)
		}
		*cmd = unstarted
		cmd.Args = append(unstarted.Args[:len(unstarted.Args):len(unstarted.Args)], used.Arg())
		cmd.SysProcAttr = a.attr
		err := cmd.Start()
		if err == nil {
			return used, nil
		}
		errno, ok := refusal(err)
		if !ok || i == len(all)-1 {
			return Options{}, fmt.Errorf("sandbox: start worker: %w", err)
		}
		for _, l := range a.layers {
			refused[l] = errno
		}
	}
	return Options{}, errors.New("sandbox: start worker: no way to start one") // attempts is never empty
}

// refusal tells a kernel that will not give a layer from a command that cannot
// be started at all. EACCES is in it because a binary that only its owner may
// execute cannot be started under another user id.
func refusal(err error) (syscall.Errno, bool) {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return 0, false
	}
	switch errno {
	case syscall.EPERM, syscall.EACCES, syscall.EINVAL, syscall.ENOSPC, syscall.ENOSYS, syscall.EUSERS:
		return errno, true
	}
	return 0, false
}
