-- Jobs and executions outlive their tasks: they name them, and refer to none.

-- +goose Up
CREATE TABLE jobs (
	id               UUID             NOT NULL PRIMARY KEY,
	namespace        TEXT COLLATE "C" NOT NULL DEFAULT 'default',
	task_id          UUID             NOT NULL,
	task             TEXT COLLATE "C" NOT NULL,
	version_digest   TEXT COLLATE "C" NOT NULL,
	latest           BOOLEAN          NOT NULL DEFAULT false,
	priority         BIGINT           NOT NULL DEFAULT 0,
	state            TEXT COLLATE "C" NOT NULL,
	parked           TEXT COLLATE "C" NOT NULL DEFAULT '',
	input            TEXT COLLATE "C" NOT NULL,
	output           TEXT COLLATE "C",
	error            TEXT COLLATE "C",
	error_reason     TEXT COLLATE "C" NOT NULL DEFAULT '',
	error_message    TEXT COLLATE "C" NOT NULL DEFAULT '',
	attempts         BIGINT           NOT NULL DEFAULT 0,
	losses           BIGINT           NOT NULL DEFAULT 0,
	retry            TEXT COLLATE "C" NOT NULL DEFAULT '',
	limits           TEXT COLLATE "C" NOT NULL DEFAULT '',
	tags             TEXT COLLATE "C" NOT NULL DEFAULT '[]',
	concurrency_key  TEXT COLLATE "C" NOT NULL DEFAULT '',
	concurrency_max  BIGINT           NOT NULL DEFAULT 0,
	idempotency_key  TEXT COLLATE "C" NOT NULL DEFAULT '',
	schedule_id      UUID,
	retry_of         UUID,
	cancel_requested BOOLEAN          NOT NULL DEFAULT false,
	created_at       BIGINT           NOT NULL,
	run_at           BIGINT,
	started_at       BIGINT,
	finished_at      BIGINT,
	ticket           BIGINT           NOT NULL DEFAULT 1,           -- the one that is good
	lease            UUID,                                           -- of a running job, with
	node             UUID,                                           -- its holder and
	execution_id     UUID,                                           -- its attempt
	holds            BOOLEAN          NOT NULL DEFAULT false,       -- a place of its gate
	reserved_at      BIGINT                                          -- when the rate lets it start
);
CREATE INDEX jobs_by_task ON jobs (task, id);
CREATE INDEX jobs_by_state ON jobs (state, id);
CREATE INDEX jobs_by_age ON jobs (created_at, id);
CREATE INDEX jobs_at_gate ON jobs (concurrency_key, state, priority, id) WHERE concurrency_key <> '';
CREATE INDEX jobs_by_schedule ON jobs (schedule_id, id) WHERE schedule_id IS NOT NULL;

CREATE TABLE executions (
	id             UUID             NOT NULL PRIMARY KEY,
	namespace      TEXT COLLATE "C" NOT NULL DEFAULT 'default',
	job_id         UUID             NOT NULL,
	task_id        UUID             NOT NULL,
	task           TEXT COLLATE "C" NOT NULL,
	version_digest TEXT COLLATE "C" NOT NULL,
	attempt        BIGINT           NOT NULL,
	state          TEXT COLLATE "C" NOT NULL,
	error          TEXT COLLATE "C",
	error_reason   TEXT COLLATE "C" NOT NULL DEFAULT '',
	error_message  TEXT COLLATE "C" NOT NULL DEFAULT '',
	progress       TEXT COLLATE "C" NOT NULL DEFAULT '',
	logs           TEXT COLLATE "C" NOT NULL DEFAULT '',
	fetches        TEXT COLLATE "C" NOT NULL DEFAULT '',
	queued_at      BIGINT,
	started_at     BIGINT,
	finished_at    BIGINT,
	duration_ms    BIGINT,
	cpu            BIGINT           NOT NULL DEFAULT 0, -- nanoseconds
	peak_memory    BIGINT           NOT NULL DEFAULT 0,
	worker         TEXT COLLATE "C" NOT NULL DEFAULT '',
	node           UUID
);
CREATE INDEX executions_by_job ON executions (job_id, id);
CREATE INDEX executions_by_task ON executions (task, id);
CREATE INDEX executions_by_state ON executions (state, id);

-- What a submitter calls a request, for as long as IdempotencyWindow.
CREATE TABLE idempotency (
	namespace   TEXT COLLATE "C" NOT NULL DEFAULT 'default',
	task_id     UUID             NOT NULL,
	key         TEXT COLLATE "C" NOT NULL,
	job_id      UUID             NOT NULL,
	fingerprint BYTEA            NOT NULL,
	created_at  BIGINT           NOT NULL,
	PRIMARY KEY (namespace, task_id, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);

-- How many jobs hold a place of a gate.
CREATE TABLE gates (
	namespace TEXT COLLATE "C" NOT NULL DEFAULT 'default',
	key       TEXT COLLATE "C" NOT NULL,
	running   BIGINT           NOT NULL DEFAULT 0,
	PRIMARY KEY (namespace, key)
);

-- When the next job of a task may start, for tasks with a rate.
CREATE TABLE rates (
	task_id UUID             NOT NULL PRIMARY KEY,
	next_at BIGINT           NOT NULL
);

-- +goose Down
DROP TABLE rates;
DROP TABLE gates;
DROP TABLE idempotency;
DROP TABLE executions;
DROP TABLE jobs;
