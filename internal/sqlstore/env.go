package sqlstore

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// Env lists the variables of a task's environment by name: those with a value,
// and those without that the newest version reads.
func (s *Store) Env(ctx context.Context, task ratchet.TaskID) ([]ratchet.EnvVar, error) {
	c := s.reader()
	newest, err := versionByRef(ctx, c, task, "")
	if errors.Is(err, errNoRows) {
		return nil, tasks().notFound(task.String())
	}
	if err != nil {
		return nil, wrap("read version", err)
	}
	all, err := envOf(ctx, c, task)
	if err != nil {
		return nil, wrap("list environment", err)
	}
	for i := range all {
		all[i].Declared = newest.Permissions.AllowsEnv(all[i].Name)
	}
	for _, name := range newest.Permissions.Env {
		if !slices.ContainsFunc(all, func(v ratchet.EnvVar) bool { return v.Name == name }) {
			all = append(all, ratchet.EnvVar{Name: name, Declared: true})
		}
	}
	slices.SortFunc(all, func(a, b ratchet.EnvVar) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// envOf lists the variables that have a value.
func envOf(ctx context.Context, c conn, task ratchet.TaskID) ([]ratchet.EnvVar, error) {
	rs, err := c.query(ctx, "SELECT name, updated_at FROM task_env WHERE task_id = ?", task)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	all := []ratchet.EnvVar{}
	for rs.Next() {
		var v ratchet.EnvVar
		if err := rs.Scan(&v.Name, scanTime{&v.UpdatedAt}); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rs.Err()
}

// SetEnv gives values, which are sealed, to variables; all or none.
func (s *Store) SetEnv(ctx context.Context, task ratchet.TaskID, sealed map[string][]byte) error {
	return s.write(ctx, "set environment", func(tx *tx) error {
		if _, err := tasks().get(ctx, tx, task.String(), "id = ?"+tx.dialect().forUpdate(), task); err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(sealed)) {
			if err := setEnv(ctx, tx, task, name, sealed[name], now()); err != nil {
				return err
			}
		}
		return purged(ctx, tx, task)
	})
}

func setEnv(ctx context.Context, tx *tx, task ratchet.TaskID, name string, sealed []byte, at time.Time) error {
	row := values{{"task_id", task}, {"name", name}, {"sealed", append([]byte{}, sealed...)}, {"updated_at", stamp(at)}}
	if err := row.check(); err != nil {
		return err
	}
	_, err := tx.exec(ctx, row.insert("task_env")+" ON CONFLICT (task_id, name) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at", row.args()...)
	return err
}

// EnvValue returns the sealed value of a variable; found is false if it has none.
func (s *Store) EnvValue(ctx context.Context, task ratchet.TaskID, name string) (sealed []byte, found bool, err error) {
	all, err := column1[[]byte](ctx, s.reader(), "SELECT sealed FROM task_env WHERE task_id = ? AND name = ?", task, name)
	if err != nil || len(all) == 0 {
		return nil, false, wrap("read variable", err)
	}
	return all[0], true, nil
}

// UnsetEnv takes a variable's value away.
func (s *Store) UnsetEnv(ctx context.Context, task ratchet.TaskID, name string) error {
	if notText(name) != "" {
		return noVariable(name)
	}
	return s.write(ctx, "unset environment", func(tx *tx) error {
		if _, err := tasks().get(ctx, tx, task.String(), "id = ?", task); err != nil {
			return err
		}
		n, err := tx.exec(ctx, "DELETE FROM task_env WHERE task_id = ? AND name = ?", task, name)
		if err == nil && n == 0 {
			return noVariable(name)
		}
		if err != nil {
			return err
		}
		return purged(ctx, tx, task)
	})
}

func noVariable(name string) error {
	return ratchet.Errorf(ratchet.ReasonEntityNotFound, "the variable %.100q has no value", name)
}
