-- Times are microseconds since 1970 in UTC, IDs uuid, JSON text as it came.
-- Text is in the order of its bytes ("C"), whatever the locale of the database.
-- Names are unique in their namespace; there is one so far.

-- +goose Up
CREATE TABLE tasks (
	id                  UUID             NOT NULL PRIMARY KEY,
	namespace           TEXT COLLATE "C" NOT NULL DEFAULT 'default',
	name                TEXT COLLATE "C" NOT NULL,
	label               TEXT COLLATE "C" NOT NULL DEFAULT '',
	description         TEXT COLLATE "C" NOT NULL DEFAULT '',
	tags                TEXT COLLATE "C" NOT NULL DEFAULT '[]',
	category            TEXT COLLATE "C" NOT NULL DEFAULT '',
	author              TEXT COLLATE "C" NOT NULL DEFAULT '',
	license             TEXT COLLATE "C" NOT NULL DEFAULT '',
	deprecated          BOOLEAN          NOT NULL DEFAULT false,
	deprecation_message TEXT COLLATE "C" NOT NULL DEFAULT '',
	aliases             TEXT COLLATE "C" NOT NULL DEFAULT '[]',
	version             TEXT COLLATE "C" NOT NULL DEFAULT '',
	version_digest      TEXT COLLATE "C" NOT NULL DEFAULT '',
	enabled             BOOLEAN          NOT NULL DEFAULT true,
	paused              BOOLEAN          NOT NULL DEFAULT false,
	created_at          BIGINT           NOT NULL,
	updated_at          BIGINT           NOT NULL,
	UNIQUE (namespace, name)
);

CREATE TABLE task_aliases (
	namespace TEXT COLLATE "C" NOT NULL DEFAULT 'default',
	alias     TEXT COLLATE "C" NOT NULL,
	task_id   UUID             NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
	PRIMARY KEY (namespace, alias)
);
CREATE INDEX task_aliases_by_task ON task_aliases (task_id);

-- The newest version of a task is the one that was placed last: content that
-- comes back while a task is worked on is placed again.
CREATE TABLE versions (
	id            UUID             NOT NULL PRIMARY KEY,
	namespace     TEXT COLLATE "C" NOT NULL DEFAULT 'default',
	task_id       UUID             NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
	digest        TEXT COLLATE "C" NOT NULL,
	semver        TEXT COLLATE "C" NOT NULL DEFAULT '',
	spec          TEXT COLLATE "C" NOT NULL,
	input_schema  TEXT COLLATE "C",
	output_schema TEXT COLLATE "C",
	created_at    BIGINT           NOT NULL,
	placed_at     BIGINT           NOT NULL,
	replaced_at   BIGINT, -- by other content under the same semantic version
	UNIQUE (task_id, digest)
);
CREATE INDEX versions_replaced ON versions (replaced_at) WHERE replaced_at IS NOT NULL;
CREATE INDEX versions_by_place ON versions (task_id, placed_at);
CREATE INDEX versions_by_semver ON versions (task_id, semver, placed_at);
CREATE INDEX versions_by_digest ON versions (digest);

CREATE TABLE blobs (
	namespace  TEXT COLLATE "C" NOT NULL DEFAULT 'default',
	digest     TEXT COLLATE "C" NOT NULL,
	size       BIGINT           NOT NULL,
	created_at BIGINT           NOT NULL,
	data       BYTEA            NOT NULL,
	PRIMARY KEY (namespace, digest)
);

CREATE TABLE task_env (
	namespace  TEXT COLLATE "C" NOT NULL DEFAULT 'default',
	task_id    UUID             NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
	name       TEXT COLLATE "C" NOT NULL,
	sealed     BYTEA            NOT NULL,
	updated_at BIGINT           NOT NULL,
	PRIMARY KEY (task_id, name)
);

CREATE TABLE schedules (
	id          UUID             NOT NULL PRIMARY KEY,
	namespace   TEXT COLLATE "C" NOT NULL DEFAULT 'default',
	name        TEXT COLLATE "C" NOT NULL,
	description TEXT COLLATE "C" NOT NULL DEFAULT '',
	task_id     UUID             NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
	task        TEXT COLLATE "C" NOT NULL,
	cron        TEXT COLLATE "C" NOT NULL DEFAULT '',
	every       BIGINT           NOT NULL DEFAULT 0, -- nanoseconds
	timezone    TEXT COLLATE "C" NOT NULL DEFAULT '',
	input       TEXT COLLATE "C" NOT NULL,
	priority    BIGINT           NOT NULL DEFAULT 0,
	tags        TEXT COLLATE "C" NOT NULL DEFAULT '[]',
	missed      TEXT COLLATE "C" NOT NULL DEFAULT '',
	missed_max  BIGINT           NOT NULL DEFAULT 0,
	overlap     TEXT COLLATE "C" NOT NULL DEFAULT '',
	max_runs    BIGINT           NOT NULL DEFAULT 0,
	start_at    BIGINT,
	end_at      BIGINT,
	enabled     BOOLEAN          NOT NULL,
	runs        BIGINT           NOT NULL DEFAULT 0,
	skipped     BIGINT           NOT NULL DEFAULT 0,
	last_run_at BIGINT,
	last_job    UUID,
	next_run_at BIGINT,
	created_at  BIGINT           NOT NULL,
	updated_at  BIGINT           NOT NULL,
	UNIQUE (namespace, name)
);
CREATE INDEX schedules_due ON schedules (next_run_at) WHERE next_run_at IS NOT NULL;
CREATE INDEX schedules_by_task ON schedules (task_id, id);

CREATE TABLE keys (
	id           UUID             NOT NULL PRIMARY KEY,
	namespace    TEXT COLLATE "C" NOT NULL DEFAULT 'default',
	name         TEXT COLLATE "C" NOT NULL,
	scopes       TEXT COLLATE "C" NOT NULL,
	hash         BYTEA            NOT NULL,
	created_at   BIGINT           NOT NULL,
	expires_at   BIGINT,
	last_used_at BIGINT,
	revoked_at   BIGINT
);
-- A name is free again once its key is revoked, so that keys can be rotated.
CREATE UNIQUE INDEX keys_by_name ON keys (namespace, name) WHERE revoked_at IS NULL;

CREATE TABLE nodes (
	id         UUID             NOT NULL PRIMARY KEY,
	namespace  TEXT COLLATE "C" NOT NULL DEFAULT 'default',
	host       TEXT COLLATE "C" NOT NULL,
	pid        BIGINT           NOT NULL,
	version    TEXT COLLATE "C" NOT NULL,
	address    TEXT COLLATE "C" NOT NULL DEFAULT '',
	sandbox    TEXT COLLATE "C" NOT NULL DEFAULT '',
	started_at BIGINT           NOT NULL,
	beat_at    BIGINT           NOT NULL,
	slots      BIGINT           NOT NULL,
	running    BIGINT           NOT NULL,
	stopping   BOOLEAN          NOT NULL DEFAULT false
);

CREATE TABLE settings (
	namespace  TEXT COLLATE "C" NOT NULL DEFAULT 'default',
	name       TEXT COLLATE "C" NOT NULL,
	value      TEXT COLLATE "C" NOT NULL,
	updated_at BIGINT           NOT NULL,
	PRIMARY KEY (namespace, name)
);

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
