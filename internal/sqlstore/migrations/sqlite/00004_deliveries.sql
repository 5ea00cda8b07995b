-- The outbox: a row for each destination of a finished job, made in the
-- transaction that finished it.

-- +goose Up
ALTER TABLE jobs ADD COLUMN destinations TEXT NOT NULL DEFAULT '';
ALTER TABLE schedules ADD COLUMN destinations TEXT NOT NULL DEFAULT '';

CREATE TABLE deliveries (
	id           BLOB    NOT NULL PRIMARY KEY,
	namespace    TEXT    NOT NULL DEFAULT 'default',
	job_id       BLOB    NOT NULL,
	task_id      BLOB    NOT NULL,
	task         TEXT    NOT NULL,
	destination  TEXT    NOT NULL, -- its name, unique among those of the job
	type         TEXT    NOT NULL,
	target       TEXT    NOT NULL,
	lane         TEXT    NOT NULL,
	place        TEXT    NOT NULL DEFAULT '', -- that can be disabled; see disabled_targets
	spec         TEXT    NOT NULL,
	state        TEXT    NOT NULL,
	attempts     INTEGER NOT NULL DEFAULT 0,
	round        INTEGER NOT NULL DEFAULT 0, -- the attempts before it was last redelivered
	losses       INTEGER NOT NULL DEFAULT 0, -- attempts that died with their server
	status       INTEGER NOT NULL DEFAULT 0,
	error        TEXT,
	error_reason TEXT    NOT NULL DEFAULT '',
	next_at      INTEGER,
	lease        BLOB, -- of one that is being sent, with
	node         BLOB, -- its holder
	leased_at    INTEGER, -- since then, by the clock of the database
	created_at   INTEGER NOT NULL,
	finished_at  INTEGER,
	UNIQUE (job_id, destination)
) STRICT;
CREATE INDEX deliveries_by_state ON deliveries (state, id);
CREATE INDEX deliveries_by_task ON deliveries (task, id);
CREATE INDEX deliveries_due ON deliveries (lane, next_at) WHERE state = 'pending';
CREATE INDEX deliveries_leased ON deliveries (node) WHERE state = 'sending';

CREATE TABLE delivery_receipts (
	delivery_id BLOB    NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
	attempt     INTEGER NOT NULL,
	at          INTEGER NOT NULL,
	duration_ms INTEGER NOT NULL DEFAULT 0,
	status      INTEGER NOT NULL DEFAULT 0,
	bytes       INTEGER NOT NULL DEFAULT 0,
	error       TEXT,
	response    TEXT    NOT NULL DEFAULT '',
	PRIMARY KEY (delivery_id, attempt)
) STRICT, WITHOUT ROWID;

-- Places that want no more deliveries. A place is the SHA-256 of a URL.
CREATE TABLE disabled_targets (
	namespace   TEXT    NOT NULL DEFAULT 'default',
	place       TEXT    NOT NULL,
	target      TEXT    NOT NULL,
	at          INTEGER NOT NULL,
	delivery_id BLOB    NOT NULL, -- that was told so
	PRIMARY KEY (namespace, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE hooks (
	id         BLOB    NOT NULL PRIMARY KEY,
	namespace  TEXT    NOT NULL DEFAULT 'default',
	task_id    BLOB    NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
	name       TEXT    NOT NULL,
	token_hash BLOB    NOT NULL UNIQUE,
	secret     BLOB,
	old_secret BLOB,
	old_until  INTEGER,
	verify     TEXT    NOT NULL,
	enabled    INTEGER NOT NULL DEFAULT 1,
	priority   INTEGER NOT NULL DEFAULT 0,
	calls      INTEGER NOT NULL DEFAULT 0,
	created_at INTEGER NOT NULL,
	used_at    INTEGER,
	UNIQUE (task_id, name)
) STRICT;

-- +goose Down
DROP TABLE hooks;
DROP TABLE disabled_targets;
DROP TABLE delivery_receipts;
DROP TABLE deliveries;
ALTER TABLE schedules DROP COLUMN destinations;
ALTER TABLE jobs DROP COLUMN destinations;
