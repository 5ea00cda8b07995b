package node

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/ratchet-runner/ratchet-go/internal/js/prelude"
)

//go:embed guest/*.js
var guest embed.FS

// Guest is the program that runs in Node: a line of JSON that says where which
// script lies, then the scripts. Those of guest/ are called node/NAME, those of
// the prelude NAME.
func Guest() ([]byte, error) {
	index := map[string][2]int{}
	var scripts bytes.Buffer
	for _, set := range []struct {
		files  fs.FS
		dir    string
		prefix string
	}{{guest, "guest", "node/"}, {prelude.Files, ".", ""}} {
		names, err := fs.Glob(set.files, path.Join(set.dir, "*.js"))
		if err != nil {
			return nil, fmt.Errorf("node: %w", err)
		}
		for _, name := range names {
			source, err := fs.ReadFile(set.files, name)
			if err != nil {
				return nil, fmt.Errorf("node: %w", err)
			}
			index[set.prefix+strings.TrimSuffix(path.Base(name), ".js")] = [2]int{scripts.Len(), len(source)}
			scripts.Write(source)
		}
	}
	head, err := json.Marshal(index)
	if err != nil {
		return nil, fmt.Errorf("node: %w", err)
	}
	return append(append(head, '\n'), scripts.Bytes()...), nil
}

// boot is the script that Node is started with: it reads the guest's and runs
// the first of them.
func boot() (string, error) {
	text, err := guest.ReadFile("guest/boot.js")
	return string(bytes.TrimSpace(text)), err
}
