-- +goose Up
CREATE TABLE plugins (
	namespace  TEXT COLLATE "C" NOT NULL DEFAULT 'default',
	name       TEXT COLLATE "C" NOT NULL,
	enabled    BOOLEAN          NOT NULL,
	sealed     BYTEA,                                  -- the configuration
	pin        TEXT COLLATE "C" NOT NULL DEFAULT '',   -- the checksum that the file must have
	allowed    TEXT COLLATE "C" NOT NULL DEFAULT '{}',
	on_error   TEXT COLLATE "C" NOT NULL DEFAULT '',
	budget     BIGINT           NOT NULL DEFAULT 0,    -- nanoseconds
	priority   BIGINT,
	updated_at BIGINT           NOT NULL,
	PRIMARY KEY (namespace, name)
);

-- +goose Down
DROP TABLE plugins;
