package sqlstore_test

import (
	"fmt"
	"testing"

	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// Whoever filters lists in ever new ways does not fill the memory.
func TestStatementsOfListsAreKeptWithinBounds(t *testing.T) {
	t.Parallel()
	var r sqlstore.Rebinder
	for n := range 3 * sqlstore.KeptStatements {
		sql := fmt.Sprintf("SELECT '?' FROM t WHERE a%d = ? AND b = ?", n)
		want := fmt.Sprintf("SELECT '?' FROM t WHERE a%d = $1 AND b = $2", n)
		for range 2 {
			if got := r.Rebind(sql); got != want {
				t.Fatalf("got %s, want %s", got, want)
			}
		}
		if r.Kept() > sqlstore.KeptStatements {
			t.Fatalf("got %d statements kept, want at most %d", r.Kept(), sqlstore.KeptStatements)
		}
	}
}
