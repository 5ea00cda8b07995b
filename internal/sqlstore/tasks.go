package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

func tasks() table[ratchet.Task] {
	return table[ratchet.Task]{
		name: "tasks", noun: "task", missing: ratchet.ReasonTaskNotFound,
		fields:  ratchet.TaskFields,
		special: map[string]column{"id": {parse: idsOf(ratchet.ParseID[ratchet.Task])}},
		columns: []string{
			"id", "name", "label", "description", "tags", "category", "author", "license", "aliases",
			"deprecated", "deprecation_message", "version", "version_digest", "enabled", "paused", "created_at", "updated_at",
		},
		dest: func(t *ratchet.Task) []any {
			return []any{
				&t.ID, &t.Name, &t.Label, &t.Description,
				scanWords{&t.Tags},
				&t.Category, &t.Author, &t.License,
				scanWords{&t.Aliases},
				&t.Deprecated, &t.DeprecationMessage, &t.Version, &t.VersionDigest, &t.Enabled, &t.Paused,
				scanTime{&t.CreatedAt},
				scanTime{&t.UpdatedAt},
			}
		},
		values: func(t *ratchet.Task) values {
			return values{
				{"id", t.ID},
				{"name", t.Name},
				{"label", t.Label},
				{"description", t.Description},
				{"tags", wordsValue(t.Tags)},
				{"category", t.Category},
				{"author", t.Author},
				{"license", t.License},
				{"aliases", wordsValue(t.Aliases)},
				{"deprecated", t.Deprecated},
				{"deprecation_message", t.DeprecationMessage},
				{"version", t.Version},
				{"version_digest", t.VersionDigest},
				{"enabled", t.Enabled},
				{"paused", t.Paused},
				{"created_at", stamp(t.CreatedAt)},
				{"updated_at", stamp(t.UpdatedAt)},
			}
		},
	}
}

// Task returns a task by its ID, name or alias, in this order.
func (s *Store) Task(ctx context.Context, ref string) (*ratchet.Task, error) {
	return taskByRef(ctx, s.reader(), ref)
}

func taskByRef(ctx context.Context, c conn, ref string) (*ratchet.Task, error) {
	t := tasks()
	if notText(ref) != "" {
		return nil, t.notFound(fmt.Sprintf("%.100s", ref))
	}
	if id, err := ratchet.ParseID[ratchet.Task](ref); err == nil {
		task, err := t.one(ctx, c, "id = ?", id)
		if !errors.Is(err, errNoRows) {
			return task, wrap("read task", err)
		}
	}
	task, err := t.one(ctx, c, "namespace = ? AND name = ?", namespace, ref)
	if errors.Is(err, errNoRows) {
		return t.get(ctx, c, ref, "id = (SELECT task_id FROM task_aliases WHERE namespace = ? AND alias = ?)", namespace, ref)
	}
	return task, wrap("read task", err)
}

// Tasks returns a part of the list of tasks.
func (s *Store) Tasks(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Task], error) {
	return tasks().list(ctx, s.reader(), q)
}

// ChangeTask changes what c says. A task that is resumed gives its parked jobs
// back to the queue.
func (s *Store) ChangeTask(ctx context.Context, id ratchet.TaskID, c ratchet.TaskChange) (task *ratchet.Task, err error) {
	err = s.write(ctx, "change task", func(tx *tx) error {
		if task, err = tasks().get(ctx, tx, id.String(), "id = ?"+tx.dialect().forUpdate(), id); err != nil {
			return err
		}
		resumed := task.Paused && c.Paused != nil && !*c.Paused
		before := *task
		set(&task.Enabled, c.Enabled)
		set(&task.Paused, c.Paused)
		if task.Enabled == before.Enabled && task.Paused == before.Paused {
			return nil
		}
		task.UpdatedAt = laterThan(before.UpdatedAt)
		_, err := tx.exec(ctx, "UPDATE tasks SET enabled = ?, paused = ?, updated_at = ? WHERE id = ?", task.Enabled, task.Paused, stamp(task.UpdatedAt), id)
		if err != nil || !resumed {
			return err
		}
		return unparkTask(ctx, tx, id)
	})
	if err != nil {
		return nil, err
	}
	return task, nil
}

func set[T any](field, to *T) {
	if to != nil {
		*field = *to
	}
}

// laterThan is now, or just after what was written last if clocks differ: two
// states of a thing never have the same time.
func laterThan(last time.Time) time.Time {
	if at := now(); at.After(last) {
		return at
	}
	return last.Add(time.Microsecond)
}

// DeleteTask removes a task with its versions, environment and schedules. Its
// finished jobs stay for as long as any.
func (s *Store) DeleteTask(ctx context.Context, id ratchet.TaskID) error {
	return s.write(ctx, "delete task", func(tx *tx) error {
		task, err := tasks().get(ctx, tx, id.String(), "id = ?"+tx.dialect().forUpdate(), id)
		if err != nil {
			return err
		}
		const most = 1000
		var unfinished int
		err = tx.queryRow(ctx, "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE task_id = ? AND state IN ("+unfinishedStates()+") LIMIT ?) AS found", id, most).Scan(&unfinished)
		if err != nil {
			return err
		}
		if unfinished > 0 {
			return ratchet.Errorf(ratchet.ReasonExecutionInvalidState, "task %q has %s: cancel them, or disable the task and wait for them", task.Name, howMany(unfinished, most, "unfinished job"))
		}
		return tasks().delete(ctx, tx, id)
	})
}

// unfinishedStates lists the states of jobs that are not at their end, in SQL.
func unfinishedStates() string {
	return statesThat(func(s ratchet.JobState) bool { return !s.Terminal() })
}

// finishedStates lists those of jobs that are.
func finishedStates() string { return statesThat(ratchet.JobState.Terminal) }

func statesThat(are func(ratchet.JobState) bool) string {
	var list []string
	for _, state := range ratchet.JobStates() {
		if are(state) {
			list = append(list, "'"+string(state)+"'")
		}
	}
	return strings.Join(list, ", ")
}

// howMany says n of a noun, "1000 or more" if that is as far as was counted.
func howMany(n, most int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case n >= most:
		return fmt.Sprintf("%d or more %ss", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
