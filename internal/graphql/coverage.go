package graphql

// coverage says by which fields each operation of the service's catalogue can be
// reached. A test compares it with the catalogue and with the schema.
func coverage() map[string][]string {
	return map[string][]string{
		"tasks.list":     {"Query.tasks", "Query.taskStats"},
		"tasks.register": {"Mutation.registerTask"},
		"tasks.get":      {"Query.task"},
		"tasks.update":   {"Mutation.updateTask"},
		"tasks.delete":   {"Mutation.deleteTask"},
		"tasks.enable":   {"Mutation.enableTask"},
		"tasks.disable":  {"Mutation.disableTask"},
		"tasks.pause":    {"Mutation.pauseTask"},
		"tasks.resume":   {"Mutation.resumeTask"},
		"tasks.purge":    {"Mutation.purgeTask"},
		"tasks.versions": {"Task.versions"},
		"tasks.version":  {"Query.version"},
		"tasks.run":      {"Mutation.executeTaskDirect"},

		"env.list":  {"Query.env"},
		"env.set":   {"Mutation.setEnv"},
		"env.unset": {"Mutation.unsetEnv"},

		"jobs.list":         {"Query.jobs"},
		"jobs.submit":       {"Mutation.executeTask"},
		"jobs.submit_batch": {"Mutation.executeTasks"},
		"jobs.get":          {"Query.job"},
		"jobs.cancel":       {"Mutation.cancelJob"},
		"jobs.retry":        {"Mutation.retryJob"},
		"jobs.cancel_many":  {"Mutation.cancelJobs"},
		"jobs.retry_many":   {"Mutation.retryJobs"},
		"jobs.explain":      {"Query.explainJob"},

		"executions.list": {"Query.executions"},
		"executions.get":  {"Query.execution"},
		"executions.logs": {"Query.logs"},
		"events.watch":    {"Subscription.events", "Subscription.jobStatus", "Subscription.taskExecutions"},

		"schedules.list":    {"Query.schedules"},
		"schedules.create":  {"Mutation.createSchedule"},
		"schedules.get":     {"Query.schedule"},
		"schedules.update":  {"Mutation.updateSchedule"},
		"schedules.delete":  {"Mutation.deleteSchedule"},
		"schedules.enable":  {"Mutation.enableSchedule"},
		"schedules.disable": {"Mutation.disableSchedule"},
		"schedules.trigger": {"Mutation.triggerSchedule"},
		"schedules.next":    {"Query.nextRuns"},
		"schedules.preview": {"Query.previewSchedule"},

		"cluster.workers":     {"Query.workers"},
		"cluster.nodes":       {"Query.nodes"},
		"cluster.breakers":    {"Query.breakers"},
		"cluster.engines":     {"Query.engines"},
		"cluster.caches":      {"Query.caches"},
		"cluster.purge_cache": {"Mutation.purgeCache"},
		"cluster.stats":       {"Query.stats", "Query.jobStats", "Query.taskStats"},
		"cluster.pause":       {"Mutation.pauseAll"},
		"cluster.resume":      {"Mutation.resumeAll"},

		"plugins.list":              {"Query.plugins"},
		"plugins.get":               {"Query.plugin"},
		"plugins.enable":            {"Mutation.enablePlugin"},
		"plugins.disable":           {"Mutation.disablePlugin"},
		"plugins.reload":            {"Mutation.reloadPlugin"},
		"deliveries.list":           {"Query.deliveries"},
		"deliveries.get":            {"Query.delivery"},
		"deliveries.redeliver":      {"Mutation.redeliver"},
		"deliveries.redeliver_many": {"Mutation.redeliverMany"},
		"deliveries.test":           {"Mutation.testDestinations"},

		"hooks.list":   {"Query.hooks"},
		"hooks.create": {"Mutation.createHook"},
		"hooks.update": {"Mutation.updateHook"},
		"hooks.rotate": {"Mutation.rotateHook"},
		"hooks.delete": {"Mutation.deleteHook"},

		"keys.list":   {"Query.keys"},
		"keys.create": {"Mutation.createKey"},
		"keys.revoke": {"Mutation.revokeKey"},
	}
}

// uncovered are the fields beside the catalogue, with what they are instead.
func uncovered() map[string]string {
	return map[string]string{"Query.health": "as /health, which is no operation"}
}
