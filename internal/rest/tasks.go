package rest

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/problem"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

const (
	zipType       = "application/zip"
	multipartType = "multipart/form-data"
)

func (a *api) taskRoutes() []*route {
	s, fields := a.svc, ratchet.TaskFields()
	change := shapeFor[service.UpdateTask]()
	return []*route{
		newRoute(s.ListTasks, (*request).list, page, with(pages(fields)...), filtered(fields), listing[ratchet.Task]),
		newRoute(s.RegisterTask, a.registerTask, registered, with(query("replace", "Let another content take a semantic version that is in use.", yesSchema())),
			gives[ratchet.Registered], uploaded(a.config.MaxArchive), located, also(http.StatusOK, "The same content was there already.")),
		newRoute(s.GetTask, taskRef, single, gives[ratchet.TaskDetail], tagged),
		newRoute(s.UpdateTask, func(r *request) service.UpdateTask {
			in := body[service.UpdateTask](r, change)
			in.Task = r.PathValue("task")
			return in
		}, single, sent[service.UpdateTask](a.config.MaxBody, `{"enabled":false}`), gives[ratchet.Task]),
		newRoute(s.DeleteTask, taskRef, empty),
		newRoute(s.PurgeTask, taskRef, empty),
		newRoute(s.EnableTask, taskRef, single, gives[ratchet.Task]),
		newRoute(s.DisableTask, taskRef, single, gives[ratchet.Task]),
		newRoute(s.PauseTask, taskRef, single, gives[ratchet.Task]),
		newRoute(s.ResumeTask, taskRef, single, gives[ratchet.Task]),
		newRoute(s.ListVersions, taskRef, whole, listing[ratchet.Version]),
		newRoute(s.GetVersion, func(r *request) service.VersionRef {
			return service.VersionRef{Task: r.PathValue("task"), Version: r.PathValue("version")}
		}, single, gives[ratchet.Version], tagged),
		a.runRoute(),
	}
}

func taskRef(r *request) service.TaskRef { return service.TaskRef{Task: r.PathValue("task")} }

// uploaded says that a zip is sent, as it is or as a form's file.
func uploaded(limit int64) option {
	return func(rt *route) {
		rt.accepts, rt.maxBody, rt.needed = []string{zipType, multipartType}, limit, true
	}
}

func (a *api) registerTask(r *request) service.RegisterTask {
	in := service.RegisterTask{Replace: r.yes("replace")}
	kind, options := r.mediaType()
	switch {
	case r.refused != nil:
	case kind == multipartType:
		in.Archive = r.file(options["boundary"])
	default:
		in.Archive = r.content(r.route.maxBody)
	}
	if r.refused == nil && len(in.Archive) == 0 {
		r.refused = problem.New(http.StatusBadRequest, ratchet.ReasonSerialization, "the body is missing: send the zip of a task's folder")
	}
	return in
}

// file reads the one file of a form.
func (r *request) file(boundary string) (data []byte) {
	if boundary == "" {
		r.refused = problem.New(http.StatusBadRequest, ratchet.ReasonSerialization, "the form cannot be read: its Content-Type names no boundary")
		return nil
	}
	if r.ContentLength > r.route.maxBody {
		r.refused = unreadable(&http.MaxBytesError{Limit: r.route.maxBody}, r.route.maxBody)
		return nil
	}
	parts := multipart.NewReader(http.MaxBytesReader(r.w, r.Body, r.route.maxBody), boundary)
	for files := 0; ; {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) && files == 1 {
			return data
		}
		if err == nil && part.FileName() == "" {
			r.wrong(part.FormName(), "the form has a field that is not known", "one file, and nothing else", "")
			continue
		}
		if files++; err == nil && files == 1 {
			data, err = io.ReadAll(part)
		}
		switch {
		case errors.Is(err, io.EOF), err == nil && files > 1:
			r.refused = problem.New(http.StatusBadRequest, ratchet.ReasonSerialization, "the form should hold one file, the zip of a task's folder")
			return nil
		case err != nil:
			r.refused = unreadable(err, r.route.maxBody)
			return nil
		}
	}
}

func registered(r *request, t *ratchet.Registered) (answer, error) {
	ans, err := single(r, t)
	ans.location = base + "/tasks/" + url.PathEscape(t.Name)
	if !t.Created {
		ans.status = http.StatusOK
	}
	return ans, err
}

// runRoute takes the input itself as the body, and all else as parameters.
func (a *api) runRoute() *route {
	run := a.svc.RunTask
	return newHandler(run.Operation, runTask, func(r *request, in service.RunTask) (answer, error) {
		out, err := run.Call(r.Context(), in)
		if err != nil {
			return answer{}, aboutParameters(err)
		}
		return result(r, out)
	}, gives[ratchet.Job], located, also(http.StatusAccepted, "The wait elapsed: the job goes on."),
		with(waiting("Without it, 30s."),
			query("priority", "Before which others the job goes.", wordSchema("low", "normal", "high", "urgent")),
			query("timeout", "How long an attempt may take, such as \"30s\".", textSchema("30s")),
			query("maxAttempts", "How often the job is attempted.", numberSchema(1, ratchet.MaxAttempts)),
			query("tags", "Tags of the job, with commas.", textSchema("nightly,eu")),
			query("version", "A semantic version, digest or ID; without it the newest.", textSchema("1.2.0")),
			query("latest", "Each attempt runs the newest version there is then.", yesSchema()),
			query("idempotencyKey", "Your own name for the request.", textSchema()),
			header("Idempotency-Key", "Your own name for the request: the same again gives the same job, for 24 hours.")),
		func(rt *route) {
			rt.accepts, rt.maxBody, rt.example = []string{jsonType}, a.config.MaxBody, `{"num1":1,"num2":2}`
		})
}

func runTask(r *request) (in service.RunTask) {
	in.Task, in.Input = r.PathValue("task"), r.raw()
	in.Version, in.Latest, in.Tags = r.text("version"), r.yes("latest"), r.texts("tags")
	in.Wait = r.wait(service.DefaultWait)
	r.into("priority", &in.Priority)
	r.into("timeout", &in.Timeout)
	in.MaxAttempts = r.number("maxAttempts", 1, ratchet.MaxAttempts, 0)
	in.IdempotencyKey = r.idempotencyKey("idempotencyKey", r.text("idempotencyKey"))
	return in
}

// idempotencyKey is the one of the header, or the one given otherwise.
func (r *request) idempotencyKey(name, otherwise string) string {
	key := r.Header.Get("Idempotency-Key")
	switch {
	case key == "":
		return otherwise
	case !plain(key):
		r.wrong("Idempotency-Key", "Idempotency-Key cannot be read", "text in UTF-8 without control characters", key)
	case otherwise != "" && otherwise != key:
		r.wrong("Idempotency-Key", "Idempotency-Key and "+name+" differ", "one of them", key)
	}
	return key
}

// aboutParameters turns what is said of an operation's input into what its sender
// wrote: a job's input is the body, all else are parameters.
func aboutParameters(err error) error {
	p := problem.Of(err)
	for i := range p.Errors {
		f := &p.Errors[i]
		if rest, found := strings.CutPrefix(f.Pointer, "/input"); found {
			f.Pointer = rest
		} else if name, found := strings.CutPrefix(f.Pointer, "/"); found {
			f.Parameter, f.Pointer = name, ""
		}
	}
	return p
}

// aboutPath turns what is said of a route's own parameters of the path, which its
// body does not name, into what its sender wrote.
func aboutPath(rt *route, err error) error {
	p := problem.Of(err)
	for i := range p.Errors {
		f := &p.Errors[i]
		if name := strings.TrimPrefix(f.Pointer, "/"); slices.Contains(rt.inPath, name) {
			f.Parameter, f.Pointer = name, ""
		}
	}
	return p
}

func (a *api) environmentRoutes() []*route {
	s, values := a.svc, shapeFor[map[string]string]()
	return []*route{
		newRoute(s.ListEnv, taskRef, whole, listing[ratchet.EnvVar]),
		newRoute(s.SetEnv, func(r *request) service.SetEnv {
			return service.SetEnv{Task: r.PathValue("task"), Values: body[map[string]string](r, values)}
		}, whole, sent[map[string]string](a.config.MaxBody, `{"API_TOKEN":"…"}`), listing[ratchet.EnvVar]),
		newRoute(s.UnsetEnv, func(r *request) service.EnvRef {
			return service.EnvRef{Task: r.PathValue("task"), Name: r.PathValue("name")}
		}, empty),
	}
}

// archiveSchema is a zip.
func archiveSchema() *huma.Schema { return &huma.Schema{Type: huma.TypeString, Format: "binary"} }
