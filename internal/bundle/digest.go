package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// An Input is a file that a bundle was made from.
type Input struct {
	// Name is relative to the task's folder; packages from above it are named as
	// if they were beside it.
	Name string
	Size int

	path   string // real
	data   []byte
	sum    [sha256.Size]byte
	digest [sha256.Size]byte // of the content as the bundle's digest sees it
}

func newInput(name, real string, data []byte) Input {
	sum := sha256.Sum256(data)
	return Input{Name: name, Size: len(data), path: real, data: data, sum: sum, digest: sum}
}

// canonicalInput is an input whose spaces and order of keys do not matter.
func canonicalInput(name, real string, data []byte, root *jsonNode) Input {
	in := newInput(name, real, data)
	in.digest = sha256.Sum256(canonicalJSON(root))
	return in
}

// packageInput is a package.json: only what has a part in resolving counts.
func packageInput(name, real string, data []byte) Input {
	in := newInput(name, real, data)
	root, _ := parseJSON(trimBOM(data))
	if root == nil {
		return in
	}
	kept := jsonNode{kind: jsonObject}
	for _, m := range root.members {
		switch m.key {
		case "name", "type", "main", "module", "browser", "exports", "imports", "sideEffects":
			kept.members = append(kept.members, m)
		}
	}
	in.digest = sha256.Sum256(canonicalJSON(&kept))
	return in
}

// packages returns the package.json files that had a part in how the inputs were
// resolved: those in the folders of the inputs and above, up to the task's.
func (b *builder) packages() []Input {
	var found []Input
	seen := map[string]bool{}
	for _, in := range b.inputs {
		dir, name := filepath.Dir(in.path), path.Dir(in.Name)
		for !seen[dir] {
			seen[dir] = true
			if label, data, err := b.readInput(filepath.Join(dir, "package.json")); err == nil {
				found = append(found, packageInput(label, filepath.Join(dir, "package.json"), data))
			}
			if name == "." || name == "node_modules" {
				break
			}
			dir, name = filepath.Dir(dir), path.Dir(name)
		}
	}
	return found
}

// digest names what the inputs hold: the same files anywhere have the same
// digest. It covers neither the folder's name nor the tests.
func digest(entry string, inputs []Input) string {
	h := sha256.New()
	_, _ = io.WriteString(h, "ratchet bundle 1\n"+strconv.Quote(entry)+"\n")
	byName := map[string]Input{}
	for _, in := range inputs {
		byName[in.Name] = in
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		in := byName[name]
		_, _ = io.WriteString(h, strconv.Quote(name)+" "+hex.EncodeToString(in.digest[:])+"\n")
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// canonicalJSON writes a value without spaces, its keys in order.
func canonicalJSON(n *jsonNode) []byte {
	var b bytes.Buffer
	writeCanonical(&b, n)
	return b.Bytes()
}

func writeCanonical(b *bytes.Buffer, n *jsonNode) {
	switch n.kind {
	case jsonString:
		writeString(b, n.text)
	case jsonArray:
		b.WriteByte('[')
		for i := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			writeCanonical(b, &n.items[i])
		}
		b.WriteByte(']')
	case jsonObject:
		members := slices.Clone(n.members)
		slices.SortFunc(members, func(x, y jsonMember) int { return strings.Compare(x.key, y.key) })
		b.WriteByte('{')
		for i := range members {
			if i > 0 {
				b.WriteByte(',')
			}
			writeString(b, members[i].key)
			b.WriteByte(':')
			writeCanonical(b, &members[i].value)
		}
		b.WriteByte('}')
	case jsonNull:
		b.WriteString("null")
	default:
		b.WriteString(n.text)
	}
}

func writeString(b *bytes.Buffer, s string) {
	quoted, _ := json.Marshal(s) // a string always can be
	b.Write(quoted)
}
