// Package catalog reads a live database back as a model: what its own catalog says of tables, columns, keys, indexes, triggers,
// functions, comments and grants. It knows nothing of what the schema should be; check judges the model, and erd draws it. Any
// PostgreSQL or SQLite database can be read, Cardinal's or not, and none is changed.
package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver

	"cardinal"
)

// ErrUnreadable says that a database cannot be opened or does not answer.
var ErrUnreadable = errors.New("the database cannot be read")

// Querier reads: a pool of connections, one of them, or a transaction.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Database is an open database that is only read.
type Database struct {
	*sql.DB
	Engine string // "sqlite" or "postgres"
}

// Open opens the database of a URL for reading: "sqlite:PATH" (or a plain path), which must be there, or "postgres://…".
func Open(ctx context.Context, url string) (*Database, error) {
	d := &Database{}
	var err error
	switch {
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		d.Engine = "postgres"
		d.DB, err = openPostgres(url)
	case strings.HasPrefix(url, "sqlite:"):
		d.Engine = "sqlite"
		d.DB, err = openSQLite(strings.TrimPrefix(strings.TrimPrefix(url, "sqlite://"), "sqlite:"))
	case url != "" && !strings.Contains(url, "://"):
		d.Engine = "sqlite"
		d.DB, err = openSQLite(url)
	default:
		return nil, fmt.Errorf("%w: the database must be a path, sqlite:PATH or postgres://…", cardinal.ErrInvalid)
	}
	if err != nil {
		return nil, err
	}
	if err := d.PingContext(ctx); err != nil {
		d.Close()
		return nil, fmt.Errorf("%w: it does not answer", ErrUnreadable) // err may repeat the URL, password and all
	}
	return d, nil
}

func openPostgres(url string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("%w: the database URL cannot be read", cardinal.ErrInvalid)
	}
	config.RuntimeParams["default_transaction_read_only"] = "on"
	config.RuntimeParams["application_name"] = "cardinal check"
	config.RuntimeParams["jit"] = "off" // compiling a query of the catalog takes longer than running it
	return stdlib.OpenDB(*config), nil
}

func openSQLite(path string) (*sql.DB, error) {
	if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no file %s", cardinal.ErrNotFound, path)
	} else if err != nil || info.IsDir() {
		return nil, fmt.Errorf("%w: %s is no file that can be read", ErrUnreadable, path)
	}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
	return sql.Open("sqlite", dsn+"?mode=rw&_pragma=busy_timeout(10000)&_pragma=query_only(1)&_pragma=trusted_schema(0)")
}

// Read reads a schema; on SQLite, which has but one, name is ignored.
func (d *Database) Read(ctx context.Context, name string) (*Schema, error) {
	if d.Engine == "sqlite" {
		return ReadSQLite(ctx, d)
	}
	tx, err := d.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	defer tx.Rollback()
	return ReadPostgres(ctx, tx, name)
}

// Texts returns the rows of a query whose columns are read as text; NULL is "".
func Texts(ctx context.Context, q Querier, query string, args ...any) ([][]string, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var all [][]string
	for rows.Next() {
		values, targets := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		row := make([]string, len(names))
		for i, v := range values {
			row[i] = v.String
		}
		all = append(all, row)
	}
	return all, rows.Err()
}
