// Command ratchet runs JavaScript and TypeScript tasks.
package main

import (
	"context"
	"os"

	"github.com/ratchet-runner/ratchet-go/internal/cli"
)

func main() { os.Exit(cli.Main(context.Background(), cli.OS())) }
