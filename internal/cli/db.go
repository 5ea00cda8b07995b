//go:build !noserver

package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/daemon"
)

func (a *app) dbCommand() *cobra.Command {
	var f configFlags
	cmd := &cobra.Command{
		Use:   "db",
		Short: "Migrate, back up, restore, copy and check the database",
		Long: `Look after the database that ratchet serve would have here. A SQLite file belongs
to the server that has it open; these commands want it for themselves.`,
		Example: `  ratchet db status
  ratchet db backup ratchet-monday.db
  ratchet db check --repair`,
		Args: func(cmd *cobra.Command, args []string) error { return unknownCommand(cmd, args) },
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f.define(cmd.PersistentFlags(), "Database", keyFlagsOf("database", "data-dir"))
	f.defineFile(cmd.PersistentFlags())
	cmd.AddCommand(a.dbMigrate(&f), a.dbStatus(&f), a.dbBackup(&f), a.dbRestore(&f), a.dbCopy(&f), a.dbCheck(&f))
	return cmd
}

// withDatabase calls do with the configuration, and explains a database that a
// server has.
func (a *app) withDatabase(f *configFlags, remedy string, do func(config.Config) error) error {
	l, err := a.load(f)
	if err != nil {
		return err
	}
	err = do(l.Config)
	if e, ok := errors.AsType[*ratchet.Error](err); ok && e.Reason == ratchet.ReasonStorageLocked {
		if server := daemon.ServerOf(l.Config); server != "" {
			e = ratchet.Errorf(e.Reason, "the server at %s has %s open", server, l.Database.URL)
		}
		return &failure{err: e, hint: remedy}
	}
	return err
}

func (a *app) dbMigrate(f *configFlags) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "migrate", Short: "Make the database, or bring its schema up to date",
		Long:    "Make the database if it is missing, and bring its schema up to date. ratchet serve does so too.",
		Example: "  ratchet db migrate --database postgres://ratchet@db/ratchet",
		Args:    wantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDatabase(f, "stop the server; it migrates when it starts", func(c config.Config) error {
				st, err := daemon.Migrate(cmd.Context(), c)
				if err != nil {
					return err
				}
				if asJSON {
					return a.printValue(st)
				}
				return a.print(fmt.Sprintf("%s has the schema %d, the newest\n", st.Location, st.Schema.Version))
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) dbStatus(f *configFlags) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "Show which database there is, its schema and what is in it",
		Example: "  ratchet db status --json | jq .schema",
		Args:    wantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDatabase(f, "ask it instead: ratchet server status --server URL", func(c config.Config) error {
				st, err := daemon.Status(cmd.Context(), c)
				if err != nil {
					return err
				}
				if asJSON {
					return a.printValue(st)
				}
				return a.print(a.databaseText(st))
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a *app) databaseText(st *daemon.DatabaseStatus) string {
	schema := fmt.Sprintf("%d, the newest", st.Schema.Version)
	if st.Schema.Version < st.Schema.Newest {
		schema = fmt.Sprintf("%d; ratchet db migrate brings it to %d", st.Schema.Version, st.Schema.Newest)
	}
	rows := [][2]string{{"database", st.Database}, {"at", st.Location}, {"schema", schema}, {"size", st.Size.String()}}
	for _, table := range slices.Sorted(maps.Keys(st.Rows)) {
		rows = append(rows, [2]string{table, grouped(st.Rows[table])})
	}
	for _, line := range st.Damage {
		rows = append(rows, [2]string{"damage", line})
	}
	return a.card(rows...)
}

func (a *app) dbBackup(f *configFlags) *cobra.Command {
	var overwrite bool
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Write a copy of the database to a file",
		Long: `Write a copy of the SQLite database to a new FILE, and check it. A server that
runs goes on meanwhile. The key that seals tasks' environments (ratchet.key) is
not in it: keep that apart.

PostgreSQL is backed up with pg_dump.`,
		Example: "  ratchet db backup ratchet-$(date +%F).db",
		Args:    wantArgs(1, 1, "a FILE to write to"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDatabase(f, "", func(c config.Config) error {
				if err := daemon.Backup(cmd.Context(), c, args[0], overwrite); err != nil {
					return err
				}
				return a.print("wrote " + args[0] + "\n")
			})
		},
	}
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "replace what is at FILE")
	return cmd
}

func (a *app) dbRestore(f *configFlags) *cobra.Command {
	var overwrite bool
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Make the database what a backup is",
		Long: `Make the SQLite database what the backup FILE is, after a check of the backup.
What is there now is replaced only with --overwrite.`,
		Example: "  ratchet db restore ratchet-monday.db --overwrite",
		Args:    wantArgs(1, 1, "the FILE of a backup"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDatabase(f, "stop the server first", func(c config.Config) error {
				if err := daemon.Restore(cmd.Context(), c, args[0], overwrite); err != nil {
					return err
				}
				return a.print("restored " + args[0] + "\n")
			})
		},
	}
	cmd.Flags().BoolVar(&overwrite, "overwrite", false, "replace the database that is there")
	return cmd
}

func (a *app) dbCopy(f *configFlags) *cobra.Command {
	return &cobra.Command{
		Use: "copy URL", Short: "Copy all there is to another, empty database",
		Long: `Copy all there is to the empty database at URL, a SQLite file or PostgreSQL, so
that servers can go on there. Jobs that wait get their places in its queue. All
is copied or nothing; the database that is copied stays as it is.

The key that seals tasks' environments (ratchet.key) is in no database: the
servers of the other one need it too.`,
		Example: `  ratchet db copy postgres://ratchet@db/ratchet
  ratchet db copy ratchet.db --database postgres://ratchet@db/ratchet`,
		Args: wantArgs(1, 1, "the URL of the database to copy to"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withDatabase(f, "stop the server first", func(c config.Config) error {
				rows := 0
				err := daemon.Copy(cmd.Context(), c, args[0], func(table string, n int) {
					if rows += n; n > 0 {
						fmt.Fprintf(a.Stderr, "%s: %s\n", table, grouped(n))
					}
				})
				if err != nil {
					return err
				}
				return a.print(fmt.Sprintf("copied %s rows\n", grouped(rows)))
			})
		},
	}
}

func (a *app) dbCheck(f *configFlags) *cobra.Command {
	var repair, asJSON bool
	cmd := &cobra.Command{
		Use: "check", Short: "Check the database, and repair what can be",
		Long: `Check that the database is whole, that every waiting job has its place in the
queue, and that what is counted is right. --repair puts right what can be.

The exit code is 1 if something is wrong and stays so.`,
		Example: "  ratchet db check\n  ratchet db check --repair",
		Args:    wantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDatabase(f, "stop the server first", func(c config.Config) error {
				return a.check(cmd.Context(), c, repair, asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&repair, "repair", false, "put right what can be")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// check prints what is wrong, and fails if something stays so.
func (a *app) check(ctx context.Context, c config.Config, repair, asJSON bool) error {
	found, err := daemon.Check(ctx, c, repair)
	if err != nil {
		return err
	}
	left := 0
	var b strings.Builder
	for _, f := range found {
		what := a.out.red("wrong")
		if f.Repaired {
			what = a.out.green("repaired")
		} else {
			left++
		}
		fmt.Fprintf(&b, "%s %s: %s\n", what, f.Subject, harmless(f.Message))
	}
	switch {
	case len(found) == 0:
		b.WriteString("nothing is wrong\n")
	case left > 0 && !repair:
		b.WriteString("ratchet db check --repair puts right what can be\n")
	}
	if asJSON {
		if found == nil {
			found = []daemon.Finding{}
		}
		err = a.printValue(found)
	} else {
		err = a.print(b.String())
	}
	if err == nil && left > 0 {
		return &silent{ratchet.CodeInternal}
	}
	return err
}
