-- +goose Up
ALTER TABLE tasks ADD COLUMN purged_at BIGINT NOT NULL DEFAULT 0; -- results made before are not good any more

-- Results that nodes share, where that is configured. They may be lost.
CREATE UNLOGGED TABLE kept_results (
    key        BYTEA PRIMARY KEY,
    value      BYTEA NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX kept_results_over ON kept_results (expires_at);

-- +goose Down
DROP TABLE kept_results;
ALTER TABLE tasks DROP COLUMN purged_at;
