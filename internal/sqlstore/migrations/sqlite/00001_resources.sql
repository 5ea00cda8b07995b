-- Times are microseconds since 1970 in UTC, IDs 16 bytes, JSON text as it came.
-- Names are unique in their namespace; there is one so far.

-- +goose Up
CREATE TABLE tasks (
	id                  BLOB    NOT NULL PRIMARY KEY,
	namespace           TEXT    NOT NULL DEFAULT 'default',
	name                TEXT    NOT NULL,
	label               TEXT    NOT NULL DEFAULT '',
	description         TEXT    NOT NULL DEFAULT '',
	tags                TEXT    NOT NULL DEFAULT '[]',
	category            TEXT    NOT NULL DEFAULT '',
	author              TEXT    NOT NULL DEFAULT '',
	license             TEXT    NOT NULL DEFAULT '',
	deprecated          INTEGER NOT NULL DEFAULT 0,
	deprecation_message TEXT    NOT NULL DEFAULT '',
	aliases             TEXT    NOT NULL DEFAULT '[]',
	version             TEXT    NOT NULL DEFAULT '',
	version_digest      TEXT    NOT NULL DEFAULT '',
	enabled             INTEGER NOT NULL DEFAULT 1,
	paused              INTEGER NOT NULL DEFAULT 0,
	created_at          INTEGER NOT NULL,
	updated_at          INTEGER NOT NULL,
	UNIQUE (namespace, name)
) STRICT;

CREATE TABLE task_aliases (
	namespace TEXT NOT NULL DEFAULT 'default',
	alias     TEXT NOT NULL,
	task_id   BLOB NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
	PRIMARY KEY (namespace, alias)
) STRICT, WITHOUT ROWID;
CREATE INDEX task_aliases_by_task ON task_aliases (task_id);

-- The newest version of a task is the one that was placed last: content that
-- comes back while a task is worked on is placed again.
CREATE TABLE versions (
	id            BLOB    NOT NULL PRIMARY KEY,
	namespace     TEXT    NOT NULL DEFAULT 'default',
	task_id       BLOB    NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
	digest        TEXT    NOT NULL,
	semver        TEXT    NOT NULL DEFAULT '',
	spec          TEXT    NOT NULL,
	input_schema  TEXT,
	output_schema TEXT,
	created_at    INTEGER NOT NULL,
	placed_at     INTEGER NOT NULL,
	replaced_at   INTEGER, -- by other content under the same semantic version
	UNIQUE (task_id, digest)
) STRICT;
CREATE INDEX versions_replaced ON versions (replaced_at) WHERE replaced_at IS NOT NULL;
CREATE INDEX versions_by_place ON versions (task_id, placed_at);
CREATE INDEX versions_by_semver ON versions (task_id, semver, placed_at);
CREATE INDEX versions_by_digest ON versions (digest);

CREATE TABLE blobs (
	namespace  TEXT    NOT NULL DEFAULT 'default',
	digest     TEXT    NOT NULL,
	size       INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	data       BLOB    NOT NULL,
	PRIMARY KEY (namespace, digest)
) STRICT;

CREATE TABLE task_env (
	namespace  TEXT    NOT NULL DEFAULT 'default',
	task_id    BLOB    NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
	name       TEXT    NOT NULL,
	sealed     BLOB    NOT NULL,
	updated_at INTEGER NOT NULL,
	PRIMARY KEY (task_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE schedules (
	id          BLOB    NOT NULL PRIMARY KEY,
	namespace   TEXT    NOT NULL DEFAULT 'default',
	name        TEXT    NOT NULL,
	description TEXT    NOT NULL DEFAULT '',
	task_id     BLOB    NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
	task        TEXT    NOT NULL,
	cron        TEXT    NOT NULL DEFAULT '',
	every       INTEGER NOT NULL DEFAULT 0, -- nanoseconds
	timezone    TEXT    NOT NULL DEFAULT '',
	input       TEXT    NOT NULL,
	priority    INTEGER NOT NULL DEFAULT 0,
	tags        TEXT    NOT NULL DEFAULT '[]',
	missed      TEXT    NOT NULL DEFAULT '',
	missed_max  INTEGER NOT NULL DEFAULT 0,
	overlap     TEXT    NOT NULL DEFAULT '',
	max_runs    INTEGER NOT NULL DEFAULT 0,
	start_at    INTEGER,
	end_at      INTEGER,
	enabled     INTEGER NOT NULL,
	runs        INTEGER NOT NULL DEFAULT 0,
	skipped     INTEGER NOT NULL DEFAULT 0,
	last_run_at INTEGER,
	last_job    BLOB,
	next_run_at INTEGER,
	created_at  INTEGER NOT NULL,
	updated_at  INTEGER NOT NULL,
	UNIQUE (namespace, name)
) STRICT;
CREATE INDEX schedules_due ON schedules (next_run_at) WHERE next_run_at IS NOT NULL;
CREATE INDEX schedules_by_task ON schedules (task_id, id);

CREATE TABLE keys (
	id           BLOB    NOT NULL PRIMARY KEY,
	namespace    TEXT    NOT NULL DEFAULT 'default',
	name         TEXT    NOT NULL,
	scopes       TEXT    NOT NULL,
	hash         BLOB    NOT NULL,
	created_at   INTEGER NOT NULL,
	expires_at   INTEGER,
	last_used_at INTEGER,
	revoked_at   INTEGER
) STRICT;
-- A name is free again once its key is revoked, so that keys can be rotated.
CREATE UNIQUE INDEX keys_by_name ON keys (namespace, name) WHERE revoked_at IS NULL;

CREATE TABLE nodes (
	id         BLOB    NOT NULL PRIMARY KEY,
	namespace  TEXT    NOT NULL DEFAULT 'default',
	host       TEXT    NOT NULL,
	pid        INTEGER NOT NULL,
	version    TEXT    NOT NULL,
	address    TEXT    NOT NULL DEFAULT '',
	sandbox    TEXT    NOT NULL DEFAULT '',
	started_at INTEGER NOT NULL,
	beat_at    INTEGER NOT NULL,
	slots      INTEGER NOT NULL,
	running    INTEGER NOT NULL,
	stopping   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (
	namespace  TEXT    NOT NULL DEFAULT 'default',
	name       TEXT    NOT NULL,
	value      TEXT    NOT NULL,
	updated_at INTEGER NOT NULL,
	PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE settings;
DROP TABLE nodes;
DROP TABLE keys;
DROP TABLE schedules;
DROP TABLE task_env;
DROP TABLE blobs;
DROP TABLE versions;
DROP TABLE task_aliases;
DROP TABLE tasks;
