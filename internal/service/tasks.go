package service

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/bundle"
	"github.com/ratchet-runner/ratchet-go/internal/destination"
)

func ratchetError(err error) (*ratchet.Error, bool) { return errors.AsType[*ratchet.Error](err) }

// maxRef is the longest text by which anything is named.
const maxRef = 200

// checkRef refuses a text that cannot name the thing: another thing's ID says so.
func checkRef[ID interface{ ~[16]byte }](what, ref string, parse func(string) (ID, error)) error {
	if ref == "" {
		return ratchet.Errorf(ratchet.ReasonValidation, "no %s is named: give its name or ID", what)
	}
	if len(ref) > maxRef {
		return ratchet.Errorf(ratchet.ReasonValidation, "%q names no %s: it has %d characters, at most %d are allowed", shorten(ref), what, len(ref), maxRef)
	}
	if _, uuid, found := strings.Cut(ref, "_"); found {
		if _, err := parse(uuid); err == nil {
			if _, err := parse(ref); err != nil { // the ID of something else
				return ratchet.AsError(err).WithDetails(ratchet.Detail{
					Pointer: "/" + what, Message: ratchet.AsError(err).Message, Expected: "the name or ID of a " + what, Got: ref,
				})
			}
		}
	}
	return nil
}

// findTask returns the task that ref names, or an error that names one like it.
func (s *Service) findTask(ctx context.Context, ref string) (*ratchet.Task, error) {
	if err := checkRef("task", ref, ratchet.ParseID[ratchet.Task]); err != nil {
		return nil, err
	}
	t, err := s.store.Task(ctx, ref)
	if failure, known := ratchetError(err); known && failure.Code == ratchet.CodeNotFound {
		return nil, s.noTask(ctx, ref)
	}
	if err != nil {
		return nil, fmt.Errorf("find task: %w", err)
	}
	return t, nil
}

func (s *Service) noTask(ctx context.Context, ref string) error {
	remedy := "\"ratchet task list\" shows those there are"
	page, err := s.store.Tasks(ctx, ratchet.Query{Limit: ratchet.MaxLimit})
	if err != nil {
		return fmt.Errorf("list tasks: %w", err)
	}
	names := make([]string, len(page.Items))
	for i, t := range page.Items {
		names[i] = t.Name
	}
	if near := ratchet.Nearest(ref, names); near != "" {
		remedy = fmt.Sprintf("is %q meant?", near)
	} else if len(names) == 0 {
		remedy = "there are none yet; \"ratchet task register PATH\" registers one"
	}
	return ratchet.Errorf(ratchet.ReasonTaskNotFound, "there is no task %q: %s", shorten(ref), remedy)
}

// registerTask keeps nothing that has not been checked: the files are read here,
// the code by a worker.
func (s *Service) registerTask(ctx context.Context, in RegisterTask) (*ratchet.Registered, error) {
	if len(in.Archive) == 0 {
		return nil, ratchet.Errorf(ratchet.ReasonTaskInvalidSource, "there is no archive: send a zip of the task's folder")
	}
	b, err := bundle.LoadArchive(ctx, in.Archive, bundle.Options{TempDir: s.config.TempDir})
	if err != nil {
		return nil, err
	}
	v := versionOf(b)
	var wrong problems
	wrong.add(ratchet.ReasonTaskValidation, prefixed("/limits", s.overLimits(v.Limits))...)
	if s.deliverer != nil && len(v.Destinations) > 0 { // which variables the operator has is known here only
		wrong.add(ratchet.ReasonTaskValidation, prefixed("/destinations", destination.CheckAll(v.Destinations, destination.Where{Bundle: true, Variables: append([]string{}, s.deliverer.Variables()...)}))...)
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	if err := s.prober.Probe(ctx, b); err != nil {
		return nil, err
	}
	archive, err := b.Archive()
	if err != nil {
		return nil, fmt.Errorf("pack task %s: %w", b.Name, err)
	}
	task, created, err := s.store.PutVersion(ctx, ratchet.NewVersion{Task: taskOf(b), Version: v, Archive: archive, Replace: in.Replace})
	if err != nil {
		return nil, err
	}
	s.schemas.put(b.Digest, b.Input)
	return &ratchet.Registered{Task: *task, Created: created, Warnings: b.Warnings}, nil
}

func taskOf(b *bundle.Bundle) *ratchet.Task {
	t := &ratchet.Task{
		ID: ratchet.NewID[ratchet.Task](), Name: b.Name, Label: b.Label, Description: b.Description,
		Tags: b.Tags, Category: b.Category, Author: b.Author, License: b.License,
		Deprecated: b.Deprecated, DeprecationMessage: b.DeprecationMessage,
		Version: b.Version, VersionDigest: b.Digest, Enabled: true,
	}
	if b.UUID != "" {
		t.Aliases = []string{b.UUID}
	}
	return t
}

func versionOf(b *bundle.Bundle) *ratchet.Version {
	return &ratchet.Version{
		ID: ratchet.NewID[ratchet.Version](), Task: b.Name, Digest: b.Digest, Semver: b.Version,
		Engine: b.Engine, Isolation: b.Isolation, Slots: b.Slots, Fetch: b.Fetch,
		Limits: b.Limits, Permissions: b.Permissions, Retry: b.Retry,
		Concurrency: b.Concurrency, Rate: b.Rate, Destinations: destination.Prepare(b.Destinations),
		InputSchema: b.Input.Raw(), OutputSchema: b.Output.Raw(),
	}
}

func (s *Service) getTask(ctx context.Context, in TaskRef) (*ratchet.TaskDetail, error) {
	t, err := s.findTask(ctx, in.Task)
	if err != nil {
		return nil, err
	}
	v, err := s.store.Version(ctx, t.ID, "")
	if err != nil {
		return nil, fmt.Errorf("find newest version of task %s: %w", t.Name, err)
	}
	return &ratchet.TaskDetail{Task: *t, Latest: s.withEngine(v)}, nil
}

func (s *Service) updateTask(ctx context.Context, in UpdateTask) (*ratchet.Task, error) {
	if in.Enabled == nil && in.Paused == nil {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "there is nothing to change: give \"enabled\" or \"paused\"; what else a task is comes from its folder, with \"ratchet task register\"")
	}
	return s.changeTask(ratchet.TaskChange{Enabled: in.Enabled, Paused: in.Paused})(ctx, TaskRef{in.Task})
}

// changeTask returns the operation that makes one change to any task.
func (s *Service) changeTask(c ratchet.TaskChange) func(context.Context, TaskRef) (*ratchet.Task, error) {
	return func(ctx context.Context, in TaskRef) (*ratchet.Task, error) {
		t, err := s.findTask(ctx, in.Task)
		if err != nil {
			return nil, err
		}
		return s.store.ChangeTask(ctx, t.ID, c)
	}
}

func (s *Service) deleteTask(ctx context.Context, in TaskRef) (None, error) {
	t, err := s.findTask(ctx, in.Task)
	if err != nil {
		return None{}, err
	}
	defer s.purge(t) // another one may take its name
	return None{}, s.store.DeleteTask(ctx, t.ID)
}

func (s *Service) listVersions(ctx context.Context, in TaskRef) ([]ratchet.Version, error) {
	t, err := s.findTask(ctx, in.Task)
	if err != nil {
		return nil, err
	}
	all, err := s.store.Versions(ctx, t.ID)
	for i := range all {
		all[i] = *s.withEngine(&all[i])
	}
	return all, err
}

func (s *Service) getVersion(ctx context.Context, in VersionRef) (*ratchet.Version, error) {
	t, err := s.findTask(ctx, in.Task)
	if err != nil {
		return nil, err
	}
	v, err := s.findVersion(ctx, t, in.Version)
	return s.withEngine(v), err
}

// findVersion returns the version that ref names, the newest for "", or an error
// that names those there are.
func (s *Service) findVersion(ctx context.Context, t *ratchet.Task, ref string) (*ratchet.Version, error) {
	if ref != "" {
		if err := checkRef("version", ref, ratchet.ParseID[ratchet.Version]); err != nil {
			return nil, err
		}
	}
	v, err := s.store.Version(ctx, t.ID, ref)
	if err != nil {
		return nil, fmt.Errorf("find version of task %s: %w", t.Name, err)
	}
	return v, nil
}
