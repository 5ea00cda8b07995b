package secret

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// ParseKey reads a key: 32 bytes as 64 hexadecimal digits or in base64, of either
// alphabet, padded or not.
func ParseKey(text string) (k Key, err error) {
	text = strings.TrimSpace(text)
	var b []byte
	if len(text) == 2*KeySize {
		b, err = hex.DecodeString(text)
	} else {
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		b, err = base64.RawStdEncoding.DecodeString(plain)
	}
	if err != nil || len(b) != KeySize { // the text itself is not told: it may be a key
		return k, fmt.Errorf("read a key of %d characters: want %d bytes as 64 hexadecimal digits or in base64, as %q gives", len(text), KeySize, "openssl rand -base64 32")
	}
	k = Key(b)
	if k == (Key{}) {
		return k, errors.New("read a key: it is all zeros")
	}
	return k, nil
}

// ParseKeys reads keys, one a line; empty lines and those that begin with "#" are
// passed over. The first one seals.
func ParseKeys(text string) (keys []Key, err error) {
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		k, err := ParseKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 && lines.Err() == nil {
		return nil, errors.New("there is no key in it")
	}
	return keys, lines.Err()
}

// maxFile is more than any file of keys has.
const maxFile = 64 << 10

// LoadOrCreate reads the keys in the file at path. If there is none it is made,
// with a new key; of several who do so at once, one makes the key of all. A file
// that others may read is refused: what it sealed is no secret.
func LoadOrCreate(path string) ([]Key, error) {
	keys, err := load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	if err := create(path, NewKey()); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make the key file %s: %w", path, err)
	}
	return load(path)
}

func load(path string) ([]Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the key file: %w", err)
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("the key file %s is not a file", path)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("the key file %s is too large for keys", path)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("the key file %s can be read by others (its mode is %04o): chmod 600 it, and if others did read it, give a new key the first line and set the values again", path, info.Mode().Perm())
	}
	var text bytes.Buffer
	if _, err := text.ReadFrom(f); err != nil {
		return nil, fmt.Errorf("read the key file %s: %w", path, err)
	}
	keys, err := ParseKeys(text.String())
	if err != nil {
		return nil, fmt.Errorf("read the key file %s: %w", path, err)
	}
	return keys, nil
}

// create makes the file, whole or not at all, unless there is one.
func create(path string, k Key) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".ratchet-key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	text := "# Seals the environment of tasks. Without it their values are lost.\n" + base64.StdEncoding.EncodeToString(k[:]) + "\n"
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path) // unlike a rename it replaces nothing
}
