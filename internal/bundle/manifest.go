package bundle

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// manifestFile is in an archive that Archive made, if the task's files alone do
// not say all.
const manifestFile = ".ratchet-archive.json"

// A manifest is what an archive says beside the files.
type manifest struct {
	Name   string            `json:"name,omitempty"`   // of the folder or file that was the task, if nothing else names it
	Single string            `json:"single,omitempty"` // the file that alone was the task
	Links  map[string]string `json:"links,omitempty"`  // by name, to what is in the archive: the links of package managers
}

// kept is what an archive of the bundle needs beside inputs and tests.
type kept struct {
	name   string // see manifest
	single string
	links  map[string]string
	files  []archiveFile
}

// Archive returns a zip of what the bundle was made from, with packages from
// above the task as if they were beside it. LoadArchive makes a bundle of the same
// Digest of it. The same content gives the same bytes.
func (b *Bundle) Archive() ([]byte, error) {
	files := map[string][]byte{}
	put := func(name string, data []byte) error {
		if other, ok := files[name]; ok && !bytes.Equal(other, data) {
			return ratchet.Errorf(ratchet.ReasonTaskValidation,
				"%s: the task uses two files %s, one of them from above its folder; install the package beside the task", b.Name, name)
		}
		files[name] = data
		return nil
	}
	for _, in := range b.Inputs {
		name := in.Name
		if to, ok := b.kept.links[name]; ok {
			name = to
		}
		if err := put(name, in.data); err != nil {
			return nil, err
		}
	}
	for _, t := range b.Tests {
		if err := put(t.Name, t.Data); err != nil {
			return nil, err
		}
	}
	for _, f := range b.kept.files {
		if err := put(f.name, f.data); err != nil {
			return nil, err
		}
	}
	if m := (manifest{Name: b.kept.name, Single: b.kept.single, Links: b.kept.links}); m.Name != "" || len(m.Links) > 0 {
		text, err := json.Marshal(m)
		if err != nil {
			return nil, fmt.Errorf("archive task %s: %w", b.Name, err)
		}
		if err := put(manifestFile, text); err != nil {
			return nil, err
		}
	}
	return b.pack(files)
}

// pack makes the zip, and holds it against the rules that it will be read by.
func (b *Bundle) pack(files map[string][]byte) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := packFile(z, name, files[name]); err != nil {
			return nil, fmt.Errorf("archive task %s: %w", b.Name, err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("archive task %s: %w", b.Name, err)
	}
	if out.Len() > maxArchive {
		return nil, tooLarge(b.Name+".zip", int64(out.Len()))
	}
	_, list, err := readArchive(b.Name+".zip", out.Bytes())
	if err == nil {
		_, _, err = readManifest(b.Name+".zip", list)
	}
	if err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// packFile stores what would shrink so much that it looked like an attempt to fill
// a disk.
func packFile(z *zip.Writer, name string, data []byte) error {
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.DefaultCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	h := &zip.FileHeader{Name: name, Method: zip.Deflate}
	if packed.Len() >= len(data) || len(data) > 4096 && packed.Len() < len(data)/50 {
		h.Method = zip.Store
	}
	entry, err := z.CreateHeader(h)
	if err != nil {
		return err
	}
	_, err = entry.Write(data)
	return err
}

// readManifest takes the manifest, if there is one, out of the files of an
// archive. It may not name anything that is not in the archive.
func readManifest(archive string, files []archiveFile) (m manifest, rest []archiveFile, err error) {
	i := slices.IndexFunc(files, func(f archiveFile) bool { return f.name == manifestFile })
	if i < 0 {
		return m, files, nil
	}
	rest = slices.Delete(slices.Clone(files), i, i+1)
	bad := func(message string) error { return unsafeArchive(archive, manifestFile, message, "", "") }
	d := json.NewDecoder(bytes.NewReader(files[i].data))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, nil, bad("cannot be read")
	}
	there := map[string]bool{} // files and the folders they lie in
	for _, f := range rest {
		for name := f.name; name != "." && !there[name]; name = path.Dir(name) {
			there[name] = true
		}
	}
	if m.Single != "" && (!there[m.Single] || strings.Contains(m.Single, "/") || !loaders()[path.Ext(m.Single)].entry) {
		return m, nil, bad("names a single file that is not there")
	}
	for _, name := range slices.Sorted(maps.Keys(m.Links)) { // so that the same archive is always told the same
		to := m.Links[name]
		switch {
		case !fs.ValidPath(name) || len(name) > maxArchivePath || strings.ContainsAny(name, "\\:\x00") || name == "." || there[name]:
			return m, nil, bad("names a link that cannot be")
		case !there[to]:
			return m, nil, bad("names a link that leads nowhere")
		}
		// A link below a link would lie elsewhere than its name says.
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := m.Links[dir]; ok {
				return m, nil, bad("names a link below a link")
			}
		}
	}
	return m, rest, nil
}
