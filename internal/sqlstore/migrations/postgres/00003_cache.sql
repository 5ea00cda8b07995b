-- +goose Up
ALTER TABLE jobs ADD COLUMN cache TEXT COLLATE "C" NOT NULL DEFAULT ''; -- what the job has to do with kept results

-- +goose Down
ALTER TABLE jobs DROP COLUMN cache;
