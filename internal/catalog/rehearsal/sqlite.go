package rehearsal

import (
	"context"
	"database/sql"
	"errors"

	"cardinal/internal/catalog"
	"cardinal/internal/store/schema"
)

// sqliteStage is an in-memory database.
type sqliteStage struct {
	db   *sql.DB
	conn *sql.Conn
}

func openSQLite(ctx context.Context, _ *catalog.Database, applied []schema.Migration) (stage, error) {
	const options = "?mode=memory&_pragma=foreign_keys(1)&_pragma=recursive_triggers(1)&_dqs=0"
	db, err := sql.Open("sqlite", "file:rehearsal"+options)
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		db.Close()
		return nil, err
	}
	s := sqliteStage{db, conn}
	if _, err := conn.ExecContext(ctx, "BEGIN;\n"+schema.Script("sqlite", applied)+";\nCOMMIT"); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s sqliteStage) close() error { return errors.Join(s.conn.Close(), s.db.Close()) }

func (s sqliteStage) read(ctx context.Context) (*catalog.Schema, error) {
	return catalog.ReadSQLite(ctx, s.conn)
}

func (s sqliteStage) run(ctx context.Context, m schema.Migration, _ *catalog.Schema) ([]Effect, error) {
	_, err := s.conn.ExecContext(ctx, "BEGIN;\n"+m.Script+";\nCOMMIT")
	return []Effect{}, err
}
