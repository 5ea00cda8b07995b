package daemon

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/config"
	"github.com/ratchet-runner/ratchet-go/internal/httpd"
	"github.com/ratchet-runner/ratchet-go/internal/secret"
)

// openBox reads the keys that seal environments, or makes one.
func openBox(c config.Config) (*secret.Box, error) {
	var keys []secret.Key
	var err error
	if c.Secrets.Key != "" {
		var key secret.Key
		key, err = secret.ParseKey(c.Secrets.Key)
		keys = []secret.Key{key}
	} else {
		keys, err = secret.LoadOrCreate(inDataDir(c, c.Secrets.KeyFile))
	}
	if err != nil {
		return nil, ratchet.Errorf(ratchet.ReasonConfig, "the key for tasks' environments: %w", err)
	}
	return secret.New(keys...)
}

// keyCheck is the name of a value in the database that was sealed with the key of
// the first server that worked on it.
const keyCheck = "key_check"

// wrongKey reports whether what others sealed in the database does not open here.
func wrongKey(ctx context.Context, box *secret.Box, agree func(ctx context.Context, name, value string) (string, error)) (bool, error) {
	context := []byte(keyCheck)
	sealed, err := box.Seal([]byte(keyCheck), context)
	if err != nil {
		return false, fmt.Errorf("check the key for tasks' environments: %w", err)
	}
	kept, err := agree(ctx, keyCheck, base64.StdEncoding.EncodeToString(sealed))
	if err != nil {
		return false, err
	}
	if sealed, err = base64.StdEncoding.DecodeString(kept); err != nil {
		return true, nil
	}
	_, err = box.Open(sealed, context)
	return err != nil, nil
}

// otherKey is what is said of it.
const otherKey = "the key of this server is not the one that values of tasks' environments were sealed with: they cannot be opened here. Give it the ratchet.key of the others (secrets.key_file, or its text in RATCHET_SECRETS_KEY)"

func (d *Daemon) checkSecrets() httpd.Check {
	if d.wrongKey {
		return httpd.Check{Name: "secrets", Status: httpd.Degraded, Message: otherKey}
	}
	return httpd.Check{Name: "secrets", Status: httpd.Healthy, Message: "the key is that of the database"}
}
