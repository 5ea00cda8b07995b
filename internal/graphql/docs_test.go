package graphql_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
)

// The examples of docs/graphql.md do what it says.
func TestTheExamplesOfTheDocumentsWork(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/graphql.md")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t)
	s.Register("hello", "(i) => ({ text: `Hello, ${i.name}!` })")
	blocks := regexp.MustCompile("(?s)```(graphql|json)\n(.*?)\n```").FindAllStringSubmatch(string(page), -1)
	tried, got := 0, ""
	for _, block := range blocks {
		if block[1] == "graphql" {
			got = s.must(block[2])
			continue
		}
		tried++
		want := "^" + strings.ReplaceAll(regexp.QuoteMeta(block[2]), "…", ".*") + "$"
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("got  %s\nwant %s", got, block[2])
		}
		if strings.Contains(got, `"executeTask":`) {
			s.Wait(jobIn(t, got))
		}
	}
	if tried < 4 {
		t.Errorf("only %d examples were tried", tried)
	}
}

func jobIn(t *testing.T, data string) ratchet.JobID {
	t.Helper()
	id, err := ratchet.ParseID[ratchet.Job](field(t, data, "executeTask", "id"))
	if err != nil {
		t.Fatal(err)
	}
	return id
}
