package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A task is named by its ID, name or alias.

// Tasks reads a page of the tasks.
func (c *Client) Tasks(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Task], error) {
	return list[ratchet.Task](ctx, c, "/tasks", q)
}

// Task reads a task with its newest version.
func (c *Client) Task(ctx context.Context, task string) (*ratchet.TaskDetail, error) {
	return get[ratchet.TaskDetail](ctx, c, taskPath(task), nil)
}

// RegisterTask keeps the task in a zip: a new task, or a new version of one.
// With replace its content may take a semantic version that is in use.
func (c *Client) RegisterTask(ctx context.Context, zip []byte, replace bool) (*ratchet.Registered, error) {
	r := write(http.MethodPost, "/tasks")
	r.header = http.Header{"Content-Type": {"application/zip"}}
	r.body = zip
	r.repeat = true // the same content again is the same version
	if replace {
		r.query = url.Values{"replace": {"true"}}
	}
	out := new(ratchet.Registered)
	a, err := c.do(ctx, r, out)
	if err != nil {
		return nil, err
	}
	out.Created = a.status == http.StatusCreated
	return out, nil
}

// UpdateTask enables, disables, pauses or resumes the task, as far as the change
// says.
func (c *Client) UpdateTask(ctx context.Context, task string, change ratchet.TaskChange) (*ratchet.Task, error) {
	return send[ratchet.Task](ctx, c, write(http.MethodPatch, taskPath(task)), struct {
		Enabled *bool `json:"enabled,omitempty"`
		Paused  *bool `json:"paused,omitempty"`
	}{change.Enabled, change.Paused})
}

// EnableTask has the task take jobs again.
func (c *Client) EnableTask(ctx context.Context, task string) (*ratchet.Task, error) {
	return act[ratchet.Task](ctx, c, http.MethodPost, taskPath(task)+"/enable")
}

// DisableTask has the task refuse new jobs.
func (c *Client) DisableTask(ctx context.Context, task string) (*ratchet.Task, error) {
	return act[ratchet.Task](ctx, c, http.MethodPost, taskPath(task)+"/disable")
}

// PauseTask has the task's jobs wait.
func (c *Client) PauseTask(ctx context.Context, task string) (*ratchet.Task, error) {
	return act[ratchet.Task](ctx, c, http.MethodPost, taskPath(task)+"/pause")
}

// ResumeTask ends a pause.
func (c *Client) ResumeTask(ctx context.Context, task string) (*ratchet.Task, error) {
	return act[ratchet.Task](ctx, c, http.MethodPost, taskPath(task)+"/resume")
}

// PurgeTask forgets what is kept of the task, its results and the responses to its
// requests, on every node.
func (c *Client) PurgeTask(ctx context.Context, task string) error {
	_, err := c.do(ctx, write(http.MethodDelete, taskPath(task)+"/cache"), nil)
	return err
}

// DeleteTask removes a task that has no unfinished jobs.
func (c *Client) DeleteTask(ctx context.Context, task string) error {
	_, err := c.do(ctx, write(http.MethodDelete, taskPath(task)), nil)
	return err
}

// Versions reads a task's versions, newest first.
func (c *Client) Versions(ctx context.Context, task string) ([]ratchet.Version, error) {
	all, err := get[[]ratchet.Version](ctx, c, taskPath(task)+"/versions", nil)
	if err != nil {
		return nil, err
	}
	return *all, nil
}

// Version reads a version by its semantic version, digest or ID.
func (c *Client) Version(ctx context.Context, task, version string) (*ratchet.Version, error) {
	return get[ratchet.Version](ctx, c, taskPath(task)+"/versions/"+url.PathEscape(version), nil)
}

// Env reads the names of a task's environment. Values cannot be read.
func (c *Client) Env(ctx context.Context, task string) ([]ratchet.EnvVar, error) {
	all, err := get[[]ratchet.EnvVar](ctx, c, taskPath(task)+"/env", nil)
	if err != nil {
		return nil, err
	}
	return *all, nil
}

// SetEnv gives values to variables that the task declares.
func (c *Client) SetEnv(ctx context.Context, task string, values map[string]string) error {
	_, err := send[[]ratchet.EnvVar](ctx, c, write(http.MethodPatch, taskPath(task)+"/env"), values)
	return err
}

// UnsetEnv takes a variable's value away.
func (c *Client) UnsetEnv(ctx context.Context, task, name string) error {
	_, err := c.do(ctx, write(http.MethodDelete, taskPath(task)+"/env/"+url.PathEscape(name)), nil)
	return err
}

// RunOptions say how RunTask runs. Zero fields are the task's own.
type RunOptions struct {
	Wait           time.Duration // for the result; default 30s, at most 10 minutes
	Version        string        // semantic version, digest or ID; default: the newest now
	Latest         bool          // each attempt runs the newest version there is then
	Priority       ratchet.Priority
	Timeout        ratchet.Duration
	MaxAttempts    int
	Tags           []string
	IdempotencyKey string
}

// RunTask submits a job and waits for its result; done is false if it was not
// there in time. A task that failed is no error: see the job's status.
func (c *Client) RunTask(ctx context.Context, task string, input json.RawMessage, o RunOptions) (job *ratchet.Job, done bool, err error) {
	r := write(http.MethodPost, taskPath(task)+"/run")
	r.body = input
	r.header = http.Header{"Content-Type": {"application/json"}}
	r.query = url.Values{}
	set := func(name, value string, given bool) {
		if given {
			r.query.Set(name, value)
		}
	}
	set("wait", ratchet.Duration(o.Wait).String(), o.Wait > 0)
	set("version", o.Version, o.Version != "")
	set("latest", "true", o.Latest)
	set("priority", o.Priority.String(), o.Priority != ratchet.PriorityNormal)
	set("timeout", o.Timeout.String(), o.Timeout > 0)
	set("maxAttempts", strconv.Itoa(o.MaxAttempts), o.MaxAttempts > 0)
	set("tags", strings.Join(o.Tags, ","), len(o.Tags) > 0)
	if o.IdempotencyKey != "" {
		r.header.Set("Idempotency-Key", o.IdempotencyKey)
		r.repeat = true
	}
	job = new(ratchet.Job)
	a, err := c.do(ctx, r, job)
	if err != nil {
		return nil, false, err
	}
	return job, a.status == http.StatusOK, nil
}

func taskPath(task string) string { return "/tasks/" + url.PathEscape(task) }
