package graphql_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/graphql"
	"github.com/ratchet-runner/ratchet-go/internal/ratchettest"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

// Each operation of the catalogue is called once by the field that the package
// says, and does what it says.
func TestEveryOperationCanBeReached(t *testing.T) {
	t.Parallel()
	s := serve(t)
	archive := quote(base64.StdEncoding.EncodeToString(ratchettest.Zip(t, "double", map[string]string{
		"main.js":       `(i) => { console.log("got", i.n); return { twice: 2 * i.n } }`,
		"metadata.json": `{"name":"double","version":"1.0.0","permissions":{"env":["TOKEN"]}}`,
	})))
	reached := map[string]bool{}
	// do does an operation, and sees by it that the fields of coverage are true.
	do := func(name, query, want string, variables ...string) string {
		t.Helper()
		s.operations()
		got := s.must(query, variables...)
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s in it", query, got, want)
		}
		if used := s.operations(); !slices.Contains(used, name) {
			t.Errorf("%s: got the operations %v, want %s", query, used, name)
		}
		reached[name] = true
		return got
	}

	made := do("tasks.register", `mutation($a: String!) { registerTask(input: {archive: $a}) { created task { id name latestVersion { version engine permissions { env net } limits { timeout } } } } }`,
		`"created":true`, "a", archive)
	taskID := field(t, made, "registerTask", "task", "id")
	if want := `"latestVersion":{"version":"1.0.0","engine":"QUICKJS","permissions":{"env":["TOKEN"],"net":null},"limits":{"timeout":null}}`; !strings.Contains(made, want) {
		t.Errorf("got %s, want %s", made, want)
	}
	id := quote(taskID)
	do("tasks.list", `{ tasks(filters: {nameStartsWith: "dou"}, sort: [{field: NAME}]) { items { id } meta { total page totalPages hasNext hasPrevious nextCursor } } }`,
		`"meta":{"total":1,"page":1,"totalPages":1,"hasNext":false,"hasPrevious":false,"nextCursor":null}`)
	do("tasks.get", `query($id: ID!) { task(id: $id) { name label enabled deprecated } }`, `{"name":"double","label":null,"enabled":true,"deprecated":false}`, "id", id)
	do("tasks.versions", `query($id: ID!) { task(id: $id) { versions { version taskName } env { name } jobs { id } } }`, `"versions":[{"version":"1.0.0","taskName":"double"}]`, "id", id)
	do("tasks.version", `{ version(taskId: "double", version: "1.0.0") { id digest slots } }`, `"slots":1`)
	do("tasks.update", `mutation($id: ID!) { updateTask(id: $id, input: {enabled: true}) { enabled } }`, `true`, "id", id)
	do("tasks.disable", `mutation($id: ID!) { disableTask(id: $id) { enabled } }`, `false`, "id", id)
	do("tasks.enable", `mutation($id: ID!) { enableTask(id: $id) { enabled } }`, `true`, "id", id)
	do("tasks.pause", `mutation($id: ID!) { pauseTask(id: $id) { paused } }`, `true`, "id", id)
	do("tasks.resume", `mutation($id: ID!) { resumeTask(id: $id) { paused } }`, `false`, "id", id)
	do("env.set", `mutation { setEnv(taskId: "double", values: [{name: "TOKEN", value: "x"}]) { name declared } }`, `[{"name":"TOKEN","declared":true}]`)
	do("env.list", `{ env(taskId: "double") { name updatedAt } }`, `"TOKEN"`)
	do("env.unset", `mutation { unsetEnv(taskId: "double", name: "TOKEN") }`, `true`)

	ran := do("tasks.run", `mutation { executeTaskDirect(taskId: "double", inputData: {n: 21}, wait: "1m") { done success output error { message } job { id status executions(last: 1) { id state attempt } } } }`,
		`"done":true,"success":true,"output":{"twice":42},"error":null`)
	execution := strings.Split(strings.Split(ran, `"executions":[{"id":"`)[1], `"`)[0]
	job := do("jobs.submit", `mutation($in: JSON) { executeTask(input: {taskId: "double", inputData: $in, priority: HIGH, tags: ["x"], maxAttempts: 1}) { id priority tags retry { maxAttempts factor } } }`,
		`"priority":"HIGH","tags":["x"],"retry":{"maxAttempts":1,"factor":null}`, "in", `{"n": 1}`)
	jobID := quote(field(t, job, "executeTask", "id"))
	do("jobs.get", `query($id: ID!) { job(id: $id, wait: 60) { status output task { name } version { version } } }`, `{"status":"COMPLETED","output":{"twice":2},"task":{"name":"double"},"version":{"version":"1.0.0"}}`, "id", jobID)
	do("jobs.submit_batch", `mutation { executeTasks(inputs: [{task: "double", inputData: {n: 1}, delay: "1h"}, {task: "double", inputData: {n: 2}, delay: "1h"}]) { state } }`, `[{"state":"SCHEDULED"},{"state":"SCHEDULED"}]`)
	do("jobs.list", `{ jobs(filters: {stateIn: [SCHEDULED]}, sort: [{field: CREATED_AT, direction: DESC}], limit: 1) { items { state } meta { total hasNext } } }`, `{"items":[{"state":"SCHEDULED"}],"meta":{"total":2,"hasNext":true}}`)
	later := do("jobs.list", `{ jobs(filters: {state: SCHEDULED}, limit: 1) { items { id } } }`, `job_`)
	laterID := quote(strings.Split(strings.Split(later, `"id":"`)[1], `"`)[0])
	do("jobs.explain", `query($id: ID!) { explainJob(id: $id) { summary state reasons ahead } }`, `SCHEDULED`, "id", laterID)
	do("jobs.cancel", `mutation($id: ID!) { cancelJob(id: $id) { status } }`, `CANCELLED`, "id", laterID)
	do("jobs.retry", `mutation($id: ID!) { retryJob(id: $id) { retryOf } }`, strings.Trim(laterID, `"`), "id", laterID)
	do("jobs.cancel_many", `mutation { cancelJobs(filters: {status: QUEUED}, dryRun: true) { matched changed } }`, `"changed":0`)
	do("jobs.retry_many", `mutation { retryJobs(filters: {status: FAILED}) { matched more errors { message } } }`, `{"matched":0,"more":false,"errors":null}`)

	do("executions.list", `{ executions(filters: {state: COMPLETED}) { items { id job { status } task { name } durationMs fetches { host } logs(limit: 1) { lines { message } } } } }`, `"lines":[{"message":"got 21"}]`)
	do("executions.get", `query($id: ID!) { execution(id: $id) { state attempt input fetches { host } job { status } task { name } } }`, `"state":"COMPLETED","attempt":1,"input":{"n":21},"fetches":[],"job":{"status":"COMPLETED"},"task":{"name":"double"}`, "id", quote(execution))
	do("executions.logs", `query($id: ID!) { logs(executionId: $id, level: INFO) { total running lines { level message } } }`, `{"total":1,"running":false,"lines":[{"level":"INFO","message":"got 21"}]}`, "id", quote(execution))

	do("schedules.create", `mutation { createSchedule(input: {name: "nightly", taskId: "double", cron: "30 2 * * *", timezone: "Europe/Berlin", input: {n: 3}, end: "2100-01-01T00:00:00Z"}) { name task { name } missed overlap enabled } }`,
		`{"name":"nightly","task":{"name":"double"},"missed":"ONCE","overlap":"ALLOW","enabled":true}`)
	do("schedules.update", `mutation { updateSchedule(id: "nightly", input: {description: "d", end: null, tags: ["a"], every: "5m", cron: ""}) { description end tags every cron } }`, `{"description":"d","end":null,"tags":["a"],"every":"5m","cron":null}`)
	do("schedules.disable", `mutation { disableSchedule(id: "nightly") { enabled nextRunAt } }`, `{"enabled":false,"nextRunAt":null}`)
	do("schedules.enable", `mutation { enableSchedule(id: "nightly") { enabled } }`, `true`)
	do("schedules.trigger", `mutation { triggerSchedule(id: "nightly") { schedule { name } } }`, `"nightly"`)
	do("schedules.get", `{ schedule(id: "nightly") { lastJob { id } nextRuns(count: 2) } }`, `"nextRuns":["20`)
	do("schedules.list", `{ schedules { items { name } } }`, `nightly`)
	do("schedules.next", `{ nextRuns(scheduleId: "nightly", count: 1) }`, `["20`)
	do("schedules.preview", `{ previewSchedule(input: {cron: "0 0 1 1 *", after: "2026-06-01T00:00:00Z", count: 1}) }`, `["2027-01-01T00:00:00Z"]`)
	do("schedules.delete", `mutation { deleteSchedule(id: "nightly") }`, `true`)

	goals := `destinations: [{type: "file", path: "{{job_id}}.json", ifExists: "overwrite"}]`
	do("deliveries.test", `mutation { testDestinations(input: {task: "double", `+goals+`}) { name type target ok sent error { message details { pointer } } } }`,
		`[{"name":"file-1","type":"FILE","target":"`)
	told := s.must(`mutation { executeTaskDirect(taskId: "double", inputData: {n: 4}, wait: "1m", options: {` + goals + `}) { job { id destinations } } }`)
	if !strings.Contains(told, `"destinations":[{"type":"file","name":"file-1","on":"success","path":"{{job_id}}.json","ifExists":"overwrite"}]`) {
		t.Errorf("got %s", told)
	}
	toldID := quote(field(t, told, "executeTaskDirect", "job", "id"))
	delivered := do("deliveries.list", `query($j: ID!) { deliveries(filters: {jobId: $j}, sort: [{field: CREATED_AT}]) { items { id destination type taskName job { status } } meta { total } } }`,
		`"destination":"file-1","type":"FILE","taskName":"double","job":{"status":"COMPLETED"}}],"meta":{"total":1}`, "j", toldID)
	deliveryID := quote(strings.Split(strings.Split(delivered, `"id":"`)[1], `"`)[0])
	for !strings.Contains(s.must(`query($id: ID!) { delivery(id: $id) { state } }`, "id", deliveryID), "DELIVERED") {
		if t.Context().Err() != nil {
			t.Fatal("the result was never delivered")
		}
	}
	do("deliveries.get", `query($id: ID!) { delivery(id: $id) { target attempts receipts { attempt bytes error { message } } } }`, `"target":"{{job_id}}.json"`, "id", deliveryID)
	do("deliveries.redeliver", `mutation($id: ID!) { redeliver(id: $id) { id } }`, strings.Trim(deliveryID, `"`), "id", deliveryID)
	do("deliveries.redeliver_many", `mutation { redeliverMany(filters: {state: FAILED}, dryRun: true) { matched changed } }`, `{"matched":0,"changed":0}`)
	hook := do("hooks.create", `mutation { createHook(taskId: "double", input: {name: "shop", verify: INSECURE_NONE}) { hook { id verify priority enabled } path secret } }`, `"verify":"INSECURE_NONE","priority":"NORMAL","enabled":true},"path":"/hooks/`)
	hookID := quote(field(t, hook, "createHook", "hook", "id"))
	do("hooks.list", `{ hooks(taskId: "double") { name calls usedAt } }`, `[{"name":"shop","calls":0,"usedAt":null}]`)
	do("hooks.update", `mutation($id: ID!) { updateHook(id: $id, input: {enabled: false, priority: HIGH}) { enabled priority } }`, `{"enabled":false,"priority":"HIGH"}`, "id", hookID)
	signed := s.must(`mutation { createHook(taskId: "double", input: {name: "signed"}) { hook { id } secret } }`)
	do("hooks.rotate", `mutation($id: ID!) { rotateHook(id: $id) { url secret hook { name } } }`, `{"url":null,"secret":"whsec_`, "id", quote(field(t, signed, "createHook", "hook", "id")))
	do("hooks.delete", `mutation($id: ID!) { deleteHook(id: $id) }`, `true`, "id", hookID)

	do("cluster.workers", `{ workers { id pid taskName } }`, `"workers":[`)
	do("cluster.nodes", `{ nodes { id host slots } }`, `node_`)
	do("cluster.stats", `{ stats { tasks paused jobs { totalJobs completed states { state count } } oldestDueAt } jobStats { totalJobs } taskStats { totalTasks enabledTasks disabledTasks } }`, `"taskStats":{"totalTasks":1,"enabledTasks":1,"disabledTasks":0}`)
	do("plugins.list", `{ plugins { name kind status capabilities } }`, `{"name":"log-events","kind":"BUILT_IN","status":"DISABLED","capabilities":["EVENTS"]}`)
	do("plugins.enable", `mutation { enablePlugin(name: "log-events", input: {config: {level: "debug"}, onError: FAIL, budget: "2s"}) { status enabled config onError budget needs { network } } }`,
		`{"status":"ACTIVE","enabled":true,"config":{"level":"debug"},"onError":"FAIL","budget":"2s","needs":{"network":false}}`)
	do("plugins.reload", `mutation { reloadPlugin(name: "log-events") { enabled } }`, `{"enabled":true}`)
	do("plugins.get", `{ plugin(name: "log-events") { version events metrics calls { operation } } }`, `"version":"1.0.0","events":["job"],"metrics":null`)
	do("plugins.disable", `mutation { disablePlugin(name: "log-events") { enabled } }`, `{"enabled":false}`)
	do("cluster.engines", `{ engines { name path source usable chosen default problem level } }`, `"name":"QUICKJS","path":"built in"`)
	do("cluster.breakers", `{ breakers { host state opened } }`, `"breakers":[]`)
	do("cluster.caches", `{ caches { name size hits } }`, `"caches":[`)
	do("tasks.purge", `mutation { purgeTask(id: "double") }`, `true`)
	do("cluster.purge_cache", `mutation { purgeCache(name: "results") }`, `true`)
	do("cluster.pause", `mutation { pauseAll { paused } }`, `true`)
	do("cluster.resume", `mutation { resumeAll { paused } }`, `false`)
	key := do("keys.create", `mutation { createKey(input: {name: "ci", scopes: [RUN], expiresIn: "90d"}) { key apiKey { id scopes } } }`, `"scopes":["RUN"]`)
	do("keys.list", `{ keys { items { name revokedAt } } }`, `{"name":"ci","revokedAt":null}`)
	do("keys.revoke", `mutation($id: ID!) { revokeKey(id: $id) { name } }`, `ci`, "id", quote(field(t, key, "createKey", "apiKey", "id")))
	if got := s.must(`{ health { status database message version checks { name status } } }`); !strings.Contains(got, `"status":"HEALTHY","database":true`) {
		t.Errorf("got %s", got)
	}
	s.must(`mutation { cancelJobs(filters: {taskIdNot: "` + ratchet.NewID[ratchet.Task]().String() + `"}) { changed } }`)
	for _, ended := range []string{laterID} {
		s.must(`query($id: ID!) { job(id: $id, wait: 60) { state } }`, "id", ended)
	}
	s.Register("other", "() => 1")
	do("tasks.delete", `mutation { deleteTask(id: "other") }`, `true`)
	reached["events.watch"] = true // by the tests of subscriptions
	for _, op := range s.Service().Operations() {
		if !reached[op.Name] {
			t.Errorf("%s was not reached", op.Name)
		}
	}
}

// Nothing of the catalogue is missing, and nothing of the schema is beside it
// without a reason.
func TestTheSchemaIsTheCatalogue(t *testing.T) {
	t.Parallel()
	sch := graphql.LoadSchema(t)
	covered := map[string]bool{}
	table := graphql.Coverage()
	catalogue := service.New(service.Deps{}, service.Config{}).Operations()
	for _, op := range catalogue {
		fields := table[op.Name]
		if len(fields) == 0 {
			t.Errorf("no field does %s: add one to the schema, and to coverage", op.Name)
		}
		for _, path := range fields {
			covered[path] = true
			typeName, name, _ := strings.Cut(path, ".")
			def := sch.Types[typeName]
			if def == nil || def.Fields.ForName(name) == nil {
				t.Errorf("%s: the schema has no %s", op.Name, path)
			}
			if (op.Effect == service.Read) == (typeName == "Mutation") {
				t.Errorf("%s is a %s, and %s is not", op.Name, op.Effect, path)
			}
		}
		delete(table, op.Name)
	}
	for name := range table {
		t.Errorf("there is no operation %s", name)
	}
	for _, root := range []string{"Query", "Mutation", "Subscription"} {
		for _, f := range sch.Types[root].Fields {
			path := root + "." + f.Name
			if !covered[path] && graphql.Uncovered()[path] == "" && !strings.HasPrefix(f.Name, "__") {
				t.Errorf("%s does no operation of the catalogue", path)
			}
		}
	}
}

func TestAListOfJobsWithTasksAndLastExecutionsTakesThreeQueries(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for i := range 3 {
		s.Register(fmt.Sprintf("t%d", i), "(i) => i")
	}
	var requests []ratchet.JobRequest
	for i := range 100 {
		requests = append(requests, ratchet.JobRequest{Task: fmt.Sprintf("t%d", i%3)})
	}
	jobs, err := s.Service().SubmitJobs.Call(s.Context(), service.SubmitJobs{Jobs: requests})
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		s.Wait(j.ID)
	}
	s.operations()
	got := s.must(`{ jobs(limit: 100) { items { id state taskName task { name } executions(last: 1) { state jobId job { id } task { name } } } } }`)
	used := s.operations()
	if strings.Count(got, `"executions":[{"state":"COMPLETED"`) != 100 || strings.Count(got, `"task":{"name":"t`) != 200 {
		t.Errorf("got %.2000s", got)
	}
	slices.Sort(used)
	if want := []string{"executions.list", "jobs.list", "jobs.list", "tasks.list", "tasks.list"}; !slices.Equal(used, want) {
		t.Errorf("with what is nested in executions: got %v, want %v", used, want)
	}
	s.must(`{ jobs(limit: 100) { items { id state task { name } executions(last: 1) { state durationMs } } } }`)
	if used := s.operations(); len(used) != 3 {
		t.Errorf("got the operations %v, want three", used)
	}
}

// What is JSON to a task is left as it is: its digits, its order and its spaces.
func TestJSONIsKeptByteForByte(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.Register("late", "() => 1")
	input := `{"b": 1.0, "a":  [1e3, 12345678901234567890], "a<b": "é\u00e9\/"}`
	text, _ := quoteAll(`mutation($in: JSON!, $req: ExecuteTaskInput!) { a: executeTask(input: {task: "late", inputData: $in, delay: "1h"}) { input } b: executeTask(input: $req) { input } }`)
	_, _, body := s.send("application/json", []byte(`{"query":`+text+`,"variables":{"in":`+input+`,"req":{"task":"late","delay":"1h","inputData":`+input+`}}}`))
	if want := `{"data":{"a":{"input":` + input + `},"b":{"input":` + input + `}}}`; string(body) != want {
		t.Errorf("got  %s\nwant %s", body, want)
	}
	if got := s.must(`mutation($n: Int) { executeTask(input: {task: "late", delay: "1h", inputData: {n: $n, list: [1, 2.5, "x", true, null], e: WORD}}) { input } }`, "n", "7"); !strings.Contains(got, `{"e":"WORD","list":[1,2.5,"x",true,null],"n":7}`) {
		t.Errorf("got %s", got)
	}
}

func quoteAll(text string) (string, error) { return quote(text), nil }

func TestFiltersAndPagesAreApplied(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.Register("a-task", "() => 1")
	s.Register("b-task", "() => 1")
	hour := ratchet.Duration(3600e9)
	low := s.Submit(ratchet.JobRequest{Task: "a-task", Priority: ratchet.PriorityLow, Delay: hour, Tags: []string{"x"}})
	urgent := s.Submit(ratchet.JobRequest{Task: "b-task", Priority: ratchet.PriorityUrgent, Delay: hour, Tags: []string{"y"}})
	names := map[string]string{low.ID.String(): "l", urgent.ID.String(): "u"}
	for arguments, want := range map[string]string{
		`filters: {priority: LOW}`: "l", `filters: {priorityNot: LOW}`: "u", `filters: {priority: CRITICAL}`: "u", `filters: {priorityIn: [LOW, URGENT]}, sort: [{field: PRIORITY}]`: "lu",
		`filters: {priorityNotIn: [LOW]}`: "u", `filters: {tags: "x"}`: "l", `filters: {tagsIn: ["x", "y"]}, sort: [{field: ID}]`: "lu", `filters: {status: QUEUED}, sort: [{field: ID, direction: DESC}]`: "ul",
		`filters: {taskContains: "A-TA"}`: "l", `filters: {taskEndsWith: "-task", taskStartsWith: "b"}`: "u", `filters: {taskNot: "a-task"}`: "u",
		`filters: {id: "` + low.ID.UUID() + `"}`: "l", `filters: {idIn: ["` + low.ID.String() + `"]}`: "l", `filters: {idNot: "` + low.ID.String() + `"}`: "u",
		`filters: {attempts: 0, attemptsLte: 0, attemptsGte: 0, attemptsLt: 1, attemptsGt: -1, attemptsIn: [0], attemptsNotIn: [1]}, sort: [{field: ID}]`: "lu",
		`filters: {createdAfter: "2100-01-01T00:00:00Z"}`: "", `filters: {createdBefore: "2100-01-01T00:00:00Z", runAtGt: "2020-01-01T00:00:00Z"}, sort: [{field: ID}]`: "lu",
		`filters: {errorMessageContains: "%"}`: "", `filters: {}, sort: [{field: ID}]`: "lu", `filters: {state: null}, sort: [{field: ID}]`: "lu",
		`limit: 1, offset: 1, sort: [{field: ID}]`: "u",
	} {
		data := s.must(`{ jobs(` + arguments + `) { items { id } } }`)
		got := ""
		for _, part := range strings.Split(data, `"id":"`)[1:] {
			got += names[strings.Split(part, `"`)[0]]
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", arguments, got, want)
		}
	}
	first := s.must(`{ jobs(limit: 1) { meta { total limit offset page totalPages hasNext hasPrevious nextCursor } } }`)
	cursor := field(t, first, "jobs", "meta", "nextCursor")
	if !strings.Contains(first, `"total":2,"limit":1,"offset":0,"page":1,"totalPages":2,"hasNext":true,"hasPrevious":false`) {
		t.Errorf("got %s", first)
	}
	second := s.must(`query($after: String) { jobs(limit: 1, after: $after) { items { id } meta { offset page hasNext hasPrevious nextCursor } } }`, "after", quote(cursor))
	if !strings.Contains(second, low.ID.String()) || !strings.Contains(second, `"offset":null,"page":null,"hasNext":false,"hasPrevious":true,"nextCursor":null`) {
		t.Errorf("got %s", second)
	}
}
