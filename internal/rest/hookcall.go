package rest

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/problem"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// mountHooks serves the URLs of hooks. They are beside the API: whoever calls them
// has no key, and knows nothing of Ratchet.
func (a *api) mountHooks() { a.mux.HandleFunc("POST /hooks/{token}", a.callHook) }

// A called hook is all that its caller is told.
type called struct {
	Job ratchet.JobID `json:"jobId"`
}

func (a *api) callHook(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	data, err := a.hookBody(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	job, err := a.svc.CallHook(r.Context(), service.HookCall{Token: r.PathValue("token"), Header: r.Header, Body: data})
	if err != nil {
		a.fail(w, r, aboutParameters(err))
		return
	}
	out, err := encode(called{job.ID})
	if err != nil {
		a.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write([]byte(`{"data":` + string(out) + "}\n")) // a caller that is gone hears nothing
}

// hookBody is the body as it came, which its signature is of, if it is JSON.
func (a *api) hookBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	limit := a.config.MaxBody
	if r.ContentLength > limit {
		return nil, unreadable(&http.MaxBytesError{Limit: limit}, limit)
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind != jsonType && !strings.HasSuffix(kind, "+json") && kind != "text/plain" {
		return nil, problem.New(http.StatusUnsupportedMediaType, ratchet.ReasonMediaType,
			"a hook takes JSON, not %q: have the sender send \"Content-Type: application/json\"", problem.Shorten(kind))
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, unreadable(err, limit)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return data, nil
	}
	if s := scan(data, &shape{}); len(s.faults) > 0 {
		return nil, problem.Invalid(http.StatusBadRequest, ratchet.ReasonSerialization, s.faults)
	}
	return data, nil
}
