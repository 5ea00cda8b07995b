package rest

import (
	"embed"
	"fmt"
	"net/http"
	"path"
	"strings"
)

//go:embed docs
var docsFiles embed.FS

// docsPolicy lets the page use what comes with it, and nothing else.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// mountDocs serves the description and the page to read it.
func (a *api) mountDocs(description []byte) error {
	a.mux.HandleFunc("GET /openapi.json", static("application/json", description))
	entries, err := docsFiles.ReadDir("docs")
	if err != nil {
		return fmt.Errorf("read the pages: %w", err)
	}
	for _, e := range entries {
		data, err := docsFiles.ReadFile(path.Join("docs", e.Name()))
		if err != nil {
			return fmt.Errorf("read the pages: %w", err)
		}
		kind := map[string]string{".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}[path.Ext(e.Name())]
		at := "GET /docs/" + e.Name()
		if e.Name() == "index.html" {
			at = "GET /docs"
		}
		a.mux.HandleFunc(at, static(kind, data))
	}
	return nil
}

// static serves bytes that never change while the server runs.
func static(kind string, data []byte) http.HandlerFunc {
	tag := etag("", data)
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-cache")
		h.Set("Etag", tag)
		if strings.HasPrefix(kind, "text/html") {
			h.Set("Content-Security-Policy", docsPolicy)
		}
		if matches(r.Header.Values("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Type", kind)
		_, _ = w.Write(data) // a client that is gone hears nothing
	}
}
