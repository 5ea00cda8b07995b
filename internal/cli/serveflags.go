package cli

// serveFlags are the flags that serve and its like have for single keys.
func serveFlags() []keyFlag {
	return []keyFlag{
		{name: "bind-address", key: "server.bind_address", usage: "the `ADDRESS` to listen on; other than loopback it needs an API key"},
		{name: "port", short: "p", key: "server.port", usage: "the port to listen on; 0 lets the system choose"},
		{name: "tls-cert", key: "server.tls.cert_file", usage: "a PEM `FILE` with the certificate, for https"},
		{name: "tls-key", key: "server.tls.key_file", usage: "a PEM `FILE` with its private key"},
		{name: "database", key: "database.url", usage: "a SQLite file, or the `URL` of a PostgreSQL database, which several servers may share"},
		{name: "data-dir", key: "data.dir", usage: "the `FOLDER` of the database and the key file"},
		{name: "slots", key: "execution.slots", usage: "how many executions run at once; 0: four a processor"},
		{name: "workers", key: "execution.resident_workers", usage: "how many worker processes are kept"},
		{name: "engine", key: "execution.engine", usage: "the `ENGINE` of tasks that name none: quickjs or node"},
		{name: "allow-private", key: "http.allow_private", usage: "internal `NETWORKS` that tasks may reach all the same, such as 127.0.0.1,10.1.0.0/16"},
		{name: "log-level", key: "logging.level", usage: "the least `LEVEL` that is logged: debug, info, warn or error"},
		{name: "log-format", key: "logging.format", usage: "the `FORM` of the log: text or json"},
		{name: "insecure-no-auth", key: "auth.insecure_no_auth", usage: "listen anywhere without API keys: whoever reaches the port may run code here"},
		{name: "insecure-allow-unsandboxed-workers", key: "execution.insecure_unsandboxed", usage: "run even where the kernel cannot isolate tasks; never for code you did not write"},
	}
}
