package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"syscall"

	sqlite3 "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/ratchet-runner/ratchet-go"
)

// wrap says what was being done when err came, and makes of an error of the
// database a *ratchet.Error. Other errors keep what they are.
func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	if _, ours := errors.AsType[*ratchet.Error](err); ours || errors.Is(err, ratchet.ErrStale) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w", what, err)
	}
	reason, remedy := reasonOf(err)
	if reason == "" {
		return fmt.Errorf("%s: %w", what, err)
	}
	message := what + ": " + remedy
	return &ratchet.Error{Code: reason.Code(), Reason: reason, Message: message, Cause: err}
}

// reasonOf says what an error of a database means and what to do. No reason: it
// is not one.
func reasonOf(err error) (reason ratchet.Reason, remedy string) {
	if lite, ok := errors.AsType[*sqlite3.Error](err); ok {
		return sqliteReason(lite)
	}
	if reason, remedy := postgresReasonOf(err); reason != "" {
		return reason, remedy
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return ratchet.ReasonStorageReadOnly, "the file may not be written: " + firstLine(err)
	}
	if errors.Is(err, syscall.ENOSPC) {
		return ratchet.ReasonStorageFull, "no space is left on the device of the database: make room, nothing was lost"
	}
	if interrupted(err) || brokenOff(err) {
		return ratchet.ReasonStorageConnection, "the connection to PostgreSQL was lost: " + firstLine(err)
	}
	return "", ""
}

// brokenOff reports whether a connection ended in the middle of a statement.
func brokenOff(err error) bool {
	_, network := errors.AsType[*net.OpError](err)
	return network || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "conn closed")
}

func sqliteReason(err *sqlite3.Error) (ratchet.Reason, string) {
	switch err.Code() {
	case codes.SQLITE_CONSTRAINT_UNIQUE, codes.SQLITE_CONSTRAINT_PRIMARYKEY:
		return ratchet.ReasonStorageDuplicateKey, "there is one already: " + err.Error()
	}
	switch err.Code() & 0xff {
	case codes.SQLITE_FULL:
		return ratchet.ReasonStorageFull, "no space is left on the device of the database: make room, nothing was lost"
	case codes.SQLITE_READONLY, codes.SQLITE_PERM, codes.SQLITE_AUTH:
		return ratchet.ReasonStorageReadOnly, "the database may not be written: give this user the right to write the file and its folder"
	case codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
		return ratchet.ReasonStorageCorrupt, "the file is damaged or not a SQLite database: restore a backup (" + err.Error() + ")"
	case codes.SQLITE_CANTOPEN, codes.SQLITE_IOERR:
		return ratchet.ReasonStorageConnection, "the file cannot be opened or read: " + err.Error()
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return ratchet.ReasonStorageTransaction, "another process holds the database: " + err.Error()
	}
	return ratchet.ReasonStorageQuery, "the database refused: " + err.Error()
}

// endsTransaction reports whether SQLite may have ended the transaction with the
// error: what would be written after it would be written for good.
func endsTransaction(err error) bool {
	lite, ok := errors.AsType[*sqlite3.Error](err)
	if !ok {
		return false
	}
	switch lite.Code() & 0xff {
	case codes.SQLITE_FULL, codes.SQLITE_IOERR, codes.SQLITE_NOMEM, codes.SQLITE_BUSY, codes.SQLITE_INTERRUPT,
		codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB, codes.SQLITE_ABORT, codes.SQLITE_READONLY, codes.SQLITE_CANTOPEN:
		return true
	}
	return false
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
