package sqlstore_test

import (
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

// What others ask of a store, which does not know them.
var (
	_ service.Store = (*sqlstore.Store)(nil)
	_ auth.Keys     = (*sqlstore.Store)(nil)
)
