package store

import (
	"context"
	"database/sql"
	"sync/atomic"
	"time"
)

// ConnStats is the use of connections. The counts of waits only grow.
type ConnStats struct {
	Open         int // connections that are open
	InUse        int
	Idle         int
	WaitCount    int64         // calls that waited for a connection
	WaitDuration time.Duration // their total wait
}

// PoolStats is the use of the store's connections.
type PoolStats struct {
	Readers ConnStats  // on PostgreSQL also the connections of transactions: one pool serves both
	Writer  *ConnStats // the connection of SQLite's transactions; nil on PostgreSQL
}

// Pool returns the use of the store's connections now.
func (s *Store) Pool() PoolStats { return s.engine.pool() }

func connStats(db *sql.DB) ConnStats {
	stats := db.Stats()
	return ConnStats{Open: stats.OpenConnections, InUse: stats.InUse, Idle: stats.Idle, WaitCount: stats.WaitCount,
		WaitDuration: stats.WaitDuration}
}

// turn lets one transaction at a time use SQLite's writing connection. It counts the waits, because database/sql does
// not: it sees one connection that is always in use.
type turn struct {
	taken        chan struct{} // capacity 1; full while a transaction runs
	waitCount    atomic.Int64
	waitDuration atomic.Int64
}

// take waits for the turn, or for the end of the context.
func (t *turn) take(ctx context.Context) error {
	select {
	case t.taken <- struct{}{}:
		return nil
	default:
	}
	began := time.Now()
	t.waitCount.Add(1)
	defer func() { t.waitDuration.Add(int64(time.Since(began))) }()
	select {
	case t.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *turn) release() { <-t.taken }

func (t *turn) stats() *ConnStats {
	inUse := len(t.taken)
	return &ConnStats{Open: 1, InUse: inUse, Idle: 1 - inUse, WaitCount: t.waitCount.Load(),
		WaitDuration: time.Duration(t.waitDuration.Load())}
}
