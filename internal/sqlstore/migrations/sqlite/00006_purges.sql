-- +goose Up
ALTER TABLE tasks ADD COLUMN purged_at INTEGER NOT NULL DEFAULT 0; -- results made before are not good any more

-- +goose Down
ALTER TABLE tasks DROP COLUMN purged_at;
