package daemon_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
	"github.com/ratchet-runner/ratchet-go/internal/storetest"
)

func TestAServerWithAnotherKeySaysSo(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	first, second := ratchettest.Start(t, ratchettest.WithDatabase(url)), ratchettest.Start(t, ratchettest.WithDatabase(url))
	third := ratchettest.Start(t, ratchettest.WithDatabase(url), ratchettest.InDir(first.Dir))
	for _, c := range []struct {
		server *ratchettest.Server
		other  bool
	}{{first, false}, {second, true}, {third, false}} {
		answer, err := http.Get(c.server.URL + "/health")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if said := strings.Contains(string(body), "sealed with"); err != nil || said != c.other || answer.StatusCode != 200 {
			t.Errorf("another key %v: got %d %s, %v", c.other, answer.StatusCode, body, err)
		}
	}
}
