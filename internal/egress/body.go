package egress

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// errBodyTooLarge says that a body passed the Request's bound.
var errBodyTooLarge = errors.New("the response body is too large")

// errBadGzip says that a body is not the gzip it claims to be.
var errBadGzip = errors.New("the response body is not valid gzip")

// cutTime is how long is waited for a body of which only the beginning is wanted.
const cutTime = 2 * time.Second

// errCut ends the wait for such a body.
var errCut = errors.New("enough of the response body was read")

// beginning reads at most so many bytes of a body, fewer if no more come.
func beginning(body io.Reader, most int64) []byte {
	data, _ := io.ReadAll(io.LimitReader(body, most+1)) // to its end if it is short, to keep the connection
	return data[:min(int64(len(data)), most)]
}

// A meter counts what a body brought over the wire and stops it at most.
type meter struct {
	r       io.Reader
	n, most int64
	eof     bool // the body came to its own end
}

func (m *meter) Read(p []byte) (int, error) {
	if m.n > m.most {
		return 0, errBodyTooLarge
	}
	n, err := m.r.Read(p)
	m.n += int64(n)
	m.eof = err == io.EOF
	return n, err
}

// readBody reads the body, decoding gzip, and gives up once it has more than
// most bytes. received is what came over the wire.
//
// Coded bytes are bounded too, for gzip can also go on for ever and say nothing:
// by most and a little, since what is compressible at all does not grow.
func readBody(hr *http.Response, most int64) (body []byte, received int64, err error) {
	gzipped := isGzip(hr.Header)
	m := &meter{r: hr.Body, most: most}
	if gzipped {
		m.most += most/8 + 4096
	}
	if hr.ContentLength > m.most && hr.Request.Method != http.MethodHead {
		return nil, 0, errBodyTooLarge
	}
	var buf bytes.Buffer
	buf.Grow(int(min(max(hr.ContentLength, 0), most, 1<<20)) + bytes.MinRead) // believe the header up to 1 MB
	if gzipped {
		err = gunzip(&buf, m, most)
	} else {
		_, err = buf.ReadFrom(m)
	}
	if err == nil && int64(buf.Len()) > most {
		err = errBodyTooLarge
	}
	if err != nil {
		return nil, m.n, err
	}
	return buf.Bytes(), m.n, nil
}

func isGzip(h http.Header) bool {
	coding := strings.ToLower(strings.TrimSpace(h.Get("Content-Encoding")))
	return coding == "gzip" || coding == "x-gzip"
}

func gunzip(buf *bytes.Buffer, m *meter, most int64) error {
	zr, err := gzip.NewReader(m)
	if err == io.EOF && m.n == 0 {
		return nil // HEAD, 204, 304: no body, so nothing to decode
	}
	if err == nil {
		_, err = buf.ReadFrom(io.LimitReader(zr, most+1))
	}
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	if corrupt || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || m.eof && errors.Is(err, io.ErrUnexpectedEOF) {
		return errBadGzip
	}
	return err
}
