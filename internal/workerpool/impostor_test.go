package workerpool_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go/internal/ipc"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
	"github.com/ratchet-runner/ratchet-go/internal/worker"
)

// An impostor speaks the protocol in a worker's place, well or badly.
type child struct {
	socket *os.File
	*ipc.Conn
}

func impostor(mode string) error {
	socket := os.NewFile(worker.Descriptor, "server")
	conn, err := ipc.NewConn(socket)
	if err != nil {
		return err
	}
	c := child{socket, conn}
	play, ok := impostors()[mode]
	if !ok {
		return fmt.Errorf("no impostor %q", mode)
	}
	err = play(c)
	runtime.KeepAlive(socket) // a collected one is closed, which ends the conversation
	return err
}

// linger waits to be killed, or for the server to hang up.
func (c child) linger() error {
	_, err := io.Copy(io.Discard, c.socket)
	return err
}

func (c child) ready() error {
	report, err := json.Marshal(sandbox.Report{Level: sandbox.LevelNone})
	if err != nil {
		return err
	}
	return errors.Join(c.Send(&ipc.Hello{Version: ipc.Version}), c.Send(&ipc.Ready{Engine: "impostor", Sandbox: report}))
}

// started is ready, and then waits for its first execution.
func (c child) started() (*ipc.Run, error) {
	if err := c.ready(); err != nil {
		return nil, err
	}
	for {
		m, err := c.Receive()
		if err != nil {
			return nil, err
		}
		if run, ok := m.(*ipc.Run); ok {
			return run, nil
		}
	}
}

func (c child) write(b ...byte) error {
	_, err := c.socket.Write(b)
	return err
}

func impostors() map[string]func(child) error {
	hello := func(c child) error { return c.Send(&ipc.Hello{Version: ipc.Version}) }
	return map[string]func(child) error{
		// Before they are ready.
		"another version": func(c child) error {
			return errors.Join(c.Send(&ipc.Hello{Version: ipc.Version + 1}), c.linger())
		},
		"no hello":      func(c child) error { return errors.Join(c.Send(&ipc.Cancel{}), c.linger()) },
		"silent":        child.linger,
		"hello, silent": func(c child) error { return errors.Join(hello(c), c.linger()) },
		"dies at once": func(child) error {
			fmt.Fprintln(os.Stderr, "no room on the ark")
			os.Exit(7)
			return nil
		},
		"hangs up": func(c child) error { return errors.Join(hello(c), c.Close()) },
		"garbage": func(c child) error {
			return errors.Join(hello(c), c.write([]byte(strings.Repeat("garbage ", 100))...), c.linger())
		},
		"oversized":     func(c child) error { return errors.Join(hello(c), c.write(255, 255, 255, 255, 16), c.linger()) },
		"zero length":   func(c child) error { return errors.Join(hello(c), c.write(0, 0, 0, 0, 16), c.linger()) },
		"not confined":  func(c child) error { return errors.Join(hello(c), c.unconfined(), c.linger()) },
		"broken report": func(c child) error { return errors.Join(hello(c), c.Send(&ipc.Ready{}), c.linger()) },

		// While they run an execution.
		"run: garbage": func(c child) error {
			_, err := c.started()
			return errors.Join(err, c.write([]byte(strings.Repeat("garbage ", 100))...), c.linger())
		},
		"run: oversized": func(c child) error {
			_, err := c.started()
			return errors.Join(err, c.write(255, 255, 255, 255, byte(ipc.KindDone)), c.linger())
		},
		"run: half a frame": func(c child) error {
			_, err := c.started()
			return errors.Join(err, c.write(100, 0, 0, 0, byte(ipc.KindDone), 1, 2, 3), c.Close())
		},
		"run: a message to workers": func(c child) error {
			run, err := c.started()
			return errors.Join(err, c.Send(run), c.linger())
		},
		"run: another's done": func(c child) error {
			run, err := c.started()
			return errors.Join(err, c.Send(&ipc.Done{Exec: run.Exec + 1}), c.linger())
		},
		"run: another's log": func(c child) error {
			run, err := c.started()
			return errors.Join(err, c.Send(&ipc.Log{Exec: run.Exec + 1}), c.linger())
		},
		"run: done twice": func(c child) error {
			run, err := c.started()
			if err != nil {
				return err
			}
			done := &ipc.Done{Exec: run.Exec, Output: []byte("1")}
			return errors.Join(c.Send(done), c.Send(done), c.linger())
		},
		"run: bytecode twice": func(c child) error {
			_, err := c.started()
			return errors.Join(err, c.Send(&ipc.Bound{}), c.Send(&ipc.Bound{Bytecode: []byte("evil")}), c.linger())
		},
		"run: late bytecode": func(c child) error {
			run, err := c.started()
			return errors.Join(err, c.Send(&ipc.Log{Exec: run.Exec}), c.Send(&ipc.Bound{Bytecode: []byte("evil")}), c.linger())
		},
		"run: dies": func(c child) error {
			_, err := c.started()
			fmt.Fprintln(os.Stderr, "fatal: the end")
			return errors.Join(err, errors.New("as it must"))
		},
		"run: deaf": func(c child) error {
			_, err := c.started()
			return errors.Join(err, c.linger())
		},
		"run: floods stderr": func(c child) error {
			run, err := c.started()
			for range 4 << 10 {
				fmt.Fprintln(os.Stderr, strings.Repeat("flood ", 1000))
			}
			return errors.Join(err, c.Send(&ipc.Done{Exec: run.Exec, Output: []byte("1")}), c.linger())
		},
		"run: floods stderr and dies": func(c child) error {
			_, err := c.started()
			for range 4 << 10 {
				fmt.Fprintln(os.Stderr, strings.Repeat("flood ", 1000))
			}
			return errors.Join(err, errors.New("the end"))
		},
		"never reads": func(c child) error {
			err := c.ready()
			<-time.After(time.Hour) // it is killed long before
			return err
		},

		"obedient": obey,
	}
}

func (c child) unconfined() error {
	report, err := json.Marshal(sandbox.Report{Level: sandbox.LevelReduced})
	if err != nil {
		return err
	}
	return c.Send(&ipc.Ready{Sandbox: report, Error: "seccomp is missing"})
}

// obey ends an execution with its own input, after a request for an input that
// begins with "ask": the reply's body is the output then.
func obey(c child) error {
	if err := c.ready(); err != nil {
		return err
	}
	bound := false
	for {
		m, err := c.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch m := m.(type) {
		case *ipc.Bind:
			if bound {
				return errors.New("bound twice")
			}
			bound = true
		case *ipc.Run:
			if !bound {
				return errors.New("run before bind")
			}
			if strings.HasPrefix(string(m.Input), "ask") {
				err = c.Send(&ipc.Request{Exec: m.Exec, Call: m.Exec, Op: "ask"})
			} else {
				err = c.Send(&ipc.Done{Exec: m.Exec, Output: m.Input})
			}
		case *ipc.Reply:
			err = c.Send(&ipc.Done{Exec: m.Exec, Output: m.Body})
		case *ipc.Cancel:
			err = c.Send(&ipc.Done{Exec: m.Exec, Failure: &ipc.Failure{Kind: "stopped"}})
		}
		if err != nil {
			return err
		}
	}
}
