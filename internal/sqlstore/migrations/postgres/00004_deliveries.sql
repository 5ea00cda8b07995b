-- The outbox: a row for each destination of a finished job, made in the
-- transaction that finished it.

-- +goose Up
ALTER TABLE jobs ADD COLUMN destinations TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE schedules ADD COLUMN destinations TEXT COLLATE "C" NOT NULL DEFAULT '';

CREATE TABLE deliveries (
	id           UUID             NOT NULL PRIMARY KEY,
	namespace    TEXT COLLATE "C" NOT NULL DEFAULT 'default',
	job_id       UUID             NOT NULL,
	task_id      UUID             NOT NULL,
	task         TEXT COLLATE "C" NOT NULL,
	destination  TEXT COLLATE "C" NOT NULL, -- its name, unique among those of the job
	type         TEXT COLLATE "C" NOT NULL,
	target       TEXT COLLATE "C" NOT NULL,
	lane         TEXT COLLATE "C" NOT NULL,
	place        TEXT COLLATE "C" NOT NULL DEFAULT '', -- that can be disabled; see disabled_targets
	spec         TEXT COLLATE "C" NOT NULL,
	state        TEXT COLLATE "C" NOT NULL,
	attempts     BIGINT           NOT NULL DEFAULT 0,
	round        BIGINT           NOT NULL DEFAULT 0, -- the attempts before it was last redelivered
	losses       BIGINT           NOT NULL DEFAULT 0, -- attempts that died with their server
	status       BIGINT           NOT NULL DEFAULT 0,
	error        TEXT COLLATE "C",
	error_reason TEXT COLLATE "C" NOT NULL DEFAULT '',
	next_at      BIGINT,
	lease        UUID, -- of one that is being sent, with
	node         UUID, -- its holder
	leased_at    BIGINT, -- since then, by the clock of the database
	created_at   BIGINT           NOT NULL,
	finished_at  BIGINT,
	UNIQUE (job_id, destination)
);
CREATE INDEX deliveries_by_state ON deliveries (state, id);
CREATE INDEX deliveries_by_task ON deliveries (task, id);
CREATE INDEX deliveries_due ON deliveries (lane, next_at) WHERE state = 'pending';
CREATE INDEX deliveries_leased ON deliveries (node) WHERE state = 'sending';

CREATE TABLE delivery_receipts (
	delivery_id UUID             NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
	attempt     BIGINT           NOT NULL,
	at          BIGINT           NOT NULL,
	duration_ms BIGINT           NOT NULL DEFAULT 0,
	status      BIGINT           NOT NULL DEFAULT 0,
	bytes       BIGINT           NOT NULL DEFAULT 0,
	error       TEXT COLLATE "C",
	response    TEXT COLLATE "C" NOT NULL DEFAULT '',
	PRIMARY KEY (delivery_id, attempt)
);

-- Places that want no more deliveries. A place is the SHA-256 of a URL.
CREATE TABLE disabled_targets (
	namespace   TEXT COLLATE "C" NOT NULL DEFAULT 'default',
	place       TEXT COLLATE "C" NOT NULL,
	target      TEXT COLLATE "C" NOT NULL,
	at          BIGINT           NOT NULL,
	delivery_id UUID             NOT NULL, -- that was told so
	PRIMARY KEY (namespace, place)
);

CREATE TABLE hooks (
	id         UUID             NOT NULL PRIMARY KEY,
	namespace  TEXT COLLATE "C" NOT NULL DEFAULT 'default',
	task_id    UUID             NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
	name       TEXT COLLATE "C" NOT NULL,
	token_hash BYTEA            NOT NULL UNIQUE,
	secret     BYTEA,
	old_secret BYTEA,
	old_until  BIGINT,
	verify     TEXT COLLATE "C" NOT NULL,
	enabled    BOOLEAN          NOT NULL DEFAULT true,
	priority   BIGINT           NOT NULL DEFAULT 0,
	calls      BIGINT           NOT NULL DEFAULT 0,
	created_at BIGINT           NOT NULL,
	used_at    BIGINT,
	UNIQUE (task_id, name)
);

-- +goose Down
DROP TABLE hooks;
DROP TABLE disabled_targets;
DROP TABLE delivery_receipts;
DROP TABLE deliveries;
ALTER TABLE schedules DROP COLUMN destinations;
ALTER TABLE jobs DROP COLUMN destinations;
