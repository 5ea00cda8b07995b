// Package rediscache is a place for what several nodes keep, in Redis. When it is of
// use, and what to do without it, it leaves to package cache.
package rediscache

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/ratchet-runner/ratchet-go/internal/cache"
)

// A Tier keeps values in a Redis. It is safe for concurrent use.
type Tier struct{ pool *redis.Pool }

// prefix begins every key.
const prefix = "ratchet:result:"

// Bounds of connections.
const (
	maxIdle   = 8
	maxActive = 64
	idleTime  = time.Minute
)

// New returns a Tier at the URL: redis://, rediss:// (TLS), each with user:password
// and /database if need be, or unix:///path/of/socket. No connection is made before
// it is used.
func New(address string, timeout time.Duration) (*Tier, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("it is no URL")
	}
	options := []redis.DialOption{redis.DialConnectTimeout(timeout), redis.DialReadTimeout(timeout), redis.DialWriteTimeout(timeout)}
	var dial func(ctx context.Context) (redis.Conn, error)
	switch u.Scheme {
	case "redis", "rediss":
		if u.Hostname() == "" {
			return nil, fmt.Errorf("it names no host: want %s://host:6379", u.Scheme)
		}
		if db := strings.Trim(u.Path, "/"); db != "" {
			if _, err := strconv.Atoi(db); err != nil {
				return nil, errors.New("what follows the host must be the number of a database")
			}
		}
		dial = func(ctx context.Context) (redis.Conn, error) { return redis.DialURLContext(ctx, address, options...) }
	case "unix":
		if u.Path == "" {
			return nil, errors.New("it names no socket: want unix:///path/of/socket")
		}
		dial = func(ctx context.Context) (redis.Conn, error) {
			return redis.DialContext(ctx, "unix", u.Path, options...)
		}
	default:
		return nil, errors.New("it begins with none of redis://, rediss://, unix://")
	}
	return &Tier{&redis.Pool{MaxIdle: maxIdle, MaxActive: maxActive, IdleTimeout: idleTime, DialContext: dial}}, nil
}

// Get returns a value; nil if there is none.
func (t *Tier) Get(ctx context.Context, key cache.ResultKey) ([]byte, error) {
	value, err := redis.Bytes(t.do(ctx, "GET", name(key)))
	if errors.Is(err, redis.ErrNil) {
		return nil, nil
	}
	return value, err
}

// Put keeps a value for a time.
func (t *Tier) Put(ctx context.Context, key cache.ResultKey, value []byte, ttl time.Duration) error {
	_, err := t.do(ctx, "SET", name(key), value, "PX", max(ttl.Milliseconds(), 1))
	return err
}

func (t *Tier) do(ctx context.Context, command string, args ...any) (reply any, err error) {
	conn, err := t.pool.GetContext(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closed(conn)) }()
	return redis.DoContext(conn, ctx, command, args...)
}

// closed gives a connection back to the pool, which has no more use of one that
// broke: what broke it was told already.
func closed(conn redis.Conn) error {
	if conn.Err() != nil {
		_ = conn.Close()
		return nil
	}
	return conn.Close()
}

// Close closes all connections.
func (t *Tier) Close() error { return t.pool.Close() }

func name(key cache.ResultKey) string { return fmt.Sprintf("%s%x", prefix, key) }
