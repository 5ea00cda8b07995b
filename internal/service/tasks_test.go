package service_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func TestATaskIsFoundByWhateverNamesIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	r := f.register(t, adding())
	if !r.Created || r.Name != "addition" || r.Version != "1.0.0" || !r.Enabled {
		t.Errorf("got %+v", r)
	}
	for _, ref := range []string{"addition", r.ID.String(), r.ID.UUID(), "bd6c6f98-4896-44cc-8c82-30328c3aefda"} {
		d := must(f.GetTask.Call(f.ctx, service.TaskRef{Task: ref}))(t)
		if d.ID != r.ID || d.Latest == nil || d.Latest.Digest != r.VersionDigest || string(d.Latest.InputSchema) != twoSums {
			t.Errorf("%s: got %+v", ref, d)
		}
	}
	again := f.register(t, adding())
	if again.Created || again.ID != r.ID {
		t.Errorf("the same content again: got created %t, %s, want %s", again.Created, again.ID, r.ID)
	}
	for ref, want := range map[string][]string{
		"aditoin":                             {string(ratchet.ReasonTaskNotFound), `is "addition" meant`},
		"something-else":                      {string(ratchet.ReasonTaskNotFound), "ratchet task list"},
		ratchet.NewID[ratchet.Job]().String(): {string(ratchet.ReasonValidation), `starts with "job_", want "task_"`},
		strings.Repeat("x", 1000):             {string(ratchet.ReasonValidation), "1000 characters"},
		"":                                    {string(ratchet.ReasonValidation), "no task is named"},
		"'; DROP TABLE tasks; --":             {string(ratchet.ReasonTaskNotFound)},
		"\x00\xff":                            {string(ratchet.ReasonTaskNotFound)},
	} {
		_, err := f.GetTask.Call(f.ctx, service.TaskRef{Task: ref})
		refused(t, err, ratchet.Reason(want[0]), want[1:]...)
	}
}

func TestWhatCannotRunIsNotRegistered(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{Limits: ratchet.Limits{Memory: 256 * ratchet.MB}})
	for name, c := range map[string]struct {
		archive []byte
		reason  ratchet.Reason
		part    string
	}{
		"nothing":       {nil, ratchet.ReasonTaskInvalidSource, "zip of the task's folder"},
		"no zip":        {[]byte("hello"), ratchet.ReasonTaskInvalidSource, ""},
		"no code":       {folder{"metadata.json": addition}.zip(t), ratchet.ReasonTaskInvalidSource, "main.js"},
		"bad schema":    {adding("input.schema.json", `{"type": "nombre"}`).zip(t), ratchet.ReasonTaskValidation, "/type"},
		"bad code":      {adding("main.js", "(i) => UNREADABLE").zip(t), ratchet.ReasonSyntax, "cannot read"},
		"much memory":   {adding("metadata.json", `{"name": "addition", "version": "1.0.0", "limits": {"memory": "1GB"}}`).zip(t), ratchet.ReasonTaskValidation, "at most 256MB"},
		"from a parent": {folder{"../main.js": "1", "main.js": "2"}.zip(t), ratchet.ReasonArchiveUnsafe, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.RegisterTask.Call(f.ctx, service.RegisterTask{Archive: c.archive})
			refused(t, err, c.reason, c.part)
		})
	}
	if page := must(f.ListTasks.Call(f.ctx, ratchet.Query{}))(t); page.Total != 0 {
		t.Errorf("%d tasks are kept", page.Total)
	}
}

func TestAnotherContentUnderAVersionInUseMustBeAllowed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	first := f.register(t, adding())
	other := adding("main.js", "(i) => ({sum: i.b + i.a})").zip(t)
	_, err := f.RegisterTask.Call(f.ctx, service.RegisterTask{Archive: other})
	if e := ratchet.AsError(err); err == nil || e.Code != ratchet.CodeConflict {
		t.Fatalf("got %v, want a conflict", err)
	}
	second := must(f.RegisterTask.Call(f.ctx, service.RegisterTask{Archive: other, Replace: true}))(t)
	if !second.Created || second.VersionDigest == first.VersionDigest || second.ID != first.ID {
		t.Errorf("got %+v", second)
	}
	versions := must(f.ListVersions.Call(f.ctx, service.TaskRef{Task: "addition"}))(t)
	if len(versions) != 2 || versions[0].Digest != second.VersionDigest {
		t.Fatalf("got %+v", versions)
	}
	for ref, want := range map[string]string{
		"1.0.0": second.VersionDigest, first.VersionDigest: first.VersionDigest, first.VersionDigest[:20]: first.VersionDigest,
		versions[1].ID.String(): first.VersionDigest,
	} {
		if v := must(f.GetVersion.Call(f.ctx, service.VersionRef{Task: "addition", Version: ref}))(t); v.Digest != want {
			t.Errorf("%s: got %s, want %s", ref, v.Digest, want)
		}
	}
	_, err = f.GetVersion.Call(f.ctx, service.VersionRef{Task: "addition", Version: "9.9.9"})
	refused(t, err, ratchet.ReasonEntityNotFound, "1.0.0")
	_, err = f.GetVersion.Call(f.ctx, service.VersionRef{Task: "addition", Version: first.ID.String()})
	refused(t, err, ratchet.ReasonValidation, `want "version_"`)
}

func TestATaskIsChangedAndDeleted(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	f.register(t, adding())
	ref := service.TaskRef{Task: "addition"}
	if task := must(f.DisableTask.Call(f.ctx, ref))(t); task.Enabled {
		t.Error("it is enabled")
	}
	_, err := f.SubmitJob.Call(f.ctx, ratchet.JobRequest{Task: "addition", Input: []byte(`{"a":1,"b":2}`)})
	refused(t, err, ratchet.ReasonTaskDisabled, "ratchet task enable addition")
	if task := must(f.EnableTask.Call(f.ctx, ref))(t); !task.Enabled {
		t.Error("it is disabled")
	}
	if task := must(f.PauseTask.Call(f.ctx, ref))(t); !task.Paused {
		t.Error("it is not paused")
	}
	no := false
	if task := must(f.UpdateTask.Call(f.ctx, service.UpdateTask{Task: "addition", Paused: &no}))(t); task.Paused || !task.Enabled {
		t.Errorf("got %+v", task)
	}
	_, err = f.UpdateTask.Call(f.ctx, service.UpdateTask{Task: "addition"})
	refused(t, err, ratchet.ReasonValidation, "nothing to change")
	job := must(f.SubmitJob.Call(f.ctx, ratchet.JobRequest{Task: "addition", Input: []byte(`{"a":1,"b":2}`)}))(t)
	if _, err = f.DeleteTask.Call(f.ctx, ref); ratchet.AsError(err).Code != ratchet.CodeConflict {
		t.Errorf("got %v, want a conflict", err)
	}
	must(f.CancelJob.Call(f.ctx, service.JobRef{ID: job.ID}))(t)
	must(f.DeleteTask.Call(f.ctx, ref))(t)
	_, err = f.GetTask.Call(f.ctx, ref)
	refused(t, err, ratchet.ReasonTaskNotFound)
	_, err = f.RetryJob.Call(f.ctx, service.JobRef{ID: job.ID})
	refused(t, err, ratchet.ReasonTaskNotFound)
	must(f.ExplainJob.Call(f.ctx, service.JobRef{ID: job.ID}))(t)
}

func TestASchemaMayReferToOtherFilesOfItsTask(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	files := adding("input.schema.json", `{"type": "object", "properties": {"a": {"$ref": "number.json"}}}`, "number.json", `{"type": "number", "minimum": 10}`)
	f.register(t, files)
	// A service that has not seen the task before, as after a restart.
	other := service.New(service.Deps{Store: f.store, Stream: f.hub}, service.Config{})
	for _, s := range []*service.Service{f.Service, other} {
		_, err := s.SubmitJob.Call(f.ctx, ratchet.JobRequest{Task: "addition", Input: []byte(`{"a": 5}`)})
		refused(t, err, ratchet.ReasonInputInvalid, "/input/a", "10")
		must(s.SubmitJob.Call(f.ctx, ratchet.JobRequest{Task: "addition", Input: []byte(`{"a": 15}`)}))(t)
	}
}

func TestOnlyDeclaredVariablesAreSetAndNoValueIsShown(t *testing.T) {
	t.Parallel()
	f := newFixture(t, service.Config{})
	r := f.register(t, adding())
	list := must(f.SetEnv.Call(f.ctx, service.SetEnv{Task: "addition", Values: map[string]string{"TOKEN": "s3cret"}}))(t)
	var got []string
	for _, v := range list {
		got = append(got, fmt.Sprintf("%s %t %t", v.Name, v.Declared, v.UpdatedAt.IsZero()))
	}
	if diff := cmp.Diff([]string{"REGION true true", "TOKEN true false"}, got); diff != "" {
		t.Error(diff)
	}
	_, err := f.SetEnv.Call(f.ctx, service.SetEnv{Task: "addition", Values: map[string]string{
		"REGION": "eu", "TOKEM": "s3cret", "PATH": "/", "a/b": strings.Repeat("x", 65<<10),
	}})
	refused(t, err, ratchet.ReasonValidation, `is "TOKEN" meant`, "TOKEN, REGION", "metadata.json", "/a~1b", "too long")
	if strings.Contains(fmt.Sprintf("%+v", ratchet.AsError(err)), "s3cret") {
		t.Error("the refusal shows a value")
	}
	if list := must(f.ListEnv.Call(f.ctx, service.TaskRef{Task: "addition"}))(t); len(list) != 2 || !list[0].UpdatedAt.IsZero() {
		t.Errorf("a part of what was refused is kept: %+v", list)
	}
	// What is kept opens for this task and name alone.
	must(f.SubmitJob.Call(f.ctx, ratchet.JobRequest{Task: "addition", Input: []byte(`{"a":1,"b":2}`)}))(t)
	claims := make(chan *ratchet.Claim, 1)
	f.work(t, func(c *ratchet.Claim) *ratchet.Outcome {
		claims <- c
		return completed("{}")
	})
	sealed := (<-claims).Env["TOKEN"]
	if plain, err := f.box.Open(sealed, ratchet.EnvContext(r.ID, "TOKEN")); err != nil || string(plain) != "s3cret" {
		t.Errorf("got %q, %v", plain, err)
	}
	if _, err := f.box.Open(sealed, ratchet.EnvContext(r.ID, "REGION")); err == nil {
		t.Error("the value opens as another variable's")
	}
	must(f.UnsetEnv.Call(f.ctx, service.EnvRef{Task: "addition", Name: "TOKEN"}))(t)
	for _, v := range must(f.ListEnv.Call(f.ctx, service.TaskRef{Task: "addition"}))(t) {
		if !v.UpdatedAt.IsZero() {
			t.Errorf("%s has a value", v.Name)
		}
	}
}
