package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"modernc.org/sqlite"

	"cardinal"
	"cardinal/internal/catalog"
)

// prober executes statements in the shadow and undoes all of them.
type prober struct {
	*shadow
	schema         *catalog.Schema
	rows           map[string][]row // some rows of each table
	sampleID       string           // literal of an ordinary id
	freshCount     int              // number of generated values
	triedCount     int              // number of executed statements
	candidateCache map[*catalog.Column][]string
}

// row contains the values of a row as literals of the engine.
type row map[string]string

// maxRowsPerTable limits the rows from which probes start; those of the fixture come first.
const maxRowsPerTable = 16

// openProber returns the prober of the shadow. The first call inserts the fixture.
func (h *shadow) openProber(ctx context.Context, s *Subject) (*prober, error) {
	if h.prober != nil {
		return h.prober, nil
	}
	p := &prober{shadow: h, schema: s.Shadow, rows: map[string][]row{}, candidateCache: map[*catalog.Column][]string{}}
	id := cardinal.IDAt(s.Now)
	p.sampleID = h.bytesLiteral(id[:], true)
	if err := h.insertFixture(ctx, p.schema, auditMonths(s.Shadow), s.Now); err != nil {
		return nil, fmt.Errorf("insert rows into the shadow schema: %w", err)
	}
	// the fixture has created this month
	if h.engine == "postgres" && p.schema.Table("audit_logs_"+s.Now.Format("200601")) == nil {
		var err error
		if p.schema, err = catalog.ReadPostgres(ctx, h.conn, h.name); err != nil {
			return nil, err
		}
	}
	for i := range p.schema.Tables {
		if err := p.readRows(ctx, &p.schema.Tables[i]); err != nil {
			return nil, err
		}
	}
	if h.engine == "postgres" {
		if _, err := h.conn.ExecContext(ctx, tryFunction); err != nil {
			return nil, err
		}
	}
	h.prober = p
	return p, nil
}

func (p *prober) readRows(ctx context.Context, t *catalog.Table) error {
	var columns, order []string
	for _, c := range t.Columns {
		value := "quote(" + quoteName(c.Name) + ")"
		if p.engine == "postgres" {
			value = "quote_nullable(" + quoteName(c.Name) + "::text)"
		}
		columns = append(columns, value)
	}
	for _, key := range t.PrimaryKey() {
		order = append(order, quoteName(key)+" DESC")
	}
	if len(columns) == 0 || len(order) == 0 {
		return nil
	}
	found, err := catalog.QueryTexts(ctx, p.conn, fmt.Sprintf(`SELECT %s FROM %s ORDER BY %s LIMIT %d`,
		strings.Join(columns, ", "), quoteName(t.Name), strings.Join(order, ", "), maxRowsPerTable))
	if err != nil {
		return err
	}
	for _, values := range found {
		r := row{}
		for i, c := range t.Columns {
			r[c.Name] = values[i]
		}
		p.rows[t.Name] = append(p.rows[t.Name], r)
	}
	return nil
}

// refusal is the reason why the database refused a statement.
type refusal struct {
	kind  string // "not null", "check", "unique", "foreign key"; "" if it was accepted
	table string // "" if the database does not report it
	name  string // of the constraint, the trigger rule or the NULL column; for a unique index on SQLite its columns
}

func (r refusal) String() string {
	if r.kind == "" {
		return "accepted"
	}
	return r.kind + " " + r.name
}

// tryFunction creates the function that executes statements on PostgreSQL. The block that catches the error of a
// statement also undoes it; a caught error is not written to the server's log. A statement that succeeds ends with an
// error of its own, so that it is undone too. The function stops at a refusal with one of the wanted names.
const tryFunction = `CREATE FUNCTION try_statements(statements text[], at_commit boolean,
  wanted text[]) RETURNS TABLE (code text, rel text, rule text, col text) LANGUAGE plpgsql AS $$
DECLARE
  statement text;
BEGIN
  FOREACH statement IN ARRAY statements LOOP
    BEGIN
      EXECUTE statement;
      IF at_commit THEN
        SET CONSTRAINTS ALL IMMEDIATE;
      END IF;
      RAISE EXCEPTION USING ERRCODE = 'PROBE';
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, rel = TABLE_NAME, rule = CONSTRAINT_NAME, col = COLUMN_NAME;
    END;
    RETURN NEXT;
    EXIT WHEN rule = ANY (wanted) OR col = ANY (wanted);
  END LOOP;
END $$`

// runRule executes the statements of a rule in batches: first one statement, which is mostly enough, then more and
// more.
func (p *prober) runRule(ctx context.Context, r rule) iter.Seq2[[]refusal, error] {
	return func(yield func([]refusal, error) bool) {
		next, stop := iter.Pull(r.statements)
		defer stop()
		for size := 1; ; size = min(4*size, 64) {
			var batch []string
			for len(batch) < size {
				statement, ok := next()
				if !ok {
					break
				}
				batch = append(batch, statement)
			}
			if len(batch) == 0 {
				return
			}
			p.triedCount += len(batch)
			results, err := p.runBatch(ctx, batch, r)
			if !yield(results, err) || err != nil {
				return
			}
		}
	}
}

func (p *prober) runBatch(ctx context.Context, batch []string, r rule) (results []refusal, err error) {
	if p.engine == "sqlite" {
		for _, statement := range batch {
			result, err := p.runSQLite(ctx, statement, r)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", statement, err)
			}
			results = append(results, result)
			if r.matches(result) {
				break
			}
		}
		return results, nil
	}
	found, err := catalog.QueryTexts(ctx, p.conn, `SELECT code, rel, rule, col FROM try_statements($1, $2, $3)`, batch,
		r.deferred, r.names)
	for _, f := range found {
		results = append(results, parsePostgresRefusal(f[0], f[1], f[2], f[3]))
	}
	return results, err
}

// parsePostgresRefusal reads the reason from the SQLSTATE and the other error fields.
func parsePostgresRefusal(code, table, constraint, column string) refusal {
	switch code {
	case "PROBE":
		return refusal{}
	case "23502":
		return refusal{"not null", table, column}
	case "23503":
		return refusal{"foreign key", table, constraint}
	case "23505":
		return refusal{"unique", table, constraint}
	case "23514":
		return refusal{"check", table, cmp.Or(constraint, "of the bounds of a partition")}
	}
	return refusal{"SQLSTATE", table, code}
}

func (p *prober) runSQLite(ctx context.Context, statement string, r rule) (found refusal, err error) {
	if r.foreignKey != nil {
		only, err := p.breaksOnlyThisKey(ctx, statement, r)
		if err != nil || !only {
			return refusal{kind: "foreign key", name: "another"}, err
		}
	}
	text := "BEGIN;\n" + statement
	if r.deferred {
		text += ";\nCOMMIT"
	}
	_, err = p.conn.ExecContext(ctx, text)
	if _, undo := p.conn.ExecContext(ctx, "ROLLBACK"); undo != nil &&
		!strings.Contains(undo.Error(), "no transaction is active") {
		return refusal{}, undo
	}
	if err == nil {
		return refusal{}, nil
	}
	found, ok := parseSQLiteRefusal(err)
	if !ok {
		return refusal{}, err
	}
	if found.kind == "foreign key" && r.foreignKey != nil {
		found.name = r.foreignKey.Name
	}
	return found, nil
}

var (
	sqliteUnique = newPattern(`UNIQUE constraint failed: (?:index '(.+)'|(.+?)) \(\d+\)$`)
	sqliteCheck  = newPattern(`CHECK constraint failed: (\w+)`)
	sqliteNull   = newPattern(`NOT NULL constraint failed: (\w+)\.(\w+)`)
	sqliteRaised = newPattern(`(\w+): [^:]*$`)
)

// sqliteConstraint is the result code of constraint violations, https://www.sqlite.org/rescode.html#constraint.
const sqliteConstraint = 19

// parseSQLiteRefusal reads the reason from the message, because SQLite reports it nowhere else. It does not report
// which foreign key was violated.
func parseSQLiteRefusal(err error) (refusal, bool) {
	var lite *sqlite.Error
	if !errors.As(err, &lite) || lite.Code()&0xff != sqliteConstraint {
		return refusal{}, false
	}
	text := lite.Error()
	if m := sqliteUnique.FindStringSubmatch(text); m != nil {
		return refusal{"unique", "", m[1] + m[2]}, true
	}
	if m := sqliteCheck.FindStringSubmatch(text); m != nil {
		return refusal{"check", "", m[1]}, true
	}
	if m := sqliteNull.FindStringSubmatch(text); m != nil {
		return refusal{"not null", m[1], m[2]}, true
	}
	if strings.Contains(text, "FOREIGN KEY constraint failed") {
		return refusal{"foreign key", "", ""}, true
	}
	if m := sqliteRaised.FindStringSubmatch(text); m != nil && !strings.Contains(text, "cannot store") {
		return refusal{"check", "", m[1]}, true
	}
	return refusal{"data", "", "type"}, true
}

// breaksOnlyThisKey reports whether a statement, executed with deferred foreign keys, leaves a row that violates the
// rule's foreign key and no other one that is checked at the same time. SQLite's refusal does not name the key.
func (p *prober) breaksOnlyThisKey(ctx context.Context, statement string, r rule) (only bool, err error) {
	_, err = p.conn.ExecContext(ctx, "BEGIN;\nPRAGMA defer_foreign_keys = ON;\n"+statement)
	if err == nil {
		var broken [][]string
		broken, err = catalog.QueryTexts(ctx, p.conn, `SELECT DISTINCT l.id, l."from", l."table"
		  FROM pragma_foreign_key_check($1) c
		    JOIN pragma_foreign_key_list($1) l ON l.id = c.fkid ORDER BY l.id, l.seq`, r.table.Name)
		columns := map[string][]string{}
		for _, b := range broken {
			columns[b[0]] = append(columns[b[0]], b[1])
		}
		only = false
		for id, from := range columns {
			i := slices.IndexFunc(broken, func(b []string) bool { return b[0] == id })
			key := findFirst(r.table.ForeignKeys(), func(c catalog.Constraint) bool {
				return c.References == broken[i][2] && slices.Equal(c.Columns, from)
			})
			if key.Name == r.foreignKey.Name {
				only = true
			} else if key.Deferred == r.deferred {
				only = false
				break
			}
		}
	} else if _, refused := parseSQLiteRefusal(err); refused {
		err = nil
	}
	_, undo := p.conn.ExecContext(ctx, "ROLLBACK")
	return only, errors.Join(err, undo)
}
