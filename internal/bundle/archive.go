package bundle

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// What an archive may be.
const (
	maxArchive      = 64 << 20  // bytes, packed
	maxUnpacked     = 128 << 20 // bytes, unpacked
	maxArchiveFiles = 20_000
	maxArchivePath  = 500
	maxRatio        = 100
	totalFloor      = 16 << 20
	ratioFloor      = 1 << 20 // below it the ratio does not matter: a file of blanks packs well
)

type archiveFile struct {
	name string // relative to the task's folder, with slashes
	data []byte
}

func unsafeArchive(entry, message, expected, got string) error {
	d := ratchet.Detail{File: entry, Message: message, Expected: expected, Got: got}
	return ratchet.Errorf(ratchet.ReasonArchiveUnsafe, "the archive is refused: %s", Line(d)).WithDetails(d)
}

// readArchive returns the files of the task in a zip, whose metadata.json is at
// the root or exactly one folder deep. It refuses the whole archive for a single
// entry that no task needs.
func readArchive(data []byte) ([]archiveFile, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, ratchet.Errorf(ratchet.ReasonTaskInvalidSource, "this is not a zip archive: %w", err)
	}
	if len(z.File) > maxArchiveFiles {
		return nil, unsafeArchive("", "too many files", fmt.Sprintf("at most %d", maxArchiveFiles), fmt.Sprint(len(z.File)))
	}
	if err := checkEntries(z.File); err != nil {
		return nil, err
	}
	prefix, err := taskFolder(z.File)
	if err != nil {
		return nil, err
	}
	var files []archiveFile
	total, most := 0, min(maxUnpacked, max(maxRatio*len(data), totalFloor))
	for _, f := range z.File {
		name, inside := strings.CutPrefix(f.Name, prefix)
		if !inside || name == "" || strings.HasSuffix(name, "/") {
			continue
		}
		content, err := readEntry(f, most-total)
		if err != nil {
			return nil, err
		}
		total += len(content)
		files = append(files, archiveFile{name: name, data: content})
	}
	return files, nil
}

func checkEntries(entries []*zip.File) error {
	seen := map[string]bool{}
	folders := map[string]bool{}
	for _, f := range entries {
		name := f.Name
		shown := shorten(strings.ToValidUTF8(name, "?"))
		switch {
		case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
			return unsafeArchive(shown, "a name with characters that a name cannot have", "", fmt.Sprintf("%+q", name))
		case len(name) > maxArchivePath:
			return unsafeArchive(shown, "a name too long", fmt.Sprintf("at most %d bytes", maxArchivePath), fmt.Sprint(len(name)))
		case strings.HasPrefix(name, "/") || strings.Contains(name, `\`) || len(name) > 1 && name[1] == ':':
			return unsafeArchive(shown, "an absolute path, or one of Windows", "a path relative to the archive, with /", "")
		case !fs.ValidPath(strings.TrimSuffix(name, "/")) || name == "":
			return unsafeArchive(shown, "a path that leads outside the archive", "a path without .. and empty parts", "")
		case f.Mode()&fs.ModeSymlink != 0:
			return unsafeArchive(shown, "a symbolic link", "files and folders only", "")
		case f.Mode().Type()&^fs.ModeDir != 0:
			return unsafeArchive(shown, "neither a file nor a folder", "files and folders only", f.Mode().Type().String())
		case f.Flags&0x1 != 0:
			return unsafeArchive(shown, "encrypted", "an archive without a password", "")
		case f.Method != zip.Store && f.Method != zip.Deflate:
			return unsafeArchive(shown, "a way of packing that is not supported", "stored or deflated", fmt.Sprint(f.Method))
		case f.UncompressedSize64 > maxUnpacked:
			return unsafeArchive(shown, "too large", "at most "+ratchet.Size(maxUnpacked).String(), sizeText(f.UncompressedSize64))
		}
		// Case matters not to some file systems: what is one file there is a duplicate here.
		key := strings.ToLower(strings.TrimSuffix(name, "/"))
		isFolder := strings.HasSuffix(name, "/")
		if seen[key] || folders[key] && !isFolder {
			return unsafeArchive(shown, "there twice", "each name once", "")
		}
		for dir := path.Dir(key); dir != "." && !folders[dir]; dir = path.Dir(dir) {
			if seen[dir] {
				return unsafeArchive(shown, "a file in something that is a file itself", "", "")
			}
			folders[dir] = true
		}
		if isFolder {
			folders[key] = true
		} else {
			seen[key] = true
		}
	}
	return nil
}

func sizeText(n uint64) string { return ratchet.Size(min(n, 1<<62)).String() }

// taskFolder returns the folder of metadata.json, "" or "name/".
func taskFolder(entries []*zip.File) (string, error) {
	var found []string
	for _, f := range entries {
		dir, base := path.Split(f.Name)
		if base != metadataFile {
			continue
		}
		if dir == "" {
			return "", nil
		}
		if strings.Count(dir, "/") == 1 {
			found = append(found, dir)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", ratchet.Errorf(ratchet.ReasonTaskInvalidSource,
			"the archive has no %s, neither at its root nor in a folder at its root", metadataFile)
	default:
		return "", ratchet.Errorf(ratchet.ReasonTaskInvalidSource,
			"the archive has more than one task (%s); expected one", strings.Join(found, ", "))
	}
}

// readEntry unpacks one entry, of at most so many bytes, and believes nothing
// that its header says about its size.
func readEntry(f *zip.File, most int) ([]byte, error) {
	shown := shorten(f.Name)
	r, err := f.Open()
	if err != nil {
		return nil, unsafeArchive(shown, "cannot be read: "+err.Error(), "", "")
	}
	defer r.Close()
	packed := max(f.CompressedSize64, 1)
	limit := min(uint64(most), max(packed*maxRatio, ratioFloor))
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(r, int64(limit)+1))
	switch {
	case uint64(n) > limit && limit < uint64(most):
		return nil, unsafeArchive(shown, "unpacks to far more than it is", fmt.Sprintf("at most %d times its packed size", maxRatio), "")
	case uint64(n) > limit:
		return nil, unsafeArchive(shown, "the archive unpacks to too much",
			fmt.Sprintf("at most %d times its packed size and %s", maxRatio, ratchet.Size(maxUnpacked)), "")
	case err != nil:
		var corrupt flate.CorruptInputError
		if errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, zip.ErrChecksum) || errors.Is(err, zip.ErrFormat) {
			return nil, unsafeArchive(shown, "damaged: "+err.Error(), "", "")
		}
		return nil, ratchet.Errorf(ratchet.ReasonArchiveUnsafe, "the archive is refused: %s: %w", shown, err)
	}
	return b.Bytes(), nil
}
