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

// prober tries statements in the shadow, all of which are undone.
type prober struct {
	*shadow
	schema         *catalog.Schema
	rows           map[string][]row // some of each table
	sampleID       string           // a literal of one that is like any other
	freshCount     int              // how many ids were made
	triedCount     int              // how many statements
	candidateCache map[*catalog.Column][]string
}

// row is a row with its values as literals of the engine.
type row map[string]string

// maxRowsPerTable of a table are started from: those of the fixture come first.
const maxRowsPerTable = 16

// openProber fills the shadow, the first time.
func (h *shadow) openProber(ctx context.Context, s *Subject) (*prober, error) {
	if h.prober != nil {
		return h.prober, nil
	}
	p := &prober{shadow: h, schema: s.Shadow, rows: map[string][]row{}, candidateCache: map[*catalog.Column][]string{}}
	id := cardinal.IDAt(s.Now)
	p.sampleID = h.bytesLiteral(id[:], true)
	has := func(table, column string) bool {
		t := p.schema.Table(table)
		return t != nil && (column == "" || t.Column(column) != nil)
	}
	if err := h.insertFixture(ctx, has, auditMonths(s.Shadow), s.Now); err != nil {
		return nil, fmt.Errorf("fill the shadow with rows to probe: %w", err)
	}
	if h.engine == "postgres" && p.schema.Table("audit_logs_"+s.Now.Format("200601")) == nil { // which the fixture has made
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
	found, err := catalog.Texts(ctx, p.conn, fmt.Sprintf(`SELECT %s FROM %s ORDER BY %s LIMIT %d`, strings.Join(columns, ", "), quoteName(t.Name), strings.Join(order, ", "), maxRowsPerTable))
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

// refusal is why the database did not take a statement.
type refusal struct {
	kind  string // "not null", "check", "unique", "foreign key"; "" when it took it
	table string // "" where the database does not say
	name  string // of the constraint or trigger rule, or of the column that is NULL; of a unique index on SQLite its columns
}

func (r refusal) String() string {
	if r.kind == "" {
		return "accepted"
	}
	return r.kind + " " + r.name
}

// tryFunction is the function that tries statements on PostgreSQL. Each is undone by the block that catches its end, whatever that is:
// an error that is caught is not written to the server's log either.
// It stops at a refusal by a name that is wanted.
const tryFunction = `CREATE FUNCTION try_statements(statements text[], at_commit boolean, wanted text[]) RETURNS TABLE (code text, rel text, rule text, col text) LANGUAGE plpgsql AS $$
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

// runRule tries a rule's statements, some at a time: first one, which mostly does, then more and more.
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
	found, err := catalog.Texts(ctx, p.conn, `SELECT code, rel, rule, col FROM try_statements($1, $2, $3)`, batch, r.deferred, r.names)
	for _, f := range found {
		results = append(results, parsePostgresRefusal(f[0], f[1], f[2], f[3]))
	}
	return results, err
}

// parsePostgresRefusal reads why from the SQLSTATE and what comes with it.
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
	if _, undo := p.conn.ExecContext(ctx, "ROLLBACK"); undo != nil && !strings.Contains(undo.Error(), "no transaction is active") {
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

// sqliteConstraint is the result code of every broken rule, https://www.sqlite.org/rescode.html#constraint.
const sqliteConstraint = 19

// parseSQLiteRefusal reads why from the message, which is the only place where SQLite says it. Of a foreign key it does not say which.
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

// breaksOnlyThisKey reports whether a statement, let through until the end of the transaction, leaves a row that breaks a foreign key
// and no other one that is checked at the same time: SQLite's refusal does not name it.
func (p *prober) breaksOnlyThisKey(ctx context.Context, statement string, r rule) (only bool, err error) {
	_, err = p.conn.ExecContext(ctx, "BEGIN;\nPRAGMA defer_foreign_keys = ON;\n"+statement)
	if err == nil {
		var broken [][]string
		broken, err = catalog.Texts(ctx, p.conn, `SELECT DISTINCT l.id, l."from", l."table" FROM pragma_foreign_key_check($1) c
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
