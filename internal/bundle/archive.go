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
	"slices"
	"strconv"
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

// unsafeArchive refuses an archive for what one of its entries is, or the whole
// of it (""). The entry is no file of the task, so that no detail names it.
func unsafeArchive(archive, entry, message, expected, got string) error {
	if entry != "" {
		message = fmt.Sprintf("the entry %s %s", entry, message)
	}
	return ratchet.Errorf(ratchet.ReasonArchiveUnsafe, "%s: the archive is refused: %s", archive,
		Line(ratchet.Detail{Message: message, Expected: expected, Got: got}))
}

// readArchive returns the files of the task in the zip of that name, whose metadata.json is at
// the root or exactly one folder deep, and the name of that folder. It refuses the
// whole archive for a single entry that no task needs.
func readArchive(archive string, data []byte) (folder string, files []archiveFile, err error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return "", nil, ratchet.Errorf(ratchet.ReasonTaskInvalidSource, "%s: this is not a zip archive, or the end of it is missing", archive)
	}
	if len(z.File) > maxArchiveFiles {
		return "", nil, unsafeArchive(archive, "", "it has too many files", fmt.Sprintf("at most %d", maxArchiveFiles), fmt.Sprint(len(z.File)))
	}
	if err := checkEntries(archive, z.File); err != nil {
		return "", nil, err
	}
	prefix, err := taskFolder(archive, z.File)
	if err != nil {
		return "", nil, err
	}
	total, most := 0, min(maxUnpacked, max(maxRatio*len(data), totalFloor))
	for _, f := range z.File {
		name, inside := strings.CutPrefix(f.Name, prefix)
		if !inside || name == "" || strings.HasSuffix(name, "/") {
			continue
		}
		content, err := readEntry(archive, f, most-total)
		if err != nil {
			return "", nil, err
		}
		total += len(content)
		files = append(files, archiveFile{name: name, data: content})
	}
	return strings.TrimSuffix(prefix, "/"), files, nil
}

func checkEntries(archive string, entries []*zip.File) error {
	seen := map[string]bool{}
	folders := map[string]bool{}
	for _, f := range entries {
		name := f.Name
		shown := shorten(name)
		switch {
		case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
			return unsafeArchive(archive, shorten(fmt.Sprintf("%+q", name)), "has characters that a name cannot have", "", "")
		case len(name) > maxArchivePath:
			return unsafeArchive(archive, shown, "has too long a name", fmt.Sprintf("at most %d bytes", maxArchivePath), fmt.Sprint(len(name)))
		case strings.HasPrefix(name, "/") || strings.Contains(name, `\`) || len(name) > 1 && name[1] == ':':
			return unsafeArchive(archive, shown, "has an absolute path, or one of Windows", "a path relative to the archive, with /", "")
		case slices.Contains(strings.Split(name, "/"), ".."):
			return unsafeArchive(archive, shown, "leads outside the archive", "", "")
		case !fs.ValidPath(strings.TrimSuffix(name, "/")) || name == "":
			return unsafeArchive(archive, strconv.Quote(shown), "has a path of parts that name nothing", "a path without . and empty parts", "")
		case f.Mode()&fs.ModeSymlink != 0:
			return unsafeArchive(archive, shown, "is a symbolic link", "files and folders only", "")
		case f.Mode().Type()&^fs.ModeDir != 0:
			return unsafeArchive(archive, shown, "is neither a file nor a folder", "files and folders only", f.Mode().Type().String())
		case f.Flags&0x1 != 0:
			return unsafeArchive(archive, shown, "is encrypted", "an archive without a password", "")
		case f.Method != zip.Store && f.Method != zip.Deflate:
			return unsafeArchive(archive, shown, "is packed in a way that is not supported", "stored or deflated", fmt.Sprint(f.Method))
		case f.UncompressedSize64 > maxUnpacked:
			return unsafeArchive(archive, shown, "is too large", "at most "+ratchet.Size(maxUnpacked).String(), sizeText(f.UncompressedSize64))
		}
		// Case matters not to some file systems: what is one file there is a duplicate here.
		key := strings.ToLower(strings.TrimSuffix(name, "/"))
		isFolder := strings.HasSuffix(name, "/")
		if seen[key] || folders[key] && !isFolder {
			return unsafeArchive(archive, shown, "is there twice", "each name once", "")
		}
		for dir := path.Dir(key); dir != "." && !folders[dir]; dir = path.Dir(dir) {
			if seen[dir] {
				return unsafeArchive(archive, shown, "is in a file as if that were a folder", "", "")
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
func taskFolder(archive string, entries []*zip.File) (string, error) {
	var found []string
	for _, f := range entries {
		dir, base := path.Split(f.Name)
		if f.Name == manifestFile {
			return "", nil
		}
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
			"%s: the archive has no %s, neither at its root nor in a folder at its root", archive, metadataFile)
	default:
		return "", ratchet.Errorf(ratchet.ReasonTaskInvalidSource,
			"%s: the archive has more than one task (%s); expected one", archive, strings.Join(found, ", "))
	}
}

// readEntry unpacks one entry, of at most so many bytes, and believes nothing
// that its header says about its size.
func readEntry(archive string, f *zip.File, most int) ([]byte, error) {
	shown := shorten(f.Name)
	r, err := f.Open()
	if err != nil {
		return nil, unsafeArchive(archive, shown, "cannot be read: its header is damaged", "", "")
	}
	defer r.Close()
	packed := max(f.CompressedSize64, 1)
	limit := min(uint64(most), max(packed*maxRatio, ratioFloor))
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(r, int64(limit)+1))
	switch {
	case uint64(n) > limit && limit < uint64(most):
		return nil, unsafeArchive(archive, shown, "unpacks to far more than it is", fmt.Sprintf("at most %d times its packed size", maxRatio), "")
	case uint64(n) > limit:
		return nil, unsafeArchive(archive, "", "it unpacks to too much",
			fmt.Sprintf("at most %d times its packed size and %s", maxRatio, ratchet.Size(maxUnpacked)), "")
	case err != nil:
		var corrupt flate.CorruptInputError
		if errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, zip.ErrChecksum) || errors.Is(err, zip.ErrFormat) {
			return nil, unsafeArchive(archive, shown, "is damaged", "", "")
		}
		return nil, ratchet.Errorf(ratchet.ReasonArchiveUnsafe, "%s: the archive is refused: the entry %s cannot be unpacked: %w", archive, shown, err)
	}
	return b.Bytes(), nil
}
