package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/ratchet-runner/ratchet-go"
)

// An old key was one of the earlier Ratchet's. It stands for a key of today, or
// for nothing any more, which has a reason.
type old struct{ name, now, why string }

// oldKeys lists the keys of the earlier file; one that stands for nothing stands
// for those below it too.
func oldKeys() []old {
	return []old{
		{"execution.max_execution_duration", "execution.max_timeout", ""},
		{"execution.max_concurrent_tasks", "execution.slots", ""},
		{"execution.timeout_grace_period", "execution.grace", ""},
		{"execution.validate_schemas", "", "inputs and outputs are always checked"},
		{"execution.fetch_variables", "", "fetch needs no variables"},
		{"http.connection_pool.connection_timeout", "http.connect_timeout", ""},
		{"http.connection_pool.max_idle_per_host", "", "connections are kept as they are needed"},
		{"http.connection_pool.idle_timeout", "", "connections are kept as they are needed"},
		{"http.verify_ssl", "", "certificates are always checked"},
		{"http.proxy", "", "requests do not go through a proxy"},
		{"cache.enabled", "", "cache.results 0 keeps no results"},
		{"cache.task_cache", "", "cache.bundles bounds versions that are ready to run"},
		{"cache.http_cache", "", "http.cache bounds what is kept of responses"},
		{"cache.result_cache", "", "cache.results bounds what tasks have kept, which say so in metadata.json"},
		{"logging.include_location", "", "lines say what happened, not where in the program"},
		{"logging.structured", "", "lines always are"},
		{"logging.targets", "", "lines go to stderr; what starts the server keeps them"},
		{"logging.sinks", "", "lines go to stderr; what starts the server keeps them"},
		{"logging.log_to_file", "", "lines go to stderr; what starts the server keeps them"},
		{"logging.log_file_path", "", "lines go to stderr; what starts the server keeps them"},
		{"logging.destination", "", "lines go to stderr; what starts the server keeps them"},
		{"logging.file_config", "", "lines go to stderr; what starts the server keeps them"},
		{"logging.context", "", "there are no fields for all lines"},
		{"output.max_concurrent_deliveries", "delivery.concurrency", ""},
		{"output.default_timeout", "delivery.timeout", ""},
		{"output.global_destinations", "delivery.destinations", ""},
		{"output.validate_on_startup", "", "destinations are always checked"},
		{"output.default_retry_policy", "", "a destination's own retry says how often; a webhook without one is tried as Standard Webhooks has it"},
		{"output.formatting", "", "there is one envelope, of which select, template and format of a destination make what it is told"},
		{"output.security", "", "webhooks go where http.allow_private and http.ports let requests go"},
		{"server.database.url", "database.url", ""},
		{"server.database.max_connections", "database.max_connections", ""},
		{"server.database.connection_timeout", "database.connect_timeout", ""},
		{"server.database.min_connections", "", "connections are kept as they are needed"},
		{"server.database.idle_timeout", "", "connections are kept as they are needed"},
		{"server.database.max_lifetime", "", "connections are kept as they are needed"},
		{"server.database.database_specific", "", "a database is set up as Ratchet needs it"},
		{"server.database.migrations", "", "migrations are in the program, and run when it starts"},
		{"server.auth", "", "keys are made by: ratchet key create"},
		{"server.cors.allowed_methods", "", "the methods are those of the API"},
		{"server.cors.allowed_headers", "", "the headers are those of the API"},
		{"server.rate_limit", "", "server.max_requests and queue.max_waiting bound what is taken on"},
		{"server.tls.min_version", "", "it is 1.2"},
		{"server.tls.chain_file", "", "server.tls.cert_file holds the whole chain"},
		{"server.job_queue", "", "see the keys of queue"},
		{"server.workers", "", "see the keys of execution"},
		{"registry", "", "tasks are brought in by: ratchet task import"},
		{"mcp", "", "there is no MCP server"},
		{"development", "", "see: ratchet dev"},
		{"console", "", "there is no console"},
	}
}

func oldKey(name string) (old, bool) {
	all := oldKeys()
	i := slices.IndexFunc(all, func(o old) bool { return o.name == name })
	if i < 0 {
		return old{}, false
	}
	return all[i], true
}

// old reads a key of the earlier file.
func (f *file) old(o old, k, v *yaml.Node) {
	if isNull(v) {
		return
	}
	if o.now == "" {
		f.warn(f.at(k), "%s has no meaning any more: %s", o.name, o.why)
		return
	}
	key, _ := Find(o.now)
	if key.Kind == KindJSON {
		f.warn(f.at(k), "%s is called %s now", o.name, o.now)
		if f.from[o.now] == "" && len(v.Content) > 0 {
			f.nested(key, v, f.name+" ("+o.name+")")
		}
		return
	}
	text, ok := f.scalar(key, v)
	if !ok {
		return
	}
	if o.now == "database.url" && inMemory(text) {
		f.warn(f.at(k), "%s is called %s now; a database in memory would lose every job with the server, so it is %s", o.name, o.now, key.Default)
		return
	}
	f.warn(f.at(k), "%s is called %s now", o.name, o.now)
	if f.from[o.now] == "" { // the key of today comes first
		f.assign(assignment{key: o.now, text: text, from: f.name + " (" + o.name + ")", place: f.at(v)})
	}
}

// oldVariables lists variables of the earlier Ratchet, and others that its
// documents named.
func oldVariables() []old {
	return []old{
		{"RATCHET_LOG_LEVEL", "logging.level", ""},
		{"RATCHET_LOG_FORMAT", "logging.format", ""},
		{"RATCHET_MAX_EXECUTION_SECONDS", "execution.max_timeout", ""},
		{"RATCHET_MAX_EXECUTION_DURATION", "execution.max_timeout", ""},
		{"RATCHET_SERVER_HOST", "server.bind_address", ""},
		{"RATCHET_BIND_ADDRESS", "server.bind_address", ""},
		{"RATCHET_DATABASE_TIMEOUT", "database.connect_timeout", ""},
		{"RATCHET_VALIDATE_SCHEMAS", "", "inputs and outputs are always checked"},
		{"RATCHET_HTTP_VERIFY_SSL", "", "certificates are always checked"},
		{"RATCHET_CACHE_SIZE", "", "what is kept in memory bounds itself"},
		{"RATCHET_CACHE_ENABLED", "", "what is kept in memory bounds itself"},
		{"RATCHET_OUTPUT_MAX_CONCURRENT_DELIVERIES", "delivery.concurrency", ""},
		{"RATCHET_OUTPUT_DEFAULT_TIMEOUT", "delivery.timeout", ""},
		{"RATCHET_OUTPUT_MAX_CONCURRENT", "delivery.concurrency", ""},
		{"RATCHET_OUTPUT_VALIDATE_STARTUP", "", "destinations are always checked"},
		{"RATCHET_MCP_ENABLED", "", "there is no MCP server"},
		{"RATCHET_MCP_TRANSPORT", "", "there is no MCP server"},
		{"RATCHET_MCP_HOST", "", "there is no MCP server"},
		{"RATCHET_MCP_PORT", "", "there is no MCP server"},
		{"RATCHET_RATE_LIMIT_REQUESTS_PER_MINUTE", "", "server.max_requests and queue.max_waiting bound what is taken on"},
		{"RATCHET_JWT_SECRET", "", "keys are made by: ratchet key create"},
		{"RATCHET_LOG_DIR", "", "lines go to stderr; what starts the server keeps them"},
		{"RATCHET_CONFIG_DIR", "", "the file is named by --config"},
	}
}

func oldVariable(name string) (old, bool) {
	all := oldVariables()
	i := slices.IndexFunc(all, func(o old) bool { return o.name == name })
	if i < 0 {
		return old{}, false
	}
	return all[i], true
}

func (l *loader) oldVariable(o old, name, value string, environ []string) {
	place := ratchet.Detail{Pointer: name}
	if o.now == "" {
		l.warn(place, "this has no meaning any more: %s", o.why)
		return
	}
	key, _ := Find(o.now)
	l.warn(place, "this is called %s now", key.Env())
	today := func(entry string) bool { return strings.HasPrefix(entry, key.Env()+"=") }
	if !slices.ContainsFunc(environ, today) {
		l.variable(key, name, value)
	}
}

// sameMeaning turns an old value of a key whose name has stayed into one of
// today; note is empty if there is nothing to turn.
func sameMeaning(key, value string) (text, note string) {
	switch word := strings.ToLower(value); {
	case key == "logging.format" && (word == "pretty" || word == "compact"):
		return "text", `the form "` + word + `" is called "text" now`
	case key == "logging.level" && word == "trace":
		return "debug", `the level "trace" is called "debug" now`
	}
	return value, ""
}
