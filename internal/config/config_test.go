package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
)

var update = flag.Bool("update", false, "write docs/configuration.md, docs/config.schema.json and testdata/ratchet.yaml anew")

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got; if it should, run go test ./internal/config -update):\n%s", file, diff)
	}
}

func parse(t *testing.T, text string, s config.Sources) *config.Loaded {
	t.Helper()
	l, err := config.Parse("ratchet.yaml", []byte(text), s)
	if err != nil {
		t.Fatalf("%v: %v", err, details(err))
	}
	return l
}

// details are what an error lists, each on a line.
func details(err error) (all []string) {
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok {
		return nil
	}
	return lines(e.Details)
}

func lines(list []ratchet.Detail) (all []string) {
	for _, d := range list {
		place := d.Pointer
		if d.File != "" {
			place = fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column)
		}
		all = append(all, place+": "+d.Message)
	}
	return all
}

func TestTheDocumentsAreThoseOfTheKeys(t *testing.T) {
	t.Parallel()
	docs := filepath.Join("..", "..", "docs")
	golden(t, filepath.Join(docs, "configuration.md"), config.Markdown())
	golden(t, filepath.Join(docs, "config.schema.json"), string(config.Schema()))
	golden(t, filepath.Join("testdata", "ratchet.yaml"), config.Generate())
}

func TestTheGeneratedFileEqualsTheDefaults(t *testing.T) {
	t.Parallel()
	l := parse(t, config.Generate(), config.Sources{})
	if diff := cmp.Diff(config.Default(), l.Config); diff != "" {
		t.Errorf("-default +file:\n%s", diff)
	}
	if len(l.Warnings) > 0 {
		t.Errorf("warnings: %v", lines(l.Warnings))
	}
	for _, k := range config.Keys() {
		if !strings.HasPrefix(l.From(k.Name), "ratchet.yaml:") {
			t.Errorf("%s is not in the file: it comes from %s", k.Name, l.From(k.Name))
		}
	}
}

// What a file may say and what its schema allows are the same.
func TestTheSchemaTakesWhatIsGenerated(t *testing.T) {
	t.Parallel()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		config.Generate():                      true,
		"server: {port: 70000}":                false,
		"server: {prot: 7}":                    false,
		"logging: {level: loud}":               false,
		"http: {ports: [80, 443]}":             true,
		"retention: {completed: 3600}":         true,
		"server:\nlogging: {format: \"json\"}": true,
	} {
		var v any
		if err := yaml.Load([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		asJSON, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(value); (err == nil) != want {
			t.Errorf("%s: got %v, want valid %v", text, err, want)
		}
	}
}

func TestALaterSourceComesBeforeAnEarlierOne(t *testing.T) {
	t.Parallel()
	l := parse(t, "server:\n  port: 1000\n  bind_address: ::1\n  cors:\n    allowed_origins: [https://a.example, http://b.example:81]\nretention: {completed: 2d, failed: 90}\n", config.Sources{
		Environ: []string{"RATCHET_SERVER_PORT=2000", "RATCHET_SERVER_MAX_BODY=1MB", "RATCHET_HTTP_PORTS=80, 8080", "PATH=/bin"},
		Flags:   []config.Flag{{Key: "server.port", Value: "3000", Flag: "--port"}},
	})
	got := fmt.Sprint(l.Server.Port, l.Server.BindAddress, l.Server.MaxBody, l.Server.CORS.AllowedOrigins, l.Retention, l.HTTP.PortNumbers(), l.Queue.MaxWaiting)
	want := fmt.Sprint(3000, "::1", ratchet.MB, []string{"https://a.example", "http://b.example:81"},
		config.Retention{Completed: 48 * time.Hour, Failed: 90 * time.Second}, []uint16{80, 8080}, 100_000)
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for key, want := range map[string]string{
		"server.port": "--port", "server.max_body": "RATCHET_SERVER_MAX_BODY",
		"server.bind_address": "ratchet.yaml:3", "queue.max_waiting": "default",
	} {
		if got := l.From(key); got != want {
			t.Errorf("%s comes from %s, want %s", key, got, want)
		}
	}
}

func TestAllErrorsAreToldAtOnceWithTheirPlace(t *testing.T) {
	t.Parallel()
	_, err := config.Parse("ratchet.yaml", []byte(`server:
  prot: 80
  port: 99999
  tls: {cert_file: a.pem}
  max_body: lots
databse:
  url: x
logging:
  level: [info]
  level: debug
  format: xml
http:
  allow_private: [10.0.0.0/8, not-a-network]
  timeout: {a: 1}
queue: 12
port: 8080
`), config.Sources{
		Environ: []string{"RATCHET_EVENTS_KEEP=many"},
		Flags:   []config.Flag{{Key: "server.bind", Value: "x", Flag: "--set"}},
	})
	want := []string{
		`ratchet.yaml:2:3: there is no key "server.prot", did you mean server.port?`,
		`ratchet.yaml:3:9: server.port: want a whole number from 0 to 65535, got "99999"`,
		`ratchet.yaml:5:13: server.max_body: want a size such as "16MB" from 1KB to 1GB, got "lots"`,
		`ratchet.yaml:6:1: there is no key "databse", did you mean database?`,
		`ratchet.yaml:9:10: logging.level: want one of debug, info, warn, error, got a list`,
		`ratchet.yaml:10:3: logging.level stands here again: it is on line 9`,
		`ratchet.yaml:11:11: logging.format: want one of text, json, got "xml"`,
		`ratchet.yaml:13:18: http.allow_private: want a list of addresses or networks such as "10.1.2.0/24", got "not-a-network"`,
		`ratchet.yaml:14:12: http.timeout: want a duration such as "30s" from 1ms to 1h, got keys with values`,
		`ratchet.yaml:15:8: queue: want keys with values, got "12"`,
		`ratchet.yaml:16:1: there is no key "port", did you mean server.port?`,
		`RATCHET_EVENTS_KEEP: events.keep: want a whole number from 0 to 10000000, got "many"`,
		`--set: there is no key "server.bind", did you mean server.bind_address?`,
		`ratchet.yaml:4:20: server.tls.cert_file needs server.tls.key_file too`,
	}
	if diff := cmp.Diff(want, details(err)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok || e.Reason != ratchet.ReasonConfig || e.Details[0].Text != "  prot: 80" {
		t.Errorf("got %#v", err)
	}
}

func TestThePublicURLIsOneThatOthersAreAppendedTo(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"https://example.com/ratchet/": "https://example.com/ratchet", "http://10.0.0.1:8080": "http://10.0.0.1:8080", "": "",
		"example.com": "?", "ftp://example.com": "?", "https://": "?", "https://example.com/?a": "?", "https://u:p@example.com": "?", "https://example.com/#": "?", "https://example.com/a b": "?",
	} {
		got, err := config.Load(config.Sources{Flags: []config.Flag{{Key: "server.public_url", Value: given, Flag: "--set"}}})
		if want == "?" {
			if err == nil || !strings.Contains(fmt.Sprint(ratchet.AsError(err).Details), "https://example.com/ratchet") {
				t.Errorf("%q: got %v, want to be told what a URL is", given, err)
			}
		} else if err != nil || got.Server.PublicURL != want {
			t.Errorf("%q: got %q, %v", given, got.Server.PublicURL, err)
		}
	}
}

func TestAFileThatIsNotYAMLSaysWhere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"server:\n\tport: 1\n": "ratchet.yaml:2:1: this is not YAML: found character that cannot start any token",
		"server: [\n":          "ratchet.yaml:2:1: this is not YAML: did not find expected node content",
		"- server\n":           "ratchet.yaml:1:1: the file: want keys with values, got a list",
		"a: 1\n---\nb: 2\n":    "ratchet.yaml:0:0: this is not YAML: expected single document, found multiple",
		"server: &s {port: 1}\nauth:\n  <<: *s\n": "ratchet.yaml:3:3: want a plain key, got \"<<\"",
	} {
		_, err := config.Parse("ratchet.yaml", []byte(text), config.Sources{})
		if got := details(err); !slices.Equal(got, []string{want}) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"", "# nothing\n", "server:\n", "server: {}\nauth: null\n"} {
		if diff := cmp.Diff(config.Default(), parse(t, text, config.Sources{}).Config); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestDestinationsOfTheOperatorAreYAMLAndSayWhereTheyAreWrong(t *testing.T) {
	t.Parallel()
	l := parse(t, `delivery:
  variables: [region=eu]
  destinations:
    - type: webhook
      url: https://example.com/{{env_region}}/failures
      on: failure
      auth: {bearer: "${ALERTS_TOKEN}"}
      tasks: ["report-*"]
`, config.Sources{})
	got := l.Delivery.Destinations
	if len(got) != 1 || got[0].URL != "https://example.com/{{env_region}}/failures" || got[0].On != ratchet.DeliverFailure || got[0].Auth.Bearer != "${ALERTS_TOKEN}" {
		t.Fatalf("got %+v", got)
	}
	if !got[0].For("report-daily") || got[0].For("addition") {
		t.Errorf("the pattern report-* is not applied: %+v", got[0].Tasks)
	}
	same, err := config.Parse("again.yaml", []byte(l.Config.YAML(nil)), config.Sources{})
	if err != nil || len(same.Delivery.Destinations) != 1 {
		t.Errorf("what is shown is no configuration: %v\n%s", err, l.Config.YAML(nil))
	}
	_, err = config.Parse("ratchet.yaml", []byte(`delivery:
  destinations:
    - type: webhook
      ulr: https://example.com/
    - type: file
      path: 7
    - type: stdout
      tasks: "report"
`), config.Sources{})
	want := []string{
		`ratchet.yaml:4:12: delivery.destinations.0.ulr: "ulr" is not known here`,
		`ratchet.yaml:6:13: delivery.destinations.1.path: path has the wrong type`,
		`ratchet.yaml:8:14: delivery.destinations.2.tasks: tasks has the wrong type`,
	}
	if diff := cmp.Diff(want, details(err)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	_, err = config.Parse("ratchet.yaml", []byte("delivery:\n  destinations:\n    - type: webhook\n      url: https://example.com/{{nobody}}\n"), config.Sources{})
	if got := details(err); len(got) != 1 || !strings.HasPrefix(got[0], "ratchet.yaml:4:12: delivery.destinations.0.url: ") || !strings.Contains(got[0], "nobody") {
		t.Errorf("an unknown variable of a template: got %q", got)
	}
}

func TestTheSecretsOfDestinationsAreNotShown(t *testing.T) {
	t.Parallel()
	l := parse(t, `delivery: {destinations: [{type: webhook, url: "https://example.com/", auth: {bearer: hidden-token}}]}`, config.Sources{})
	if shown := string(l.Config.JSON()) + l.Config.YAML(nil); strings.Contains(shown, "hidden-token") {
		t.Errorf("a secret is shown:\n%s", shown)
	}
}

func TestDestinationsOfTheEarlierFileAreRead(t *testing.T) {
	t.Parallel()
	l := parse(t, `output:
  default_timeout: 20
  global_destinations:
    - type: webhook
      name: alerts
      url: https://example.com/
      timeout_seconds: 7
      auth: {type: bearer, token: t}
      retry_policy: {max_attempts: 2, initial_delay_ms: 500}
`, config.Sources{})
	d := l.Delivery
	if d.Timeout != 20*time.Second || len(d.Destinations) != 1 || d.Destinations[0].Timeout != ratchet.Duration(7*time.Second) ||
		d.Destinations[0].Auth.Bearer != "t" || d.Destinations[0].Retry.InitialDelay != ratchet.Duration(500*time.Millisecond) {
		t.Errorf("got %+v", d)
	}
	if told := strings.Join(lines(l.Warnings), "\n"); !strings.Contains(told, "output.global_destinations is called delivery.destinations now") {
		t.Errorf("got the warnings\n%s", told)
	}
}

func TestTheEarlierFileLoadsWithWarnings(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("testdata", "old.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	l := parse(t, string(data), config.Sources{})
	want := config.Default()
	want.Execution.MaxTimeout = 5 * time.Minute
	want.Execution.Slots = 10
	want.Execution.Grace = 5 * time.Second
	want.HTTP.MaxRedirects = 10
	want.HTTP.UserAgent = "Ratchet/1.0"
	want.Delivery.Concurrency = 10
	want.Server.CORS.AllowedOrigins = []string{} // without keys it would be dangerous
	if diff := cmp.Diff(want, l.Config); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	told := strings.Join(lines(l.Warnings), "\n")
	for _, want := range []string{
		"ratchet.yaml:3:3: execution.max_execution_duration is called execution.max_timeout now",
		"server.database.url is called database.url now; a database in memory would lose every job with the server, so it is ratchet.db",
		"server.database.max_connections is called database.max_connections now",
		"cache.result_cache has no meaning any more: cache.results bounds what tasks have kept, which say so in metadata.json",
		"mcp has no meaning any more: there is no MCP server",
		"server.rate_limit has no meaning any more",
		`the origin "*" is passed over`,
	} {
		if !strings.Contains(told, want) {
			t.Errorf("no warning says %q; there are:\n%s", want, told)
		}
	}
	if strings.Contains(told, "server.auth") || strings.Contains(told, "registry") {
		t.Errorf("what says nothing (null) is warned of:\n%s", told)
	}
}

func TestEveryOldNameStandsForAKeyOrAReason(t *testing.T) {
	t.Parallel()
	for _, o := range config.OldNames() {
		if _, known := config.Find(o[1]); known == (o[2] != "") {
			t.Errorf("%s: stands for %q, because %q: want one of the two", o[0], o[1], o[2])
		}
		if _, still := config.Find(o[0]); still {
			t.Errorf("%s is a key of today", o[0])
		}
	}
}

func TestTheKeyOfTodayComesBeforeItsOldName(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"database: {url: new.db}\nserver: {database: {url: old.db}}\n",
		"server: {database: {url: old.db}}\ndatabase: {url: new.db}\n",
	} {
		if got := parse(t, text, config.Sources{}).Database.URL; got != "new.db" {
			t.Errorf("%s: got %s", text, got)
		}
	}
	l := parse(t, "", config.Sources{Environ: []string{"RATCHET_LOG_LEVEL=trace", "RATCHET_SERVER_HOST=::1", "RATCHET_SERVER_BIND_ADDRESS=127.0.0.2"}})
	if l.Logging.Level != "debug" || l.Server.BindAddress != "127.0.0.2" {
		t.Errorf("got %s, %s", l.Logging.Level, l.Server.BindAddress)
	}
}

func TestOddVariablesAreWarnedOf(t *testing.T) {
	t.Parallel()
	l := parse(t, "", config.Sources{Environ: []string{
		"RATCHET_SERVER_PROT=1", "RATCHET_SERVER_PORT=tcp://10.0.0.1:80", "RATCHET_JWT_SECRET=x", "RATCHET_SERVER=http://a", "RATCHET_QUEUE_MAX_WAITING=",
	}})
	want := []string{
		"RATCHET_JWT_SECRET: this has no meaning any more: keys are made by: ratchet key create",
		`RATCHET_SERVER_PORT: passed over: "tcp://10.0.0.1:80" is what Kubernetes says of a service called ratchet-server; set enableServiceLinks: false, or --port`,
		"RATCHET_SERVER_PROT: no key has this variable, did you mean RATCHET_SERVER_PORT?",
	}
	if diff := cmp.Diff(want, lines(l.Warnings)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	l := parse(t, "", config.Sources{Environ: []string{"RATCHET_DATABASE_URL=postgres://me:hunter2@db/ratchet?password=hunter2&sslmode=require", "RATCHET_SECRETS_KEY=hunter2"}})
	for _, shown := range []string{l.YAML(nil), string(l.JSON())} {
		if strings.Contains(shown, "hunter2") || !strings.Contains(shown, "postgres://me:********@db/ratchet?password=********&sslmode=require") {
			t.Errorf("got %s", shown)
		}
	}
	_, err := config.Parse("", nil, config.Sources{Environ: []string{"RATCHET_DATABASE_URL=mysql://me:hunter2@db/x"}})
	if got := strings.Join(details(err), "\n"); strings.Contains(got, "hunter2") || !strings.Contains(got, `no database of the kind "mysql"`) {
		t.Errorf("got %s", got)
	}
}

// What is shown gives the same configuration again.
func TestWhatIsShownCanBeRead(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Server.MaxBody = 1500
	c.Retention.Failed = 36*time.Hour + 250*time.Millisecond
	c.Server.CORS.AllowedOrigins = []string{"https://a.example", "https://b.example"}
	c.HTTP.UserAgent = "a: \"b\" # c"
	if diff := cmp.Diff(c, parse(t, c.YAML(nil), config.Sources{}).Config); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(c, parse(t, string(c.JSON()), config.Sources{}).Config); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestOnlyAFileThatWasNamedMustExist(t *testing.T) {
	t.Parallel()
	if _, err := config.Load(config.Sources{}); err != nil {
		t.Error(err)
	}
	_, err := config.Load(config.Sources{File: "missing.yaml"})
	if e, ok := errors.AsType[*ratchet.Error](err); !ok || e.Reason != ratchet.ReasonConfig {
		t.Errorf("got %v", err)
	}
}

func FuzzAnyFileIsReadOrRefused(f *testing.F) {
	f.Add([]byte("server: {port: 1}"))
	f.Add([]byte("a: &a [*a]\nhttp: {ports: *a}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if l, err := config.Parse("f", data, config.Sources{}); (l == nil) == (err == nil) {
			t.Errorf("got %v, %v", l, err)
		}
	})
}
