package worker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ratchet-runner/ratchet-go/internal/ipc"
	"github.com/ratchet-runner/ratchet-go/internal/sandbox"
)

// LaunchDescriptor is the number of the descriptor at which a worker that is to
// become another program finds what that is: the JSON of a [sandbox.Program].
const LaunchDescriptor = 5

// launch is the life of a worker that becomes another program, which then speaks
// for itself. It returns only if that fails, and then tells the server why.
func launch(opts sandbox.Options) error {
	program, err := ordered()
	if err != nil {
		return fmt.Errorf("worker: read what to become: %w", err)
	}
	report, failed := sandbox.Become(opts, program)
	socket, err := openSocket()
	if err != nil {
		return errors.Join(failed, err)
	}
	conn, err := ipc.NewConn(socket)
	if err != nil {
		return errors.Join(failed, err)
	}
	text, err := json.Marshal(report)
	err = errors.Join(err, conn.Send(&ipc.Hello{Version: ipc.Version}), conn.Send(&ipc.Ready{Sandbox: text, Error: failed.Error()}))
	return fmt.Errorf("worker: %w", errors.Join(failed, err))
}

// ordered reads the program, from the start of a file that others read too.
func ordered() (program sandbox.Program, err error) {
	file := os.NewFile(LaunchDescriptor, "launch")
	if file == nil {
		return program, errNoSocket
	}
	defer file.Close()
	text, err := io.ReadAll(io.NewSectionReader(file, 0, 1<<20))
	if err != nil {
		return program, err
	}
	return program, json.Unmarshal(text, &program)
}
