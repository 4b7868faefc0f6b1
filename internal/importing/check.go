package importing

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/importfile"
	"cardinal/internal/store"
)

// Plan is what Check found in a file.
type Plan struct {
	Format   string                  `json:"format"`
	Columns  []cardinal.ImportColumn `json:"columns,omitempty"`
	Rows     int64                   `json:"rows"`
	New      int64                   `json:"new"`
	Existing int64                   `json:"existing"`
	Invalid  int64                   `json:"faulty"`
	Hashes   map[string]int64        `json:"hashes,omitempty"`  // number of passwords by scheme
	Earlier  *cardinal.ImportRun     `json:"earlier,omitempty"` // an import of the same file

	mac []byte
	// lateErrors are the problems, by row, that only a comparison with other rows or with the database shows.
	lateErrors map[int64][]cardinal.FieldError
}

// Check reads a file to its end and writes nothing. It reports each row with problems to onInvalid, and returns what
// an import would do. It calls onRow with the number of rows read, once per batch.
func Check(
	ctx context.Context, k directory.Desk, src Source, o Options, onInvalid OnInvalidRow, onRow func(rows int64),
) (Plan, error) {
	plan := Plan{Hashes: map[string]int64{}, lateErrors: map[int64][]cardinal.FieldError{}}
	rule := directory.Rule{Action: "import.start", Permission: "users.import"}
	reader, err := k.Read(ctx, rule)
	if err != nil {
		return directory.RecordDenied[Plan](ctx, k, rule, err)
	}
	rules, err := newRules(ctx, k, reader)
	if err != nil {
		return plan, err
	}
	identifiers, err := newDuplicateFinder()
	if err != nil {
		return plan, fmt.Errorf("create temporary files: %w", err)
	}
	defer identifiers.close()
	if err := plan.readFile(ctx, rules, reader, src, o, identifiers, onInvalid, onRow); err != nil {
		return plan, err
	}
	if err := plan.addDuplicates(identifiers); err != nil {
		return plan, err
	}
	if err := plan.reportLateErrors(src, o, onInvalid); err != nil {
		return plan, err
	}
	earlier, err := reader.ImportsByContent(ctx, plan.mac)
	if err != nil {
		return plan, err
	}
	if len(earlier) > 0 {
		run, _ := readRun(k.Directory(), earlier[0])
		plan.Earlier = &run
	}
	return plan, nil
}

// readFile checks each row, and compares the valid ones with the database.
func (plan *Plan) readFile(
	ctx context.Context, rules *rules, reader store.Reader, src Source, o Options, identifiers *duplicateFinder,
	onInvalid OnInvalidRow, onRow func(rows int64),
) error {
	content, err := openContent(src)
	if err != nil {
		return err
	}
	defer content.Close()
	countInvalid := func(r *importfile.Reader, row *importfile.Row, fieldErrors []cardinal.FieldError) error {
		plan.Rows++
		plan.Invalid++
		return onInvalid(r, row, fieldErrors)
	}
	r, err := rules.forEachRow(ctx, content, o.File, countInvalid, func(rows []checkedRow, last int64) error {
		if err := plan.classify(ctx, rules, reader, rows, identifiers); err != nil {
			return err
		}
		onRow(last)
		return nil
	})
	if err != nil {
		return err
	}
	plan.Format, plan.Columns = r.Format, r.Columns
	plan.mac, err = content.mac(rules.desk.Directory(), o.File)
	return err
}

// classify counts the rows of a batch as new, existing or invalid.
func (plan *Plan) classify(
	ctx context.Context, rules *rules, r store.Reader, rows []checkedRow, identifiers *duplicateFinder,
) error {
	existing, err := findExisting(ctx, r, rows)
	if err != nil {
		return err
	}
	for i := range rows {
		row := &rows[i]
		plan.Rows++
		switch err := existing.classify(row); {
		case errors.Is(err, errExists):
			plan.Existing++
			continue // not added to identifiers: another row of an existing user is skipped as well
		case err != nil:
			plan.Invalid++
			plan.lateErrors[row.number] = cardinal.FieldErrorsOf(err)
			continue
		}
		plan.New++
		if row.hash != nil {
			name := row.hash.Scheme()
			if rules.hasher().MustWrap(*row.hash) {
				name += " (weak: wrapped in Argon2id)"
			}
			plan.Hashes[name]++
		}
		if err := identifiers.add(row); err != nil {
			return fmt.Errorf("write a temporary file: %w", err)
		}
	}
	return nil
}

// addDuplicates counts the rows that repeat an identifier of an earlier row as invalid.
func (plan *Plan) addDuplicates(identifiers *duplicateFinder) error {
	duplicates, err := identifiers.duplicates()
	if err != nil {
		return fmt.Errorf("read temporary files: %w", err)
	}
	for number, earlier := range duplicates {
		if _, ok := plan.lateErrors[number]; !ok {
			plan.New--
			plan.Invalid++
			plan.lateErrors[number] = []cardinal.FieldError{*cardinal.NewFieldError("row_duplicate", earlier)}
		}
	}
	if len(plan.lateErrors) >= maxDuplicates {
		return fmt.Errorf("%w: more than %d rows have an identifier of another row or of an existing user; "+
			"check that it is the right file, and that the right column has the identifier",
			importfile.ErrFile, maxDuplicates)
	}
	return nil
}

// reportLateErrors reads the file once more, to report the rows in lateErrors.
func (plan *Plan) reportLateErrors(src Source, o Options, onInvalid OnInvalidRow) error {
	left := len(plan.lateErrors)
	if left == 0 {
		return nil
	}
	in, err := src.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	r, err := importfile.Open(in, o.File)
	if err != nil {
		return err
	}
	var row importfile.Row
	for left > 0 {
		if err := r.Read(&row); err != nil {
			return err
		}
		if fieldErrors, ok := plan.lateErrors[row.Number]; ok {
			left--
			if err := onInvalid(r, &row, slices.Clone(fieldErrors)); err != nil {
				return err
			}
		}
	}
	return nil
}
