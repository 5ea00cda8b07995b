package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
)

// Main makes the program the plugin p, and does not return. It is all that main
// does. Run by hand with the argument "manifest" the program prints its manifest.
func Main(p Plugin) {
	os.Exit(run(context.Background(), os.Args[1:], p))
}

// run is the program: its exit code is 0 if it was told to stop, 1 if it failed
// and 2 if it was started by somebody who is no server.
func run(ctx context.Context, args []string, p Plugin) int {
	if err := p.Validate(); err != nil {
		fmt.Fprintf(os.Stderr, "plugin %s: this manifest cannot be used:\n%v\n", p.Name, err)
		return 2
	}
	switch {
	case len(args) == 1 && args[0] == "manifest":
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		if err := out.Encode(p.Manifest()); err != nil {
			fmt.Fprintf(os.Stderr, "plugin %s: print the manifest: %v\n", p.Name, err)
			return 1
		}
		return 0
	case len(args) == 1 && args[0] == "serve":
	default:
		fmt.Fprintf(os.Stderr, "This is a plugin of Ratchet, which starts it by itself. Put it into the server's folder of plugins\n"+
			"as ratchet-plugin-%s and enable it:\n\n  ratchet plugin enable %[1]s\n", p.Name)
		return 2
	}
	rw, err := takeStdio()
	if err != nil {
		fmt.Fprintf(os.Stderr, "plugin %s: %v\n", p.Name, err)
		return 1
	}
	if err := Serve(ctx, rw, p); err != nil {
		fmt.Fprintf(os.Stderr, "plugin %s: %v\n", p.Name, err)
		return 1
	}
	return 0
}

// stdio is the server's side of a plugin's process.
type stdio struct{ in, out *os.File }

// Read reads what the server says.
func (s stdio) Read(b []byte) (int, error) { return s.in.Read(b) }

// Write says something to the server.
func (s stdio) Write(b []byte) (int, error) { return s.out.Write(b) }

// Close ends the conversation.
func (s stdio) Close() error {
	err := s.in.Close()
	if e := s.out.Close(); err == nil {
		err = e
	}
	return err
}
