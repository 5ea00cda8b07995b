package daemon_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

// What a server remembers of a key or a task it reads anew within a second: the rest
// of the limit is for a busy machine.
func TestARevokedKeyAndADisabledTaskAreNoticedByOtherServers(t *testing.T) {
	t.Parallel()
	url, dir := storetest.Postgres(t), t.TempDir()
	start := func() *ratchettest.Server {
		return ratchettest.Start(t, ratchettest.WithDatabase(url), ratchettest.InDir(dir))
	}
	a, b := start(), start()
	a.Register("t", "() => 1")
	key, err := a.Service().CreateKey.Call(a.Context(), ratchet.KeyRequest{Name: "ci", Scopes: []ratchet.Scope{ratchet.ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	request := ratchet.JobRequest{Task: "t", Input: json.RawMessage(`1`)}
	open := func() bool {
		status, _ := get(t, b.URL+"/api/v1/tasks", key.Text)
		return status == http.StatusOK
	}
	takes := func() bool {
		_, err := b.Service().SubmitJob.Call(b.Context(), request)
		if err != nil && !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonTaskDisabled}) {
			t.Fatal(err)
		}
		return err == nil
	}
	for range 3 {
		if !open() || !takes() {
			t.Fatal("the key or the task is not good before anything is changed")
		}
	}
	if _, err := a.Service().RevokeKey.Call(a.Context(), service.KeyRef{ID: key.ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Service().DisableTask.Call(a.Context(), service.TaskRef{Task: "t"}); err != nil {
		t.Fatal(err)
	}
	changed := time.Now()
	for what, still := range map[string]func() bool{"the revoked key": open, "the disabled task": takes} {
		for still() {
			if time.Since(changed) > 10*time.Second {
				t.Fatalf("%s is good still", what)
			}
			<-time.After(10 * time.Millisecond)
		}
	}
	t.Logf("noticed within %s", time.Since(changed))
	caches, err := b.Service().ListCaches.Call(b.Context(), service.None{})
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, c := range caches {
		used[c.Name] = c.Hits > 0
	}
	for _, name := range []string{"keys", "tasks"} {
		if !used[name] {
			t.Errorf("%s: got %+v", name, caches)
		}
	}
}
