-- +goose Up
CREATE TABLE plugins (
	namespace  TEXT    NOT NULL DEFAULT 'default',
	name       TEXT    NOT NULL,
	enabled    INTEGER NOT NULL,
	sealed     BLOB,                        -- the configuration
	pin        TEXT    NOT NULL DEFAULT '', -- the checksum that the file must have
	allowed    TEXT    NOT NULL DEFAULT '{}',
	on_error   TEXT    NOT NULL DEFAULT '',
	budget     INTEGER NOT NULL DEFAULT 0,  -- nanoseconds
	priority   INTEGER,
	updated_at INTEGER NOT NULL,
	PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE plugins;
