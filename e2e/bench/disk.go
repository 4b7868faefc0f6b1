package main

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// share is the disk space per user of one table or index.
type share struct {
	name  string
	bytes float64
}

// diskUse measures the disk space per user, in total and by table and index.
func (b *bench) diskUse(engine string, w *populated) error {
	sizes := sizesOfSQLite
	if !strings.HasPrefix(w.db, "sqlite:") {
		sizes = sizesOfPostgres
	}
	shares, err := sizes(w.db)
	if err != nil {
		return err
	}
	sum := 0.0
	for i := range shares {
		shares[i].bytes /= float64(w.people)
		sum += shares[i].bytes
	}
	slices.SortFunc(shares, func(x, y share) int { return cmp.Compare(y.bytes, x.bytes) })
	b.add(figure{what: "disk space per user: profile, two contacts, credential, search", engine: engine, unit: "bytes",
		value: sum, limit: "see below, by table and index", samples: w.people})
	b.shares = append(b.shares, diskUse{engine, shares})
	return nil
}

// diskUse is the disk space per user of one engine.
type diskUse struct {
	engine string
	shares []share
}

func sizesOfSQLite(db string) ([]share, error) {
	file, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(db, "sqlite:")+"?mode=ro")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	rows, err := file.Query(`SELECT name, SUM(pgsize) FROM dbstat GROUP BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var shares []share
	for rows.Next() {
		var s share
		if err := rows.Scan(&s.name, &s.bytes); err != nil {
			return nil, err
		}
		shares = append(shares, s)
	}
	return shares, rows.Err()
}

// sizesOfPostgres returns the sizes of tables, with their TOAST tables, and of indexes. The partitions of the audit log
// count as one table.
func sizesOfPostgres(db string) ([]share, error) {
	conn, err := pgx.Connect(context.Background(), db)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(context.Background(), `
		SELECT regexp_replace(c.relname, '_20[0-9]{4}', ''),
		       SUM(CASE c.relkind WHEN 'r' THEN pg_table_size(c.oid) ELSE pg_relation_size(c.oid) END)::float8
		  FROM pg_class c WHERE c.relnamespace = 'cardinal'::regnamespace AND c.relkind IN ('r', 'i') GROUP BY 1`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (s share, err error) {
		err = row.Scan(&s.name, &s.bytes)
		return s, err
	})
}

// vacuum runs the maintenance that PostgreSQL would start some time after many inserts, so that it does not affect
// later measurements.
func vacuum(db string) error {
	if strings.HasPrefix(db, "sqlite:") {
		return nil
	}
	conn, err := pgx.Connect(context.Background(), db)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	for _, statement := range []string{`VACUUM (ANALYZE)`, `CHECKPOINT`} {
		if _, err := conn.Exec(context.Background(), statement); err != nil {
			return err
		}
	}
	return nil
}
