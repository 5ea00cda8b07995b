//go:build !nopostgres

package sqlstore

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ratchet-runner/ratchet-go"
)

// postgresReasonOf is reasonOf for what PostgreSQL says, and for what keeps us
// from reaching it.
func postgresReasonOf(err error) (reason ratchet.Reason, remedy string) {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgresReason(pg)
	}
	if refused, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		// Its own text begins with the user and the database, and the cause is on
		// another line.
		if cause := errors.Unwrap(refused); cause != nil {
			err = cause
		}
		return ratchet.ReasonStorageConnection, "PostgreSQL cannot be reached: " + strings.TrimSpace(firstLine(err))
	}
	return "", ""
}

// interrupted reports whether a connection failed before or while a statement was
// sent on it.
func interrupted(err error) bool { return pgconn.SafeToRetry(err) || pgconn.Timeout(err) }

func postgresReason(err *pgconn.PgError) (ratchet.Reason, string) {
	switch {
	case err.Code == "23505":
		return ratchet.ReasonStorageDuplicateKey, "there is one already: " + err.Message
	case err.Code == "53100":
		return ratchet.ReasonStorageFull, "PostgreSQL has no space left: make room, nothing was lost"
	case err.Code == "25006":
		return ratchet.ReasonStorageReadOnly, "PostgreSQL takes no writes now: is it a replica?"
	case strings.HasPrefix(err.Code, "XX00"):
		return ratchet.ReasonStorageCorrupt, "PostgreSQL reports damage: " + err.Message
	case err.Code == "40001" || err.Code == "40P01":
		return ratchet.ReasonStorageTransaction, "others were changing the same: " + err.Message
	case strings.HasPrefix(err.Code, "08"), strings.HasPrefix(err.Code, "57P"), strings.HasPrefix(err.Code, "53"),
		strings.HasPrefix(err.Code, "28"), err.Code == "3D000":
		return ratchet.ReasonStorageConnection, "PostgreSQL cannot serve: " + err.Message
	}
	return ratchet.ReasonStorageQuery, "the database refused: " + err.Message
}
