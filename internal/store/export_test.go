package store

import (
	"context"
	"database/sql"
)

// Exec runs a statement that no method of Tx runs. It is not a method, because the suite would require a case for it.
func Exec(ctx context.Context, tx Tx, statement string) error {
	_, err := tx.exec(ctx, statement)
	return err
}

// Statements returns the texts that a store has run so far: from the statement caches of SQLite, or from the prepared
// statements of PostgreSQL's sessions.
func Statements(ctx context.Context, s *Store) (map[string]bool, error) {
	found := map[string]bool{}
	pool, ok := s.engine.reader.(*sql.DB)
	if !ok {
		err := s.Write(ctx, func(tx Tx) error {
			for _, cache := range []*statementCache{s.engine.reader.(*statementCache), tx.q.(*statementCache)} {
				for text := range cache.cached {
					found[text] = true
				}
			}
			return nil
		})
		return found, err
	}
	var conns []*sql.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range pool.Stats().OpenConnections {
		conn, err := pool.Conn(ctx)
		if err != nil {
			return nil, err
		}
		conns = append(conns, conn)
		rows, err := conn.QueryContext(ctx, `SELECT statement FROM pg_prepared_statements`)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				return nil, err
			}
			found[text] = true
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// Query runs a query of one text column.
func Query(ctx context.Context, r Reader, query string, args ...any) error {
	_, err := queryAll(ctx, r, scanText, query, args...)
	return err
}
