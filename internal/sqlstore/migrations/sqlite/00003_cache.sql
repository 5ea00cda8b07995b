-- +goose Up
ALTER TABLE jobs ADD COLUMN cache TEXT NOT NULL DEFAULT ''; -- what the job has to do with kept results

-- +goose Down
ALTER TABLE jobs DROP COLUMN cache;
