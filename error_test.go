package ratchet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// reasons reads from reason.go every Reason there is.
func reasons(t *testing.T) (all []ratchet.Reason) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for n := range ast.Preorder(file) {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			continue
		}
		if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Reason" {
			t.Fatalf("%s is not a Reason", spec.Names[0])
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, ratchet.Reason(text))
	}
	return all
}

func TestEveryReasonHasItsCodeAndDelay(t *testing.T) {
	t.Parallel()
	all := reasons(t)
	slices.Sort(all)
	var got bytes.Buffer
	for _, r := range all {
		if !slices.Contains(ratchet.Codes(), r.Code()) {
			t.Errorf("%s: %s is none of the Codes", r, r.Code())
		}
		fmt.Fprintf(&got, "%-33s %-15s %s\n", r, r.Code(), r.RetryDelay())
	}
	if unique := slices.Compact(slices.Clone(all)); len(unique) != len(all) {
		t.Error("two reasons have one text")
	}
	checkGolden(t, "reasons.txt", got.Bytes())
}

// The reasons of the earlier Ratchet (reference §1.9) with the delays of those
// that are retryable.
func TestTheReasonsOfTheEarlierRatchetCarryOver(t *testing.T) {
	t.Parallel()
	delays := map[ratchet.Reason]time.Duration{
		"TASK_NOT_FOUND": 0, "TASK_VALIDATION_FAILED": 0, "TASK_DISABLED": 0, "TASK_DEPRECATED": 0,
		"TASK_VERSION_MISMATCH": 0, "TASK_INVALID_SOURCE": 0,
		"EXECUTION_NOT_FOUND": 0, "EXECUTION_FAILED": 0, "EXECUTION_CANCELLED": 0,
		"EXECUTION_TIMEOUT": 2 * time.Second, "EXECUTION_INVALID_STATE": 0, "EXECUTION_WORKER_ERROR": time.Second,
		"ENTITY_NOT_FOUND": 0, "STORAGE_CONNECTION_FAILED": time.Second, "STORAGE_QUERY_FAILED": 0,
		"STORAGE_TRANSACTION_FAILED": 500 * time.Millisecond, "STORAGE_MIGRATION_FAILED": 0, "STORAGE_DUPLICATE_KEY": 0,
		"CONFIG_ERROR": 0, "VALIDATION_ERROR": 0,
		"SERVICE_NOT_FOUND": 0, "SERVICE_UNAVAILABLE": 5 * time.Second, "SERVICE_INITIALIZATION_FAILED": 0,
		"PLUGIN_NOT_FOUND": 0, "PLUGIN_LOAD_FAILED": 0, "PLUGIN_API_VERSION_MISMATCH": 0, "PLUGIN_CAPABILITY_NOT_SUPPORTED": 0,
		"NETWORK_ERROR": time.Second, "IO_ERROR": 500 * time.Millisecond, "SERIALIZATION_ERROR": 0,
		"TIMEOUT": 2 * time.Second, "INTERNAL_ERROR": 0,
	}
	all := reasons(t)
	for r, delay := range delays {
		if !slices.Contains(all, r) {
			t.Errorf("there is no reason %s", r)
		}
		if r.RetryDelay() != delay || r.Retryable() != (delay > 0) {
			t.Errorf("%s: got retryable %t after %s, want %s", r, r.Retryable(), r.RetryDelay(), delay)
		}
	}
}

func TestErrorfTakesCodeAndCauseFromItsArguments(t *testing.T) {
	t.Parallel()
	err := ratchet.Errorf(ratchet.ReasonNetwork, "fetch %s: %w", "example.com", io.ErrUnexpectedEOF)
	if err.Error() != "fetch example.com: unexpected EOF" || err.Code != ratchet.CodeUnavailable || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %#v", err)
	}
	if !err.Retryable() || err.RetryDelay() != time.Second {
		t.Errorf("got retryable %t after %s, want 1s", err.Retryable(), err.RetryDelay())
	}
	both := ratchet.Errorf(ratchet.ReasonIO, "%w, then %w", io.ErrShortWrite, io.ErrClosedPipe)
	if !errors.Is(both, io.ErrShortWrite) || !errors.Is(both, io.ErrClosedPipe) {
		t.Errorf("got %#v, want both causes in its chain", both)
	}
	wrapped := fmt.Errorf("run: %w", err)
	if !errors.Is(wrapped, &ratchet.Error{Reason: ratchet.ReasonNetwork}) || errors.Is(wrapped, &ratchet.Error{Reason: ratchet.ReasonIO}) {
		t.Error("Is does not compare reasons")
	}
}

func TestAsErrorHidesWhatIsNotForTheEdges(t *testing.T) {
	t.Parallel()
	if got := ratchet.AsError(nil); got != nil {
		t.Errorf("nil: got %v", got)
	}
	want := ratchet.Errorf(ratchet.ReasonSyntax, "no")
	if got := ratchet.AsError(fmt.Errorf("load: %w", want)); got != want {
		t.Errorf("got %v, want the Error of the chain", got)
	}
	got := ratchet.AsError(errors.New("password is hunter2"))
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if got.Code != ratchet.CodeInternal || bytes.Contains(b, []byte("hunter2")) || got.Error() != "internal error" {
		t.Errorf("got %s", b)
	}
}
