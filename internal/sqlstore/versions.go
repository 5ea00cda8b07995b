package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/ratchet-runner/ratchet-go"
)

func versions() table[ratchet.Version] {
	return table[ratchet.Version]{
		name: "versions", noun: "version", missing: ratchet.ReasonEntityNotFound,
		columns: []string{
			"spec", "id", "(SELECT name FROM tasks WHERE tasks.id = versions.task_id)", "digest", "semver",
			"input_schema", "output_schema", "created_at",
		},
		dest: func(v *ratchet.Version) []any {
			return []any{scanJSON{v}, &v.ID, &v.Task, &v.Digest, &v.Semver, scanRaw{&v.InputSchema}, scanRaw{&v.OutputSchema}, scanTime{&v.CreatedAt}}
		},
		values: func(v *ratchet.Version) values {
			spec := *v
			spec.InputSchema, spec.OutputSchema = nil, nil
			return values{
				{"id", v.ID},
				{"digest", v.Digest},
				{"semver", v.Semver},
				{"spec", jsonValue{spec}},
				{"input_schema", schema(v.InputSchema)},
				{"output_schema", schema(v.OutputSchema)},
				{"created_at", stamp(v.CreatedAt)},
			}
		},
	}
}

// schema is how a schema is kept; there may be none.
func schema(raw json.RawMessage) any {
	if len(raw) == 0 {
		return nil
	}
	return text(raw)
}

// PutVersion keeps a version, and the task if it is new. The task then is as the
// version's author describes it. Content that is there already changes nothing,
// unless it may replace others: then it is the newest again.
func (s *Store) PutVersion(ctx context.Context, n ratchet.NewVersion) (task *ratchet.Task, created bool, err error) {
	err = s.write(ctx, "keep version", func(tx *tx) error {
		if task, err = taskOf(ctx, tx, n.Task); err != nil {
			return err
		}
		created, err = put(ctx, tx, task, n)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("task %.100q: %w", n.Task.Name, err)
	}
	return task, created, nil
}

// taskOf returns the task with the name of t, made if there is none, and locks it.
func taskOf(ctx context.Context, tx *tx, t *ratchet.Task) (*ratchet.Task, error) {
	fresh := *t
	if fresh.ID.IsZero() {
		fresh.ID = ratchet.NewID[ratchet.Task]()
	}
	fresh.Enabled, fresh.Paused = true, false
	fresh.Version, fresh.VersionDigest = "", ""
	fresh.CreatedAt = now()
	fresh.UpdatedAt = fresh.CreatedAt
	row := tasks().values(&fresh)
	if err := row.check(); err != nil {
		return nil, err
	}
	if _, err := tx.exec(ctx, row.insert("tasks")+" ON CONFLICT (namespace, name) DO NOTHING", row.args()...); err != nil {
		return nil, err
	}
	return tasks().one(ctx, tx, "namespace = ? AND name = ?"+tx.dialect().forUpdate(), namespace, t.Name)
}

// put keeps the version of a task that is locked.
func put(ctx context.Context, tx *tx, task *ratchet.Task, n ratchet.NewVersion) (created bool, err error) {
	var there int
	if err := tx.queryRow(ctx, "SELECT count(*) FROM versions WHERE task_id = ? AND digest = ?", task.ID, n.Version.Digest).Scan(&there); err != nil {
		return false, err
	}
	if there > 0 && (!n.Replace || task.VersionDigest == n.Version.Digest) {
		_, err := tx.exec(ctx, "UPDATE versions SET replaced_at = NULL WHERE task_id = ? AND digest = ? AND replaced_at IS NOT NULL", task.ID, n.Version.Digest)
		return false, err // somebody wants it: it is not swept
	}
	if !n.Replace {
		if err := semverFree(ctx, tx, task, n.Version); err != nil {
			return false, err
		}
	}
	placed, err := nextPlace(ctx, tx, task.ID)
	if err != nil {
		return false, err
	}
	if n.Replace { // see sweepVersions
		_, err := tx.exec(ctx, "UPDATE versions SET replaced_at = ? WHERE task_id = ? AND semver = ? AND digest <> ? AND replaced_at IS NULL", stamp(now()), task.ID, n.Version.Semver, n.Version.Digest)
		if err != nil {
			return false, err
		}
	}
	if there > 0 {
		_, err = tx.exec(ctx, "UPDATE versions SET placed_at = ?, replaced_at = NULL WHERE task_id = ? AND digest = ?", placed, task.ID, n.Version.Digest)
	} else {
		err = insertVersion(ctx, tx, task, n, placed)
	}
	if err != nil {
		return false, err
	}
	return there == 0, describe(ctx, tx, task, n)
}

// semverFree refuses a semantic version that other content has.
func semverFree(ctx context.Context, tx *tx, task *ratchet.Task, v *ratchet.Version) error {
	if v.Semver == "" {
		return nil
	}
	var other string
	err := tx.queryRow(ctx, "SELECT digest FROM versions WHERE task_id = ? AND semver = ? ORDER BY placed_at DESC LIMIT 1", task.ID, v.Semver).Scan(&other)
	if errors.Is(err, errNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return ratchet.Errorf(ratchet.ReasonAlreadyExists, "version %s of task %q is there already with other content: give the new content another version", v.Semver, task.Name).
		WithDetails(ratchet.Detail{Pointer: "/version", Message: "the version has other content", Expected: other, Got: v.Digest})
}

// nextPlace returns a time after that of all versions of the task.
func nextPlace(ctx context.Context, tx *tx, task ratchet.TaskID) (int64, error) {
	var last int64
	if err := tx.queryRow(ctx, "SELECT coalesce(max(placed_at), 0) FROM versions WHERE task_id = ?", task).Scan(&last); err != nil {
		return 0, err
	}
	return max(now().UnixMicro(), last+1), nil
}

func insertVersion(ctx context.Context, tx *tx, task *ratchet.Task, n ratchet.NewVersion, placed int64) error {
	v := *n.Version
	if v.ID.IsZero() {
		v.ID = ratchet.NewID[ratchet.Version]()
	}
	if v.CreatedAt.IsZero() {
		v.CreatedAt = now()
	}
	if err := versions().create(ctx, tx, &v, v.Digest, value{"task_id", task.ID}, value{"placed_at", placed}); err != nil {
		return err
	}
	// An archive that is there is made younger, lest it is swept as an orphan
	// before this transaction is seen.
	_, err := tx.exec(ctx, "INSERT INTO blobs (namespace, digest, size, data, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (namespace, digest) DO UPDATE SET created_at = excluded.created_at",
		namespace, v.Digest, len(n.Archive), append([]byte{}, n.Archive...), stamp(now()))
	return err
}

// describe writes what the newest version says about its task.
func describe(ctx context.Context, tx *tx, task *ratchet.Task, n ratchet.NewVersion) error {
	was := *task
	*task = *n.Task
	task.ID, task.Name, task.Enabled, task.Paused, task.CreatedAt = was.ID, was.Name, was.Enabled, was.Paused, was.CreatedAt
	task.Version, task.VersionDigest = n.Version.Semver, n.Version.Digest
	task.UpdatedAt = laterThan(was.UpdatedAt)
	if _, err := tasks().update(ctx, tx, task, task.Name, "id = ?", task.ID); err != nil {
		return err
	}
	if _, err := tx.exec(ctx, "DELETE FROM task_aliases WHERE task_id = ?", task.ID); err != nil {
		return err
	}
	if err := nameFree(ctx, tx, task); err != nil {
		return err
	}
	for _, alias := range task.Aliases {
		_, err := tx.exec(ctx, "INSERT INTO task_aliases (namespace, alias, task_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", namespace, alias, task.ID)
		if err != nil {
			return err
		}
	}
	return nil
}

// nameFree refuses a task that another one would hide, or be hidden by.
func nameFree(ctx context.Context, tx *tx, task *ratchet.Task) error {
	for _, name := range append([]string{task.Name}, task.Aliases...) {
		if expected := notText(name); expected != "" {
			return ratchet.Errorf(ratchet.ReasonValidation, "an alias cannot be kept: want %s", expected)
		}
		var other string
		err := tx.queryRow(ctx, "SELECT name FROM tasks WHERE id = (SELECT task_id FROM task_aliases WHERE namespace = ? AND alias = ?) OR namespace = ? AND name = ? AND id <> ? LIMIT 1",
			namespace, name, namespace, name, task.ID).Scan(&other)
		switch {
		case errors.Is(err, errNoRows):
		case err != nil:
			return err
		default:
			return ratchet.Errorf(ratchet.ReasonAlreadyExists, "task %q is called %q too: a task that was copied needs another name, and another uuid in its metadata or none", other, name)
		}
	}
	return nil
}

// Versions returns the versions of a task, the newest first.
func (s *Store) Versions(ctx context.Context, task ratchet.TaskID) ([]ratchet.Version, error) {
	return versionsOf(ctx, s.reader(), task)
}

func versionsOf(ctx context.Context, c conn, task ratchet.TaskID) ([]ratchet.Version, error) {
	all, err := versions().all(ctx, c, "WHERE task_id = ? ORDER BY placed_at DESC", task)
	if err != nil {
		return nil, wrap("list versions", err)
	}
	if len(all) > 0 {
		return all, nil
	}
	_, err = tasks().get(ctx, c, task.String(), "id = ?", task)
	return all, err
}

// Version returns a version of a task by its semantic version, its ID, its
// digest or a beginning of that which no other has; the newest for "".
func (s *Store) Version(ctx context.Context, task ratchet.TaskID, ref string) (*ratchet.Version, error) {
	c := s.reader()
	v, err := versionByRef(ctx, c, task, ref)
	if !errors.Is(err, errNoRows) {
		return v, wrap("read version", err)
	}
	all, err := versionsOf(ctx, c, task)
	if err != nil {
		return nil, err
	}
	return nil, noVersion(all, ref)
}

func versionByRef(ctx context.Context, c conn, task ratchet.TaskID, ref string) (*ratchet.Version, error) {
	t := versions()
	if ref == "" {
		return t.one(ctx, c, "task_id = ? ORDER BY placed_at DESC LIMIT 1", task)
	}
	if notText(ref) != "" {
		return nil, errNoRows
	}
	if id, err := ratchet.ParseID[ratchet.Version](ref); err == nil {
		return t.one(ctx, c, "task_id = ? AND id = ?", task, id)
	}
	v, err := t.one(ctx, c, "task_id = ? AND semver = ? ORDER BY placed_at DESC LIMIT 1", task, ref)
	if !errors.Is(err, errNoRows) {
		return v, err
	}
	return versionByDigest(ctx, c, task, ref)
}

// versionByDigest finds a version by the beginning of its digest, with or
// without "sha256:".
func versionByDigest(ctx context.Context, c conn, task ratchet.TaskID, ref string) (*ratchet.Version, error) {
	digits := strings.TrimPrefix(strings.ToLower(ref), "sha256:")
	if digits == "" || strings.Trim(digits, "0123456789abcdef") != "" {
		return nil, errNoRows
	}
	begin := "sha256:" + digits
	found, err := versions().all(ctx, c, "WHERE task_id = ? AND digest >= ? AND digest < ? ORDER BY digest LIMIT 2", task, begin, following(begin))
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, errNoRows
	case len(found) > 1:
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "%q begins several digests, such as %s and %s: give more of it", ref, found[0].Digest, found[1].Digest)
	}
	return &found[0], nil
}

// noVersion says which versions there are instead.
func noVersion(all []ratchet.Version, ref string) error {
	const most = 5
	var known []string
	for _, v := range all[:min(len(all), most)] {
		name := v.Semver
		if name == "" {
			name = v.Digest[:min(len(v.Digest), len("sha256:")+12)]
		}
		known = append(known, name)
	}
	if len(all) > most {
		known = append(known, "…")
	}
	if len(all) == 0 {
		return ratchet.Errorf(ratchet.ReasonEntityNotFound, "the task has no version")
	}
	return ratchet.Errorf(ratchet.ReasonEntityNotFound, "task %q has no version %.100q: it has %s", all[0].Task, ref, strings.Join(known, ", "))
}

// Archive returns the zip that the version with the digest came from.
func (s *Store) Archive(ctx context.Context, digest string) (data []byte, err error) {
	if notText(digest) == "" {
		err = s.reader().queryRow(ctx, "SELECT data FROM blobs WHERE namespace = ? AND digest = ?", namespace, digest).Scan(&data)
	} else {
		err = errNoRows
	}
	if errors.Is(err, errNoRows) {
		return nil, ratchet.Errorf(ratchet.ReasonEntityNotFound, "there is no archive of version %.100q", digest)
	}
	return data, wrap("read archive", err)
}
