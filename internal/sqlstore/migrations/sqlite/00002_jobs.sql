-- Jobs and executions outlive their tasks: they name them, and refer to none.

-- +goose Up
CREATE TABLE jobs (
	id               BLOB    NOT NULL PRIMARY KEY,
	namespace        TEXT    NOT NULL DEFAULT 'default',
	task_id          BLOB    NOT NULL,
	task             TEXT    NOT NULL,
	version_digest   TEXT    NOT NULL,
	latest           INTEGER NOT NULL DEFAULT 0,
	priority         INTEGER NOT NULL DEFAULT 0,
	state            TEXT    NOT NULL,
	parked           TEXT    NOT NULL DEFAULT '',
	input            TEXT    NOT NULL,
	output           TEXT,
	error            TEXT,
	error_reason     TEXT    NOT NULL DEFAULT '',
	error_message    TEXT    NOT NULL DEFAULT '',
	attempts         INTEGER NOT NULL DEFAULT 0,
	losses           INTEGER NOT NULL DEFAULT 0,
	retry            TEXT    NOT NULL DEFAULT '',
	limits           TEXT    NOT NULL DEFAULT '',
	tags             TEXT    NOT NULL DEFAULT '[]',
	concurrency_key  TEXT    NOT NULL DEFAULT '',
	concurrency_max  INTEGER NOT NULL DEFAULT 0,
	idempotency_key  TEXT    NOT NULL DEFAULT '',
	schedule_id      BLOB,
	retry_of         BLOB,
	cancel_requested INTEGER NOT NULL DEFAULT 0,
	created_at       INTEGER NOT NULL,
	run_at           INTEGER,
	started_at       INTEGER,
	finished_at      INTEGER,
	ticket           INTEGER NOT NULL DEFAULT 1, -- the one that is good
	lease            BLOB,                       -- of a running job, with
	node             BLOB,                       -- its holder and
	execution_id     BLOB,                       -- its attempt
	holds            INTEGER NOT NULL DEFAULT 0, -- a place of its gate
	reserved_at      INTEGER                     -- when the rate lets it start
) STRICT;
CREATE INDEX jobs_by_task ON jobs (task, id);
CREATE INDEX jobs_by_state ON jobs (state, id);
CREATE INDEX jobs_by_age ON jobs (created_at, id);
CREATE INDEX jobs_at_gate ON jobs (concurrency_key, state, priority, id) WHERE concurrency_key <> '';
CREATE INDEX jobs_by_schedule ON jobs (schedule_id, id) WHERE schedule_id IS NOT NULL;

CREATE TABLE executions (
	id             BLOB    NOT NULL PRIMARY KEY,
	namespace      TEXT    NOT NULL DEFAULT 'default',
	job_id         BLOB    NOT NULL,
	task_id        BLOB    NOT NULL,
	task           TEXT    NOT NULL,
	version_digest TEXT    NOT NULL,
	attempt        INTEGER NOT NULL,
	state          TEXT    NOT NULL,
	error          TEXT,
	error_reason   TEXT    NOT NULL DEFAULT '',
	error_message  TEXT    NOT NULL DEFAULT '',
	progress       TEXT    NOT NULL DEFAULT '',
	logs           TEXT    NOT NULL DEFAULT '',
	fetches        TEXT    NOT NULL DEFAULT '',
	queued_at      INTEGER,
	started_at     INTEGER,
	finished_at    INTEGER,
	duration_ms    INTEGER,
	cpu            INTEGER NOT NULL DEFAULT 0, -- nanoseconds
	peak_memory    INTEGER NOT NULL DEFAULT 0,
	worker         TEXT    NOT NULL DEFAULT '',
	node           BLOB
) STRICT;
CREATE INDEX executions_by_job ON executions (job_id, id);
CREATE INDEX executions_by_task ON executions (task, id);
CREATE INDEX executions_by_state ON executions (state, id);

-- What a submitter calls a request, for as long as IdempotencyWindow.
CREATE TABLE idempotency (
	namespace   TEXT    NOT NULL DEFAULT 'default',
	task_id     BLOB    NOT NULL,
	key         TEXT    NOT NULL,
	job_id      BLOB    NOT NULL,
	fingerprint BLOB    NOT NULL,
	created_at  INTEGER NOT NULL,
	PRIMARY KEY (namespace, task_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (created_at);

-- How many jobs hold a place of a gate.
CREATE TABLE gates (
	namespace TEXT    NOT NULL DEFAULT 'default',
	key       TEXT    NOT NULL,
	running   INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (namespace, key)
) STRICT, WITHOUT ROWID;

-- When the next job of a task may start, for tasks with a rate.
CREATE TABLE rates (
	task_id BLOB    NOT NULL PRIMARY KEY,
	next_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE rates;
DROP TABLE gates;
DROP TABLE idempotency;
DROP TABLE executions;
DROP TABLE jobs;
