package rest

import (
	"net/http"
	"net/http/httptest"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/problem"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// Scan reads a body that should be a T.
func Scan[T any](data []byte) (faults []problem.Fault, malformed bool) {
	s := scan(data, shapeFor[T]())
	return s.faults, s.malformed
}

// List reads the query of a list of jobs.
func List(rawQuery string) (ratchet.Query, error) {
	rt := &route{op: service.Operation{Path: "/jobs"}}
	with(pages(ratchet.JobFields())...)(rt)
	filtered(ratchet.JobFields())(rt)
	hr := httptest.NewRequest(http.MethodGet, "/", nil)
	hr.URL.RawQuery = rawQuery
	r := newRequest(httptest.NewRecorder(), hr, rt)
	q := r.list()
	return q, r.problem()
}
