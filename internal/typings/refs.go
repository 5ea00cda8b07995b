package typings

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/ratchet-runner/ratchet-go/internal/bundle"
)

// taskURL is where the task's folder is, for the references in its schemas.
const taskURL = "task:///"

// maxFile bounds a schema file, as bundle does.
const maxFile = 1 << 20

// A library finds what references lead to: parts of a task's schema files. A task
// in an archive has no files but the two that bundle hands on.
type library struct {
	folder  string           // "" for none
	files   map[string]bool  // that were read, or cannot be
	byURL   map[string]*node // schemas with a URL of their own
	anchors map[string]*node // by URL, "#" and name
	dynamic map[string]int   // how many places have a $dynamicAnchor of that name, or "" for $recursiveAnchor
	ids     int              // how many schemas have a URL of their own choice
}

func newLibrary(b *bundle.Bundle) *library {
	l := &library{files: map[string]bool{}, byURL: map[string]*node{}, anchors: map[string]*node{}, dynamic: map[string]int{}}
	if info, err := os.Stat(b.Root); err == nil && info.IsDir() {
		l.folder = b.Root
	}
	return l
}

// add parses a file and indexes what in it can be referred to.
func (l *library) add(file string, data []byte) (*node, error) {
	l.files[file] = true
	n, err := parse(data)
	if err != nil {
		return nil, err
	}
	l.byURL[taskURL+file] = n
	l.index(n, draftOf(n), file, taskURL+file, nil)
	return n, nil
}

func (l *library) index(n *node, draft int, file, base string, pointer []string) {
	key := "$id"
	if draft == 4 {
		key = "id"
	}
	if id := n.str(key); id != "" && (draft > 7 || !n.has("$ref")) {
		if name, ok := strings.CutPrefix(id, "#"); ok { // an anchor in drafts up to 7
			l.anchors[base+"#"+name] = n
		} else if abs := join(base, id); abs != "" {
			base = strings.TrimSuffix(abs, "#")
			l.byURL[base] = n
			l.ids++
		}
	}
	if r := n.get("$recursiveAnchor"); r != nil && r.kind == 't' {
		l.dynamic[""]++
	}
	for _, key := range []string{"$anchor", "$dynamicAnchor"} {
		if name := n.str(key); name != "" {
			l.anchors[base+"#"+name] = n
			if key == "$dynamicAnchor" {
				l.dynamic[name]++
			}
		}
	}
	n.base, n.file, n.pointer = base, file, pointer
	for i, item := range n.items {
		token := strconv.Itoa(i)
		if n.kind == '{' {
			token = n.keys[i]
			if token == "const" || token == "enum" || token == "default" || token == "examples" {
				if len(pointer) == 0 || !mapOfSchemas(pointer[len(pointer)-1]) {
					continue // a value, not a schema
				}
			}
		}
		l.index(item, draft, file, base, append(pointer[:len(pointer):len(pointer)], token))
	}
}

// mapOfSchemas reports whether the keyword holds schemas by names of any kind.
func mapOfSchemas(keyword string) bool {
	switch keyword {
	case "properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies":
		return true
	}
	return false
}

// join resolves a reference; empty if one of the two is no URL.
func join(base, ref string) string {
	b, err := url.Parse(base)
	if err != nil {
		return ""
	}
	r, err := b.Parse(ref)
	if err != nil {
		return ""
	}
	return r.String()
}

// find returns what the reference in n leads to, or why it cannot be told.
func (l *library) find(n *node, ref string) (found *node, why string) {
	abs := join(n.base, ref)
	where, fragment, _ := strings.Cut(abs, "#")
	if abs == "" {
		return nil, fmt.Sprintf("%s is no reference", ref)
	}
	l.load(where)
	root := l.byURL[where]
	if root == nil {
		return nil, fmt.Sprintf("%s is not in a file that can be read here", strings.TrimPrefix(ref, taskURL))
	}
	if fragment, err := url.PathUnescape(fragment); err == nil {
		switch {
		case fragment == "":
			found = root
		case fragment[0] == '/':
			found = root.at(strings.Split(fragment[1:], "/"))
		default:
			found = l.anchors[where+"#"+fragment]
		}
	}
	if found == nil {
		return nil, fmt.Sprintf("%s leads nowhere", ref)
	}
	return found, ""
}

// load reads the file of the task that the URL names, once.
func (l *library) load(where string) {
	file, ok := strings.CutPrefix(where, taskURL)
	if !ok || l.files[file] || l.folder == "" {
		return
	}
	l.files[file] = true
	root, err := os.OpenRoot(l.folder)
	if err != nil {
		return
	}
	defer root.Close()
	name, err := url.PathUnescape(file)
	if err != nil {
		return
	}
	f, err := root.Open(name)
	if err != nil {
		return
	}
	defer f.Close()
	if data, err := io.ReadAll(io.LimitReader(f, maxFile+1)); err == nil && len(data) <= maxFile {
		_, _ = l.add(file, []byte(strings.TrimPrefix(string(data), "\xef\xbb\xbf"))) // bundle has read it before
	}
}

// at follows a JSON pointer's tokens; nil if they lead nowhere.
func (n *node) at(tokens []string) *node {
	for _, token := range tokens {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch {
		case n == nil:
			return nil
		case n.kind == '[':
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(n.items) {
				return nil
			}
			n = n.items[i]
		default:
			n = n.get(token)
		}
	}
	return n
}
