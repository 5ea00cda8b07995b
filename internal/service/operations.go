package service

import (
	"context"

	"github.com/ratchet-runner/ratchet-go"
)

// op makes an operation that can be called, behind the one check.
func op[In, Out any](s *Service, o Operation, do func(context.Context, In) (Out, error)) Op[In, Out] {
	return Op[In, Out]{Operation: o, do: do, gate: s.gate}
}

func (s *Service) catalogue() (c Catalogue) {
	s.taskOperations(&c)
	s.environmentOperations(&c)
	s.jobOperations(&c)
	s.executionOperations(&c)
	s.scheduleOperations(&c)
	s.deliveryOperations(&c)
	s.hookOperations(&c)
	s.clusterOperations(&c)
	s.pluginOperations(&c)
	s.keyOperations(&c)
	return c
}

func (s *Service) taskOperations(c *Catalogue) {
	const read, admin = ratchet.ScopeRead, ratchet.ScopeAdmin
	c.ListTasks = op(s, Operation{
		Name: "tasks.list", Method: "GET", Path: "/tasks", Effect: Read, Scope: read,
		Summary: "List tasks",
	}, s.listTasks)
	c.RegisterTask = op(s, Operation{
		Name: "tasks.register", Method: "POST", Path: "/tasks", Effect: Write, Scope: admin, Status: 201,
		Summary:     "Register a task",
		Description: "Takes a zip of the task's folder. The same content again is the same version; another content under a semantic version in use is a conflict, unless it may replace it. A worker reads the code before anything is kept.",
	}, s.registerTask)
	c.GetTask = op(s, Operation{
		Name: "tasks.get", Method: "GET", Path: "/tasks/{task}", Effect: Read, Scope: read,
		Summary: "Show a task and its newest version",
	}, s.getTask)
	c.UpdateTask = op(s, Operation{
		Name: "tasks.update", Method: "PATCH", Path: "/tasks/{task}", Effect: Write, Scope: admin,
		Summary: "Enable, disable, pause or resume a task",
	}, s.updateTask)
	c.DeleteTask = op(s, Operation{
		Name: "tasks.delete", Method: "DELETE", Path: "/tasks/{task}", Effect: Destructive, Scope: admin, Status: 204,
		Summary: "Delete a task that has no unfinished jobs",
	}, s.deleteTask)
	c.PurgeTask = op(s, Operation{
		Name: "tasks.purge", Method: "DELETE", Path: "/tasks/{task}/cache", Effect: Destructive, Scope: admin, Status: 204,
		Summary: "Forget the kept results of a task and the responses to its requests, on every node",
	}, s.purgeTask)
	yes, no := true, false
	c.EnableTask = op(s, Operation{
		Name: "tasks.enable", Method: "POST", Path: "/tasks/{task}/enable", Effect: Write, Scope: admin,
		Summary: "Let a task take new jobs",
	}, s.changeTask(ratchet.TaskChange{Enabled: &yes}))
	c.DisableTask = op(s, Operation{
		Name: "tasks.disable", Method: "POST", Path: "/tasks/{task}/disable", Effect: Write, Scope: admin,
		Summary: "Refuse new jobs of a task",
	}, s.changeTask(ratchet.TaskChange{Enabled: &no}))
	c.PauseTask = op(s, Operation{
		Name: "tasks.pause", Method: "POST", Path: "/tasks/{task}/pause", Effect: Write, Scope: admin,
		Summary: "Start no more jobs of a task; it still takes new ones",
	}, s.changeTask(ratchet.TaskChange{Paused: &yes}))
	c.ResumeTask = op(s, Operation{
		Name: "tasks.resume", Method: "POST", Path: "/tasks/{task}/resume", Effect: Write, Scope: admin,
		Summary: "Start jobs of a paused task again",
	}, s.changeTask(ratchet.TaskChange{Paused: &no}))
	c.ListVersions = op(s, Operation{
		Name: "tasks.versions", Method: "GET", Path: "/tasks/{task}/versions", Effect: Read, Scope: read,
		Summary: "List a task's versions, newest first",
	}, s.listVersions)
	c.GetVersion = op(s, Operation{
		Name: "tasks.version", Method: "GET", Path: "/tasks/{task}/versions/{version}", Effect: Read, Scope: read,
		Summary: "Show a version by semantic version, digest or ID",
	}, s.getVersion)
	c.RunTask = op(s, Operation{
		Name: "tasks.run", Method: "POST", Path: "/tasks/{task}/run", Effect: Write, Scope: ratchet.ScopeRun,
		Summary:     "Run a task and wait for its result",
		Description: "Submits a job with the body as its input and answers with the job once it is finished. If the wait elapses first, the answer is the job as it is: it goes on.",
	}, s.runTask)
}

func (s *Service) environmentOperations(c *Catalogue) {
	c.ListEnv = op(s, Operation{
		Name: "env.list", Method: "GET", Path: "/tasks/{task}/env", Effect: Read, Scope: ratchet.ScopeRead,
		Summary: "List the variables of a task's environment, without their values",
	}, s.listEnv)
	c.SetEnv = op(s, Operation{
		Name: "env.set", Method: "PATCH", Path: "/tasks/{task}/env", Effect: Write, Scope: ratchet.ScopeAdmin,
		Summary:     "Give values to variables of a task's environment",
		Description: "Only names that the task's newest version declares. Values are encrypted before they are kept, and never shown.",
	}, s.setEnv)
	c.UnsetEnv = op(s, Operation{
		Name: "env.unset", Method: "DELETE", Path: "/tasks/{task}/env/{name}", Effect: Destructive, Scope: ratchet.ScopeAdmin, Status: 204,
		Summary: "Forget the value of a variable",
	}, s.unsetEnv)
}

func (s *Service) jobOperations(c *Catalogue) {
	const read, run = ratchet.ScopeRead, ratchet.ScopeRun
	c.ListJobs = op(s, Operation{
		Name: "jobs.list", Method: "GET", Path: "/jobs", Effect: Read, Scope: read,
		Summary: "List jobs",
	}, s.listJobs)
	c.SubmitJob = op(s, Operation{
		Name: "jobs.submit", Method: "POST", Path: "/jobs", Effect: Write, Scope: run, Status: 202,
		Summary:     "Submit a job",
		Description: "The input is checked against the task's schema. With an idempotency key the same request again gives the same job, for 24 hours.",
	}, s.submitJob)
	c.SubmitJobs = op(s, Operation{
		Name: "jobs.submit_batch", Method: "POST", Path: "/jobs/batch", Effect: Write, Scope: run, Status: 202,
		Summary: "Submit up to 1,000 jobs, all or none",
	}, s.submitJobs)
	c.GetJob = op(s, Operation{
		Name: "jobs.get", Method: "GET", Path: "/jobs/{id}", Effect: Read, Scope: read,
		Summary: "Show a job, if asked once it is finished",
	}, s.getJob)
	c.CancelJob = op(s, Operation{
		Name: "jobs.cancel", Method: "POST", Path: "/jobs/{id}/cancel", Effect: Destructive, Scope: run,
		Summary: "Cancel a job; one that runs is stopped",
	}, s.cancelJob)
	c.RetryJob = op(s, Operation{
		Name: "jobs.retry", Method: "POST", Path: "/jobs/{id}/retry", Effect: Write, Scope: run, Status: 202,
		Summary: "Repeat a failed or cancelled job, or start a waiting attempt now",
	}, s.retryJob)
	c.CancelJobs = op(s, Operation{
		Name: "jobs.cancel_many", Method: "POST", Path: "/jobs/cancel", Effect: Destructive, Scope: run,
		Summary: "Cancel all jobs that pass the filters",
	}, s.cancelJobs)
	c.RetryJobs = op(s, Operation{
		Name: "jobs.retry_many", Method: "POST", Path: "/jobs/retry", Effect: Write, Scope: run,
		Summary: "Retry all jobs that pass the filters; dead letters are repeated once",
	}, s.retryJobs)
	c.ExplainJob = op(s, Operation{
		Name: "jobs.explain", Method: "GET", Path: "/jobs/{id}/explain", Effect: Read, Scope: read,
		Summary: "Say why a job waits, failed or will be tried again",
	}, s.explainJob)
}

func (s *Service) executionOperations(c *Catalogue) {
	const read = ratchet.ScopeRead
	c.ListExecutions = op(s, Operation{
		Name: "executions.list", Method: "GET", Path: "/executions", Effect: Read, Scope: read,
		Summary: "List executions, which are attempts at jobs",
	}, s.listExecutions)
	c.GetExecution = op(s, Operation{
		Name: "executions.get", Method: "GET", Path: "/executions/{id}", Effect: Read, Scope: read,
		Summary: "Show an execution",
	}, s.getExecution)
	c.ListLogs = op(s, Operation{
		Name: "executions.logs", Method: "GET", Path: "/executions/{id}/logs", Effect: Read, Scope: read,
		Summary: "List what an execution logged",
	}, s.listLogs)
	c.WatchEvents = op(s, Operation{
		Name: "events.watch", Method: "GET", Path: "/events", Effect: Read, Scope: read,
		Summary: "Follow states, progress and logs of jobs as they come",
	}, s.watchEvents)
}

func (s *Service) scheduleOperations(c *Catalogue) {
	const read, run, admin = ratchet.ScopeRead, ratchet.ScopeRun, ratchet.ScopeAdmin
	c.ListSchedules = op(s, Operation{
		Name: "schedules.list", Method: "GET", Path: "/schedules", Effect: Read, Scope: read,
		Summary: "List schedules",
	}, s.listSchedules)
	c.CreateSchedule = op(s, Operation{
		Name: "schedules.create", Method: "POST", Path: "/schedules", Effect: Write, Scope: admin, Status: 201,
		Summary: "Create a schedule",
	}, s.createSchedule)
	c.GetSchedule = op(s, Operation{
		Name: "schedules.get", Method: "GET", Path: "/schedules/{schedule}", Effect: Read, Scope: read,
		Summary: "Show a schedule",
	}, s.getSchedule)
	c.UpdateSchedule = op(s, Operation{
		Name: "schedules.update", Method: "PATCH", Path: "/schedules/{schedule}", Effect: Write, Scope: admin,
		Summary: "Change a schedule",
	}, s.updateSchedule)
	c.DeleteSchedule = op(s, Operation{
		Name: "schedules.delete", Method: "DELETE", Path: "/schedules/{schedule}", Effect: Destructive, Scope: admin, Status: 204,
		Summary: "Delete a schedule; jobs that it submitted stay",
	}, s.deleteSchedule)
	c.EnableSchedule = op(s, Operation{
		Name: "schedules.enable", Method: "POST", Path: "/schedules/{schedule}/enable", Effect: Write, Scope: admin,
		Summary: "Let a schedule run, from now on",
	}, s.enableSchedule)
	c.DisableSchedule = op(s, Operation{
		Name: "schedules.disable", Method: "POST", Path: "/schedules/{schedule}/disable", Effect: Write, Scope: admin,
		Summary: "Stop a schedule; jobs that it submitted go on",
	}, s.disableSchedule)
	c.TriggerSchedule = op(s, Operation{
		Name: "schedules.trigger", Method: "POST", Path: "/schedules/{schedule}/trigger", Effect: Write, Scope: run, Status: 202,
		Summary: "Submit a schedule's job now",
	}, s.triggerSchedule)
	c.NextRuns = op(s, Operation{
		Name: "schedules.next", Method: "GET", Path: "/schedules/{schedule}/next", Effect: Read, Scope: read,
		Summary: "List when a schedule runs next",
	}, s.nextRuns)
	c.PreviewSchedule = op(s, Operation{
		Name: "schedules.preview", Method: "POST", Path: "/schedules/preview", Effect: Read, Scope: read,
		Summary: "List when a rule would run, without a schedule",
	}, s.previewSchedule)
}

func (s *Service) deliveryOperations(c *Catalogue) {
	const read, run = ratchet.ScopeRead, ratchet.ScopeRun
	c.ListDeliveries = op(s, Operation{
		Name: "deliveries.list", Method: "GET", Path: "/deliveries", Effect: Read, Scope: read,
		Summary: "List deliveries, which are results on their way to destinations",
	}, s.listDeliveries)
	c.GetDelivery = op(s, Operation{
		Name: "deliveries.get", Method: "GET", Path: "/deliveries/{id}", Effect: Read, Scope: read,
		Summary: "Show a delivery and the receipts of its attempts",
	}, s.getDelivery)
	c.Redeliver = op(s, Operation{
		Name: "deliveries.redeliver", Method: "POST", Path: "/deliveries/{id}/redeliver", Effect: Write, Scope: run, Status: 202,
		Summary:     "Deliver a result again, or a waiting one now",
		Description: "The delivery keeps its ID, by which receivers tell repeats, and its receipts. Where its target was disabled because it answered 410, it is not any more.",
	}, s.redeliver)
	c.RedeliverMany = op(s, Operation{
		Name: "deliveries.redeliver_many", Method: "POST", Path: "/deliveries/redeliver", Effect: Write, Scope: run,
		Summary:     "Deliver all again that pass the filters",
		Description: "Those that were delivered only if a filter says which states are meant.",
	}, s.redeliverMany)
	c.TestDestinations = op(s, Operation{
		Name: "deliveries.test", Method: "POST", Path: "/deliveries/test", Effect: Write, Scope: run,
		Summary:     "Check destinations, show what they would be told, and tell them if asked to",
		Description: "With the result of a job, or a made-up one. What is wrong with a destination is in its own result.",
	}, s.testDestinations)
}

func (s *Service) hookOperations(c *Catalogue) {
	const read, admin = ratchet.ScopeRead, ratchet.ScopeAdmin
	c.ListHooks = op(s, Operation{
		Name: "hooks.list", Method: "GET", Path: "/tasks/{task}/hooks", Effect: Read, Scope: read,
		Summary: "List the hooks of a task, without their URLs and secrets",
	}, s.listHooks)
	c.CreateHook = op(s, Operation{
		Name: "hooks.create", Method: "POST", Path: "/tasks/{task}/hooks", Effect: Write, Scope: admin, Status: 201,
		Summary:     "Create a URL that makes jobs of a task of what is posted to it",
		Description: "Its URL and its secret are shown this once.",
	}, s.createHook)
	c.UpdateHook = op(s, Operation{
		Name: "hooks.update", Method: "PATCH", Path: "/hooks/{id}", Effect: Write, Scope: admin,
		Summary: "Enable or disable a hook, or give its jobs another priority",
	}, s.updateHook)
	c.RotateHook = op(s, Operation{
		Name: "hooks.rotate", Method: "POST", Path: "/hooks/{id}/rotate", Effect: Write, Scope: admin,
		Summary:     "Give a hook a new secret, which is shown this once",
		Description: "The one before is accepted for 24 hours.",
	}, s.rotateHook)
	c.DeleteHook = op(s, Operation{
		Name: "hooks.delete", Method: "DELETE", Path: "/hooks/{id}", Effect: Destructive, Scope: admin, Status: 204,
		Summary: "Delete a hook; jobs that it made stay",
	}, s.deleteHook)
}

func (s *Service) clusterOperations(c *Catalogue) {
	const read, admin = ratchet.ScopeRead, ratchet.ScopeAdmin
	c.ListWorkers = op(s, Operation{
		Name: "cluster.workers", Method: "GET", Path: "/workers", Effect: Read, Scope: read,
		Summary: "List the worker processes of this node",
	}, s.listWorkers)
	c.ListNodes = op(s, Operation{
		Name: "cluster.nodes", Method: "GET", Path: "/nodes", Effect: Read, Scope: read,
		Summary: "List the nodes",
	}, s.listNodes)
	c.ListBreakers = op(s, Operation{
		Name: "cluster.breakers", Method: "GET", Path: "/breakers", Effect: Read, Scope: read,
		Summary:     "List the circuit breakers of this node that ever opened",
		Description: "While the breaker of a host is open, the requests of tasks to it fail at once with CIRCUIT_OPEN.",
	}, s.listBreakers)
	c.ListEngines = op(s, Operation{
		Name: "cluster.engines", Method: "GET", Path: "/engines", Effect: Read, Scope: read,
		Summary:     "List the engines of this node, with why one cannot run tasks",
		Description: "A task chooses its engine in its metadata. Jobs of tasks whose engine cannot run here are refused with ENGINE_UNAVAILABLE.",
	}, s.listEngines)
	c.ListCaches = op(s, Operation{
		Name: "cluster.caches", Method: "GET", Path: "/caches", Effect: Read, Scope: read,
		Summary: "List the caches of this node, with what they hold and how they were used",
	}, s.listCaches)
	c.PurgeCache = op(s, Operation{
		Name: "cluster.purge_cache", Method: "DELETE", Path: "/caches/{name}", Effect: Destructive, Scope: admin, Status: 204,
		Summary: "Forget what a cache holds, on every node",
	}, s.purgeCache)
	c.GetStats = op(s, Operation{
		Name: "cluster.stats", Method: "GET", Path: "/stats", Effect: Read, Scope: read,
		Summary: "Show how many there are of everything",
	}, s.getStats)
	c.PauseAll = op(s, Operation{
		Name: "cluster.pause", Method: "POST", Path: "/pause", Effect: Write, Scope: admin,
		Summary: "Start no more jobs of any task",
	}, s.pauseAll)
	c.ResumeAll = op(s, Operation{
		Name: "cluster.resume", Method: "POST", Path: "/resume", Effect: Write, Scope: admin,
		Summary: "Start jobs again",
	}, s.resumeAll)
}

func (s *Service) keyOperations(c *Catalogue) {
	const admin = ratchet.ScopeAdmin
	c.ListKeys = op(s, Operation{
		Name: "keys.list", Method: "GET", Path: "/keys", Effect: Read, Scope: admin,
		Summary: "List API keys, without their texts",
	}, s.listKeys)
	c.CreateKey = op(s, Operation{
		Name: "keys.create", Method: "POST", Path: "/keys", Effect: Write, Scope: admin, Status: 201,
		Summary: "Create an API key, whose text is shown this once",
	}, s.createKey)
	c.RevokeKey = op(s, Operation{
		Name: "keys.revoke", Method: "DELETE", Path: "/keys/{id}", Effect: Destructive, Scope: admin,
		Summary: "Revoke an API key",
	}, s.revokeKey)
}
