package graphql

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
)

//go:embed page/index.html page/page.js page/page.css page/*.gz
var pageFiles embed.FS

// policy lets the page use what is served here and nothing else. GraphiQL's editor
// sets styles of its own.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// A page is GraphiQL, which works without any other server.
type page struct {
	index  []byte
	assets map[string]asset
}

// An asset is a file that the page loads.
type asset struct {
	data   []byte // compressed, if packed
	packed bool
	kind   string
	tag    string
}

// kinds are the media types of the page's files.
func kinds() map[string]string {
	return map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".txt": "text/plain; charset=utf-8"}
}

func newPage() (*page, error) {
	entries, err := pageFiles.ReadDir("page")
	if err != nil {
		return nil, fmt.Errorf("read the files of the GraphQL page: %w", err)
	}
	p := &page{assets: map[string]asset{}}
	for _, entry := range entries {
		data, err := pageFiles.ReadFile("page/" + entry.Name())
		if err != nil {
			return nil, fmt.Errorf("read the files of the GraphQL page: %w", err)
		}
		name, packed := strings.CutSuffix(entry.Name(), ".gz")
		if name == "index.html" {
			p.index = data
			continue
		}
		sum := sha256.Sum256(data)
		p.assets[name] = asset{data: data, packed: packed, kind: kinds()[path.Ext(name)], tag: `"` + hex.EncodeToString(sum[:8]) + `"`}
	}
	return p, nil
}

// serve answers with the page.
func (p *page) serve(w http.ResponseWriter) {
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Vary", "Accept")
	send(w, http.StatusOK, "text/html", p.index)
}

// serveAsset answers with a file of the page.
func (p *page) serveAsset(w http.ResponseWriter, r *http.Request) {
	a, known := p.assets[strings.TrimPrefix(r.URL.Path, Path+"/")]
	if !known || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Etag", a.tag)
	header.Set("Cache-Control", "public, max-age=3600")
	header.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == a.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", a.kind)
	data := a.data
	if a.packed && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
	} else if a.packed {
		var err error
		if data, err = unpack(data); err != nil {
			http.Error(w, ratchet.AsError(err).Message, http.StatusInternalServerError)
			return
		}
	}
	header.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(data) // a client that is gone hears nothing
}

func unpack(data []byte) ([]byte, error) {
	packed, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("unpack a file of the GraphQL page: %w", err)
	}
	return io.ReadAll(packed)
}
