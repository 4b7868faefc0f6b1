// Package catalog reads the schema of a live database into a model: the tables, columns, keys, indexes, triggers,
// functions, comments and grants that the database's own system catalog describes. The package does not know what the
// schema should be: package check evaluates the model and package erd draws it. It can read any PostgreSQL or SQLite
// database, Cardinal's or not, and never changes one.
//
// A fact is one property of one object of the schema, such as the type of a column. The fingerprint is a hash of all
// facts: two databases with the same fingerprint have the same schema.
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

	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver

	"cardinal"
	"cardinal/internal/store"
)

// ErrUnreadable says that a database cannot be opened or does not answer.
var ErrUnreadable = errors.New("the database cannot be read")

// Querier runs queries: a connection pool, a single connection, or a transaction.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Database is an open database that is only read, never changed.
type Database struct {
	*sql.DB
	Engine string // "sqlite" or "postgres"
}

// Open opens a database for reading. The URL is "sqlite:PATH" (or a plain path) of an existing file, or
// "postgres://...".
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
		return nil, fmt.Errorf("%w: the database must be a path, sqlite:PATH or postgres://HOST/NAME",
			cardinal.ErrInvalid)
	}
	if err != nil {
		return nil, err
	}
	if err := d.PingContext(ctx); err != nil {
		d.Close()
		return nil, fmt.Errorf("%w: it does not answer", ErrUnreadable) // err can contain the URL with its password
	}
	return d, nil
}

func openPostgres(url string) (*sql.DB, error) {
	config, _, err := store.ParsePostgresURL(url)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["default_transaction_read_only"] = "on"
	config.RuntimeParams["application_name"] = "cardinal check"
	config.RuntimeParams["jit"] = "off" // compiling a catalog query takes longer than running it
	return stdlib.OpenDB(*config), nil
}

func openSQLite(path string) (*sql.DB, error) {
	if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no file %s", cardinal.ErrNotFound, path)
	} else if err != nil || info.IsDir() {
		return nil, fmt.Errorf("%w: %s is not a readable file", ErrUnreadable, path)
	}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
	return sql.Open("sqlite",
		dsn+"?mode=rw&_pragma=busy_timeout(10000)&_pragma=query_only(1)&_pragma=trusted_schema(0)")
}

// Read reads one schema. SQLite has only one, so name is ignored there.
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

// QueryTexts returns the rows of a query with all values converted to text; NULL becomes "".
func QueryTexts(ctx context.Context, q Querier, query string, args ...any) ([][]string, error) {
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
